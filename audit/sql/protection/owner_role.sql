LOCK TABLE pg_catalog.pg_authid IN SHARE UPDATE EXCLUSIVE MODE;
DO $tovgov$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) 'tovgov_owner') THEN
        CREATE ROLE tovgov_owner NOLOGIN NOINHERIT;
    END IF;
END
$tovgov$
