-- Who we are to the server, and which session its log will tell of: the id is that of %c in log_line_prefix.
SELECT session_user::text AS role,
       pg_catalog.current_database()::text AS database,
       pg_catalog.to_hex(pg_catalog.trunc(EXTRACT(EPOCH FROM a.backend_start))::bigint)
           || '.' || pg_catalog.to_hex(a.pid) AS id,
       pg_catalog.clock_timestamp() AS at
  FROM pg_catalog.pg_stat_activity AS a
 WHERE a.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()
