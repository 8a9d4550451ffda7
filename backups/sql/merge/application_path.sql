-- The search_path that the application's own sessions have, for its triggers: set for the role in this database,
-- for the database, for the role, or the server's default.
SELECT pg_catalog.set_config('search_path', coalesce((
    SELECT pg_catalog.substr(setting, 13)
      FROM pg_catalog.pg_db_role_setting AS s, unnest(s.setconfig) AS setting
     WHERE setting LIKE 'search\_path=%%'
       AND s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
       AND s.setrole IN (0, (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = %s))
     ORDER BY s.setdatabase <> 0 AND s.setrole <> 0 DESC, s.setdatabase <> 0 DESC
     LIMIT 1),
    (SELECT boot_val FROM pg_catalog.pg_settings WHERE name = 'search_path')), true)
