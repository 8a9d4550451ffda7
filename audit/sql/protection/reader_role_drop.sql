-- Only a role that tovgov made, and only when no other database of the server needs it.
LOCK TABLE pg_catalog.pg_authid IN SHARE UPDATE EXCLUSIVE MODE;
DO $tovgov$
BEGIN
    IF (SELECT pg_catalog.shobj_description(r.oid, 'pg_authid') FROM pg_catalog.pg_roles r
        WHERE r.rolname OPERATOR(pg_catalog.=) {name}) OPERATOR(pg_catalog.=) {mark} THEN
        DROP ROLE {role};
    END IF;
EXCEPTION WHEN dependent_objects_still_exist THEN
    RAISE NOTICE 'the role stays: another database of this server needs it';
END
$tovgov$
