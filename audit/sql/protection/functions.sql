SELECT p.proname::text AS name, pg_catalog.pg_get_userbyid(p.proowner)::text AS owner, r.rolsuper AS owner_is_superuser,
       p.prosrc AS body, p.prosecdef AS is_definer, coalesce(p.proconfig, '{{}}') AS settings,
       coalesce(pg_catalog.obj_description(p.oid, 'pg_proc'), '') AS mark
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_roles r ON r.oid = p.proowner
WHERE n.nspname = 'tovgov'
