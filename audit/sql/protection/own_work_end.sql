DELETE FROM tovgov.maintenance_window WHERE id OPERATOR(pg_catalog.=) {id}
