-- Roles of sessions in this database that the current role is not a member of.
SELECT DISTINCT a.usename::text, r.rolsuper
  FROM pg_catalog.pg_stat_activity AS a
  JOIN pg_catalog.pg_roles AS r ON r.oid = a.usesysid
 WHERE a.datname = pg_catalog.current_database()
   AND a.pid <> pg_catalog.pg_backend_pid()
   AND NOT pg_catalog.pg_has_role(a.usesysid, 'USAGE')
 ORDER BY 1
