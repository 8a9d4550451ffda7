INSERT INTO tovgov.maintenance_window (rules, reason, opened_by, closes_at)
VALUES ('{{tovgov,delete_audit,truncate_guard,ddl_guard,ownership,drop_database_lock,protection_status}}',
        'own work', session_user, pg_catalog.clock_timestamp() + pg_catalog.make_interval(mins => 10))
RETURNING id
