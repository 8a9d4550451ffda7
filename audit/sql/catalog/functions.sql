SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, 0, 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid,
       pg_catalog.pg_get_functiondef(p.oid)
  FROM pg_catalog.pg_proc AS p
  JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
 WHERE p.prokind <> 'a'
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
