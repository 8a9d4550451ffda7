DO $tovgov$
DECLARE
    large oid;
BEGIN
    FOR large IN
        SELECT m.oid FROM pg_catalog.pg_largeobject_metadata m
        CROSS JOIN LATERAL pg_catalog.aclexplode(m.lomacl) e
        WHERE pg_catalog.pg_get_userbyid(e.grantee) OPERATOR(pg_catalog.=) {name}
          AND e.privilege_type OPERATOR(pg_catalog.=) 'SELECT'
    LOOP
        EXECUTE pg_catalog.format('REVOKE SELECT ON LARGE OBJECT %s FROM {role}', large);
    END LOOP;
END
$tovgov$
