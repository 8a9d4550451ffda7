SELECT pg_catalog.concat_ws(' ', 'default rights', pg_catalog.pg_get_userbyid(d.defaclrole),
                            nullif(d.defaclnamespace, 0)::pg_catalog.regnamespace, d.defaclobjtype),
       (SELECT string_agg(pg_catalog.concat_ws(
                   ' ', a.privilege_type, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(a.grantee)::text END,
                   CASE WHEN a.is_grantable THEN 'grantable' END), ', '
                   ORDER BY pg_catalog.pg_get_userbyid(a.grantee)::text COLLATE "C", a.privilege_type COLLATE "C")
          FROM pg_catalog.aclexplode(d.defaclacl) AS a)
  FROM pg_catalog.pg_default_acl AS d
