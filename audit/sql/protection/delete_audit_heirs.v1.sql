-- Tables that inherit from each other (partitions do not count): a statement's transition table would hold the heirs'
-- rows with the parent's columns only. A trigger for each row sees every row in its own table, whole.
CREATE OR REPLACE FUNCTION tovgov.capture_deleted_row() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET datestyle = 'ISO, YMD'
    SET intervalstyle = 'postgres'
    SET extra_float_digits = 1
    SET bytea_output = 'hex'
    SET timezone = 'UTC'
    SET lc_monetary = 'C'
    SET quote_all_identifiers = off
AS $tovgov$
#variable_conflict use_variable
DECLARE
    key_columns    name[] := TG_ARGV[0]::name[];
    masked_columns name[] := TG_ARGV[1]::name[];
    plain          text := tovgov.plain_columns(TG_RELID);
    captured       json;
BEGIN
    IF plain IS NOT NULL THEN
        EXECUTE format($query$
            SELECT CASE WHEN $2 = '{}' THEN to_json(d.*) ELSE (to_jsonb(d.*) - $2::text[])::json END
            FROM (SELECT %s FROM (SELECT ($1).*) deleted) d $query$, plain)
        INTO captured USING OLD, masked_columns;
    ELSIF masked_columns = '{}' THEN
        captured := to_json(OLD);
    ELSE
        captured := (to_jsonb(OLD) - masked_columns::text[])::json;
    END IF;
    INSERT INTO tovgov.delete_audit_record (
        transaction_id, at, table_oid, table_schema, table_name, verb, session_role, role_in_force, application_user,
        client_address, application_name, query, key_columns, masked_columns, row_count, rows)
    SELECT pg_current_xact_id(), clock_timestamp(), TG_RELID, TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP, session_user,
        CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role')::name END,
        nullif(current_setting('tovgov.user', true), ''), inet_client_addr(), current_setting('application_name'),
        current_query(), key_columns, masked_columns, 1, json_build_array(captured);
    RETURN NULL;
END
$tovgov$;
ALTER FUNCTION tovgov.capture_deleted_row() OWNER TO tovgov_guard;
REVOKE ALL ON FUNCTION tovgov.capture_deleted_row() FROM PUBLIC;
