SELECT n.nspname::text, c.relname::text
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't'
  AND (n.nspname = 'attack_stage'
       OR (n.nspname = 'tovgov' AND c.relname IN ('maintenance_window', 'protection_record', 'guard_setting'))
       OR c.oid = ANY ({tables}::pg_catalog.oid[]))
ORDER BY 1, 2
