-- What must not be of the ground every rule stands on: object, what is wrong, what mends it.
SELECT 'role tovgov_guard' AS object, 'It may log in.' AS detail, 'ALTER ROLE tovgov_guard NOLOGIN' AS hint
FROM pg_catalog.pg_roles r WHERE r.rolname = 'tovgov_guard' AND r.rolcanlogin
UNION ALL
SELECT 'role tovgov_guard', 'It has rights over the whole server.', 'ALTER ROLE tovgov_guard NOSUPERUSER NOCREATEROLE NOBYPASSRLS'
FROM pg_catalog.pg_roles r
WHERE r.rolname = 'tovgov_guard' AND (r.rolsuper OR r.rolcreaterole OR r.rolbypassrls)
UNION ALL
SELECT 'role tovgov_guard', pg_catalog.format('%s is a member of it.', m.rolname),
       pg_catalog.format('REVOKE tovgov_guard FROM %I', m.rolname)
FROM pg_catalog.pg_auth_members a
JOIN pg_catalog.pg_roles r ON r.oid = a.roleid AND r.rolname = 'tovgov_guard'
JOIN pg_catalog.pg_roles m ON m.oid = a.member AND NOT m.rolsuper
UNION ALL
SELECT 'schema tovgov', pg_catalog.format('%s may make objects in it.', coalesce(g.rolname, 'PUBLIC')),
       pg_catalog.format('REVOKE CREATE ON SCHEMA tovgov FROM %s', coalesce(pg_catalog.quote_ident(g.rolname), 'PUBLIC'))
FROM pg_catalog.pg_namespace n
CROSS JOIN LATERAL pg_catalog.aclexplode(n.nspacl) x
LEFT JOIN pg_catalog.pg_roles g ON g.oid = x.grantee
WHERE n.nspname = 'tovgov' AND x.privilege_type = 'CREATE' AND x.grantee <> n.nspowner
UNION ALL
SELECT 'table tovgov.' || c.relname, pg_catalog.format('%s may write it (%s).', coalesce(g.rolname, 'PUBLIC'), x.privilege_type),
       pg_catalog.format('REVOKE %s ON TABLE tovgov.%I FROM %s', x.privilege_type, c.relname,
           coalesce(pg_catalog.quote_ident(g.rolname), 'PUBLIC'))
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'tovgov'
CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) x
LEFT JOIN pg_catalog.pg_roles g ON g.oid = x.grantee
WHERE c.relname IN ('maintenance_window', 'protection_record', 'guard_setting')
  AND x.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE') AND x.grantee <> c.relowner
ORDER BY 1, 2
