DELETE FROM tovgov."ConnectionAuditLog"
WHERE at OPERATOR(pg_catalog.<) (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) pg_catalog.make_interval(days => {days}))
