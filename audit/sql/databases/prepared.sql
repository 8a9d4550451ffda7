SELECT gid, owner::text FROM pg_catalog.pg_prepared_xacts WHERE database = %s ORDER BY prepared
