SELECT EXISTS (
    SELECT FROM pg_catalog.pg_subscription s
    JOIN pg_catalog.pg_database d ON d.oid = s.subdbid
    WHERE s.subname = 'tovgov_second_lock' AND d.datname = pg_catalog.current_database() AND NOT s.subenabled
)
