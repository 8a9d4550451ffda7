UPDATE tovgov.maintenance_window SET closed_at = pg_catalog.clock_timestamp()
WHERE id OPERATOR(pg_catalog.=) {id} AND closed_at IS NULL
