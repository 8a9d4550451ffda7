SELECT 'pg_catalog.pg_conversion'::pg_catalog.regclass, c.oid, 0, 'pg_catalog.pg_conversion'::pg_catalog.regclass, c.oid,
       pg_catalog.concat_ws(' ', pg_catalog.pg_encoding_to_char(c.conforencoding), pg_catalog.pg_encoding_to_char(c.contoencoding),
                            c.conproc::pg_catalog.regprocedure, c.condefault)
  FROM pg_catalog.pg_conversion AS c
 WHERE c.oid >= 16384
