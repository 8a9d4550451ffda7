SELECT CASE WHEN s.spcname = 'pg_default' THEN pg_catalog.current_setting('data_directory')
            ELSE pg_catalog.pg_tablespace_location(s.oid) END,
       pg_catalog.current_setting('data_directory'),
       pg_catalog.pg_database_size(d.oid),
       (SELECT c.system_identifier::text FROM pg_catalog.pg_control_system() AS c)
  FROM pg_catalog.pg_database AS d
  JOIN pg_catalog.pg_tablespace AS s ON s.oid = d.dattablespace
 WHERE d.datname = pg_catalog.current_database()
