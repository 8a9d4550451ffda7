SELECT datname::text FROM pg_catalog.pg_database WHERE oid = %s
