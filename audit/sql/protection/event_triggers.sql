SELECT e.evtname::text AS name, e.evtenabled::text AS enabled, e.evtevent::text AS event,
       coalesce(e.evttags, '{{}}') AS tags, p.proname::text AS function, n.nspname::text AS function_schema
FROM pg_catalog.pg_event_trigger e
JOIN pg_catalog.pg_proc p ON p.oid = e.evtfoid
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE e.evtname LIKE 'tovgov\_%'
