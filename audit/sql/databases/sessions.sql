-- Autovacuum (a session without a role) is not listed: the server itself sends it away when a database is renamed or
-- dropped. Who may not see a session's kind still sees its role.
SELECT a.pid,
       coalesce(a.usename::text, '') AS user,
       coalesce(a.application_name, '') AS application,
       coalesce(host(a.client_addr), '') AS address,
       coalesce(a.state, '') AS state,
       a.backend_start AS since,
       coalesce(a.backend_type, '') AS kind
  FROM pg_catalog.pg_stat_activity AS a
  JOIN pg_catalog.pg_database AS d ON d.oid = a.datid
 WHERE d.datname = %s
   AND a.pid <> pg_catalog.pg_backend_pid()
   AND a.usesysid IS NOT NULL
   AND coalesce(a.backend_type, '') <> 'parallel worker'
 ORDER BY a.backend_start
