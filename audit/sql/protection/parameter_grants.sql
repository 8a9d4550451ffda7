-- Settings of the server that were opened to a role by GRANT SET ON PARAMETER.
SELECT p.parname::text AS parameter, CASE e.grantee WHEN 0 THEN '' ELSE pg_catalog.pg_get_userbyid(e.grantee) END AS grantee,
       e.privilege_type AS verb
FROM pg_catalog.pg_parameter_acl p
CROSS JOIN LATERAL pg_catalog.aclexplode(p.paracl) e
ORDER BY 1, 2, 3
