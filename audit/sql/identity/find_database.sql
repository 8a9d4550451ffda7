SELECT oid::bigint FROM pg_catalog.pg_database WHERE datname = %s
