SELECT 'pg_catalog.pg_namespace'::pg_catalog.regclass, n.oid, 0, 'pg_catalog.pg_namespace'::pg_catalog.regclass, n.oid, NULL
  FROM pg_catalog.pg_namespace AS n
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
