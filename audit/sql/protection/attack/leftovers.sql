SELECT 'database', d.datname::text FROM pg_catalog.pg_database d WHERE d.datname LIKE 'tovgov\_attack\_%'
UNION ALL
SELECT 'role', r.rolname::text FROM pg_catalog.pg_roles r WHERE r.rolname LIKE 'tovgov\_attack\_%'
ORDER BY 1, 2
