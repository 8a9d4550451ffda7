SELECT pg_catalog.pg_advisory_unlock(pg_catalog.hashtextextended({name}, 0))
