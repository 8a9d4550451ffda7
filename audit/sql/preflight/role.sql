SELECT r.rolname::text AS name, r.rolsuper AS is_superuser, r.rolcreatedb AS can_create,
       EXISTS (SELECT FROM pg_catalog.pg_roles AS g
                WHERE g.rolname = 'pg_read_all_data' AND pg_catalog.pg_has_role(g.oid, 'USAGE')) AS reads_all,
       pg_catalog.pg_has_role('pg_signal_backend', 'USAGE') AS can_signal,
       pg_catalog.pg_has_role(d.datdba, 'USAGE') AS is_owner,
       pg_catalog.pg_get_userbyid(d.datdba)::text AS owner
  FROM pg_catalog.pg_roles AS r, pg_catalog.pg_database AS d
 WHERE r.rolname = current_user AND d.datname = pg_catalog.current_database()
