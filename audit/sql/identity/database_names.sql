SELECT datname::text FROM pg_catalog.pg_database ORDER BY datname
