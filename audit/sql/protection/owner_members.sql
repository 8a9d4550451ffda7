SELECT m.rolname::text
FROM pg_catalog.pg_roles m
JOIN pg_catalog.pg_roles o ON o.rolname = 'tovgov_owner'
WHERE m.rolcanlogin AND NOT m.rolsuper AND pg_catalog.pg_has_role(m.oid, o.oid, 'MEMBER')
ORDER BY 1
