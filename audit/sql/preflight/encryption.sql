SELECT s.ssl, s.version, s.cipher, a.client_addr IS NULL AS is_socket,
       coalesce(a.client_addr <<= '127.0.0.0/8'::inet OR a.client_addr = '::1'::inet, false) AS is_loopback
  FROM pg_catalog.pg_stat_ssl AS s
  JOIN pg_catalog.pg_stat_activity AS a ON a.pid = s.pid
 WHERE s.pid = pg_catalog.pg_backend_pid()
