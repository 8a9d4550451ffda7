SELECT c.relname::text AS name, pg_catalog.pg_get_userbyid(c.relowner)::text AS owner,
       coalesce(pg_catalog.obj_description(c.oid, 'pg_class'), '') AS mark
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'tovgov' AND c.relkind IN ('r', 'v')
