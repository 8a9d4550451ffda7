SELECT t.tgrelid::bigint AS table_oid, t.tgname::text AS name, t.tgenabled::text AS enabled, p.proname::text AS function,
       n.nspname::text AS function_schema, t.tgtype::int AS type, t.tgqual IS NOT NULL OR t.tgattr::text <> '' AS has_condition, t.tgargs AS arguments,
       coalesce(pg_catalog.obj_description(t.oid, 'pg_trigger'), '') AS mark
FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE t.tgname LIKE 'tovgov\_%' AND NOT t.tgisinternal
