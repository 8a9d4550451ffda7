SELECT w.id, w.opened_by, pg_catalog.array_to_string(w.rules, ', ')
FROM tovgov.maintenance_window w
WHERE w.closed_at IS NULL AND pg_catalog.clock_timestamp() OPERATOR(pg_catalog.<) w.closes_at
  AND w.id OPERATOR(pg_catalog.<>) ALL ({known}::bigint[])
ORDER BY w.id
