SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended('tovgov protection', 0))
