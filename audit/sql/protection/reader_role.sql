-- One role as the catalogues of the server and of this database know it.
SELECT r.rolcanlogin, r.rolsuper, r.rolbypassrls,
       ARRAY(SELECT pg_catalog.pg_get_userbyid(m.roleid)::text FROM pg_catalog.pg_auth_members m WHERE m.member OPERATOR(pg_catalog.=) r.oid),
       EXISTS (
           SELECT FROM pg_catalog.aclexplode(d.datacl) e
           WHERE e.grantee OPERATOR(pg_catalog.=) r.oid AND e.privilege_type OPERATOR(pg_catalog.=) 'CONNECT'),
       (
           SELECT pg_catalog.split_part(c, '=', 2)
           FROM pg_catalog.pg_db_role_setting s CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) c
           WHERE s.setdatabase OPERATOR(pg_catalog.=) d.oid AND s.setrole OPERATOR(pg_catalog.=) r.oid
             AND c LIKE 'default\_transaction\_read\_only=%'
       ),
       (
           SELECT pg_catalog.count(*) FROM pg_catalog.pg_largeobject_metadata m
           WHERE m.lomowner OPERATOR(pg_catalog.<>) r.oid AND NOT EXISTS (
               SELECT FROM pg_catalog.aclexplode(m.lomacl) e
               WHERE e.grantee OPERATOR(pg_catalog.=) ANY (ARRAY[r.oid, 0::oid]) AND e.privilege_type OPERATOR(pg_catalog.=) 'SELECT')
       ),
       coalesce(pg_catalog.shobj_description(r.oid, 'pg_authid'), '')
FROM pg_catalog.pg_roles r
JOIN pg_catalog.pg_database d ON d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
WHERE r.rolname OPERATOR(pg_catalog.=) {name}
