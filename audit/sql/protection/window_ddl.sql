SELECT l.at, l.tag, l.object, l.role::text, l.query
FROM tovgov.ddl_log l
JOIN tovgov.maintenance_window w ON w.id OPERATOR(pg_catalog.=) {id}
WHERE l.at BETWEEN w.opened_at AND coalesce(w.closed_at, w.closes_at)
ORDER BY l.id
