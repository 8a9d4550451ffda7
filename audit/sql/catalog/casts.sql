SELECT 'pg_catalog.pg_cast'::pg_catalog.regclass, c.oid, 0, 'pg_catalog.pg_cast'::pg_catalog.regclass, c.oid,
       pg_catalog.concat_ws(' ', nullif(c.castfunc, 0)::pg_catalog.regprocedure, c.castcontext, c.castmethod)
  FROM pg_catalog.pg_cast AS c
 WHERE c.oid >= 16384
