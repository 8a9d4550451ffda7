SELECT pg_catalog.pg_get_userbyid(m.roleid)::text AS role,
       pg_catalog.pg_get_userbyid(m.member)::text AS member,
       m.admin_option AS may_grant
  FROM pg_catalog.pg_auth_members AS m
 ORDER BY 1, 2, 3
