-- Every login, from PostgreSQL 17 on. It must never keep anybody out: whatever goes wrong is swallowed, nothing is
-- waited for, and where it could not write it does not try.
CREATE TABLE IF NOT EXISTS tovgov."ConnectionAuditLog" (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at               timestamptz NOT NULL,
    pid              integer NOT NULL,
    role             name NOT NULL,
    database         name NOT NULL,
    client_address   inet,
    application_name text
);
ALTER TABLE tovgov."ConnectionAuditLog" OWNER TO tovgov_guard;
REVOKE ALL ON TABLE tovgov."ConnectionAuditLog" FROM PUBLIC;
CREATE INDEX IF NOT EXISTS connection_audit_log_at ON tovgov."ConnectionAuditLog" (at);

CREATE OR REPLACE FUNCTION tovgov.log_connection() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET exit_on_error = off
    SET lock_timeout = '50ms'
AS $tovgov$
BEGIN
    -- A standby and a read-only session cannot write; a serializable one could fail at its commit, out of our hands.
    IF pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'
       OR current_setting('transaction_isolation') = 'serializable' THEN
        RETURN;
    END IF;
    -- A copy under another name stays as it was restored, or its proof would find a row more. It speaks again when it
    -- takes this database's name.
    IF current_database() IS DISTINCT FROM (
        SELECT (s.value #>> '{}')::name FROM tovgov.guard_setting s WHERE s.rule = 'connection_log' AND s.name = 'database'
    ) THEN
        RETURN;
    END IF;
    -- For this transaction: a standby that does not answer must not be waited for.
    PERFORM set_config('synchronous_commit', 'off', true), set_config('transaction_timeout', '0', true);
    INSERT INTO tovgov."ConnectionAuditLog" (at, pid, role, database, client_address, application_name)
    VALUES (clock_timestamp(), pg_backend_pid(), session_user, current_database(), inet_client_addr(),
        current_setting('application_name', true));
EXCEPTION WHEN OTHERS OR query_canceled OR assert_failure THEN
    RETURN;
END
$tovgov$;
ALTER FUNCTION tovgov.log_connection() OWNER TO tovgov_guard;
REVOKE ALL ON FUNCTION tovgov.log_connection() FROM PUBLIC;

-- Made anew, in one transaction: one that was turned to another function or event is mended so.
DROP EVENT TRIGGER IF EXISTS tovgov_login;
CREATE EVENT TRIGGER tovgov_login ON login EXECUTE FUNCTION tovgov.log_connection();
ALTER EVENT TRIGGER tovgov_login ENABLE ALWAYS;
