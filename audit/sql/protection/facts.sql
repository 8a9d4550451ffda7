SELECT pg_catalog.current_setting('server_version_num')::int,
       (SELECT s.system_identifier::text FROM pg_catalog.pg_control_system() s),
       d.oid::bigint,
       d.datname,
       pg_catalog.pg_get_userbyid(d.datdba),
       d.datistemplate,
       current_user,
       (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname OPERATOR(pg_catalog.=) current_user),
       ARRAY(SELECT r.rolname::text FROM pg_catalog.pg_roles r WHERE pg_catalog.pg_has_role(r.oid, 'USAGE'))
FROM pg_catalog.pg_database d
WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
