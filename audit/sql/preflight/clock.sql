SELECT extract(epoch FROM pg_catalog.clock_timestamp())::float8
