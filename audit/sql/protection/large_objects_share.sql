-- pg_read_all_data does not read large objects, up to and with PostgreSQL 18: each needs a grant of its own.
DO $tovgov$
DECLARE
    large oid;
BEGIN
    FOR large IN
        SELECT m.oid FROM pg_catalog.pg_largeobject_metadata m
        WHERE NOT EXISTS (
            SELECT FROM pg_catalog.aclexplode(m.lomacl) e
            WHERE pg_catalog.pg_get_userbyid(e.grantee) OPERATOR(pg_catalog.=) {name}
              AND e.privilege_type OPERATOR(pg_catalog.=) 'SELECT')
    LOOP
        EXECUTE pg_catalog.format('GRANT SELECT ON LARGE OBJECT %s TO {role}', large);
    END LOOP;
END
$tovgov$
