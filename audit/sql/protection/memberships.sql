-- Before 16 a membership has no options of its own: it always lets a role be set.
SELECT pg_catalog.pg_get_userbyid(m.member)::text AS member, pg_catalog.pg_get_userbyid(m.roleid)::text AS role,
       pg_catalog.pg_get_userbyid(m.grantor)::text AS grantor, m.admin_option AS admin,
       (pg_catalog.to_jsonb(m) ->> 'inherit_option')::boolean AS inherit, (pg_catalog.to_jsonb(m) ->> 'set_option')::boolean AS set
FROM pg_catalog.pg_auth_members m
ORDER BY 1, 2, 3
