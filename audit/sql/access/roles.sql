-- Every role of the server but PostgreSQL's own groups: attributes, and the roles it is a member of.
SELECT r.rolname::text AS role, r.rolsuper AS superuser, r.rolcanlogin AS login,
       r.rolcreaterole, r.rolcreatedb, r.rolreplication, r.rolbypassrls, r.rolinherit,
       r.rolvaliduntil::text AS valid_until,
       ARRAY(SELECT g.rolname::text || CASE WHEN m.admin_option THEN ' (admin)' ELSE '' END
               FROM pg_catalog.pg_auth_members AS m JOIN pg_catalog.pg_roles AS g ON g.oid = m.roleid
              WHERE m.member = r.oid GROUP BY g.rolname, m.admin_option ORDER BY 1) AS member_of
  FROM pg_catalog.pg_roles AS r
 WHERE r.rolname !~ '^pg_'
 ORDER BY r.rolname
