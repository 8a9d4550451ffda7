SELECT s.subname::text FROM pg_catalog.pg_subscription AS s
 WHERE s.subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
