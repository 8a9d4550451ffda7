SELECT c.relname::text
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'tovgov'
JOIN pg_catalog.pg_roles r ON r.rolname OPERATOR(pg_catalog.=) {name}
WHERE c.relkind IN ('r', 'v') AND pg_catalog.has_schema_privilege(r.oid, n.oid, 'USAGE')
  AND pg_catalog.has_table_privilege(r.oid, c.oid, 'SELECT')
