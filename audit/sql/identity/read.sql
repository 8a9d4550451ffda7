SELECT c.system_identifier::text,
       d.oid::bigint,
       d.datname::text,
       current_setting('server_version_num')::int,
       coalesce(pg_catalog.host(pg_catalog.inet_client_addr()), 'local')
  FROM pg_catalog.pg_database AS d,
       pg_catalog.pg_control_system() AS c
 WHERE d.datname = pg_catalog.current_database()
