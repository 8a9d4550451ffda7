-- Sessions of people and applications; tovgov's own short looks from the same place are left out.
SELECT a.pid, a.backend_start, a.usename::text, a.datname::text, pg_catalog.host(a.client_addr), a.application_name, s.ssl
FROM pg_catalog.pg_stat_activity a
LEFT JOIN pg_catalog.pg_stat_ssl s ON s.pid OPERATOR(pg_catalog.=) a.pid
WHERE a.backend_type OPERATOR(pg_catalog.=) 'client backend'
  AND a.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
  AND a.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()
  AND NOT (a.usename OPERATOR(pg_catalog.=) current_user AND a.application_name LIKE 'tovgov%'
           AND a.client_addr IS NOT DISTINCT FROM pg_catalog.inet_client_addr())
