LOCK TABLE pg_catalog.pg_authid IN SHARE UPDATE EXCLUSIVE MODE;
DO $tovgov$
DECLARE
    leaving name;
BEGIN
    FOR leaving IN SELECT rolname FROM pg_catalog.pg_roles WHERE rolname IN ('tovgov_guard', 'tovgov_owner') LOOP
        BEGIN
            EXECUTE pg_catalog.format('DROP ROLE %I', leaving);
        EXCEPTION WHEN dependent_objects_still_exist THEN
            RAISE NOTICE '% stays: another database of this server needs it', leaving;
        END;
    END LOOP;
END
$tovgov$
