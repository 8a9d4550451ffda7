SELECT r.rolname::text
FROM pg_catalog.pg_roles r
JOIN pg_catalog.pg_namespace n ON n.nspname = 'tovgov'
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname IN ('ProtectionStatus', 'BackupLog')
WHERE pg_catalog.has_schema_privilege(r.oid, n.oid, 'USAGE')
GROUP BY r.rolname
HAVING pg_catalog.count(*) OPERATOR(pg_catalog.=) 2 AND pg_catalog.bool_and(pg_catalog.has_table_privilege(r.rolname, c.oid, 'SELECT'))
