-- Whether we may keep ordinary triggers from firing.
SELECT pg_catalog.has_parameter_privilege('session_replication_role', 'SET')
