SELECT 'pg_catalog.pg_extension'::pg_catalog.regclass, e.oid, 0, 'pg_catalog.pg_extension'::pg_catalog.regclass, e.oid,
       pg_catalog.concat_ws(' ', 'version', e.extversion, 'in', e.extnamespace::pg_catalog.regnamespace)
  FROM pg_catalog.pg_extension AS e
