-- One record holds up to 1,000 deleted rows of one statement, so that a bulk delete writes little; each row is full
-- JSON made with pinned output settings, so that a hostile client's settings cannot corrupt a value.
CREATE TABLE IF NOT EXISTS tovgov.delete_audit_record (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transaction_id   xid8 NOT NULL,
    at               timestamptz NOT NULL,
    table_oid        oid NOT NULL,
    table_schema     name NOT NULL,
    table_name       name NOT NULL,
    verb             text NOT NULL,
    session_role     name NOT NULL,
    role_in_force    name NOT NULL,
    application_user text,
    client_address   inet,
    application_name text,
    query            text,
    key_columns      name[] NOT NULL,
    masked_columns   name[] NOT NULL,
    row_count        integer NOT NULL,
    rows             json NOT NULL
);
ALTER TABLE tovgov.delete_audit_record OWNER TO tovgov_guard;
CREATE INDEX IF NOT EXISTS delete_audit_record_transaction ON tovgov.delete_audit_record (transaction_id, id);

CREATE OR REPLACE FUNCTION tovgov.capture_deleted() RETURNS trigger
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
DECLARE  -- a deleted row may have columns of these names: they must not be meant
    key_columns    name[] := TG_ARGV[0]::name[];
    masked_columns name[] := TG_ARGV[1]::name[];
    total          bigint;
    widest         bigint;
    per_record     bigint;
    plain          text;
BEGIN
    SELECT count(*), max(pg_column_size(d.*)) INTO total, widest FROM deleted d;
    IF total = 0 THEN
        RETURN NULL;
    END IF;
    per_record := greatest(1, least(1000, 4194304 / greatest(widest, 1)));
    IF EXISTS (SELECT FROM pg_cast c WHERE c.oid >= 16384 AND c.casttarget IN ('json'::regtype, 'jsonb'::regtype)) THEN
        plain := tovgov.plain_columns(TG_RELID);
    END IF;
    IF plain IS NOT NULL THEN
        EXECUTE format($query$
            INSERT INTO tovgov.delete_audit_record (
                transaction_id, at, table_oid, table_schema, table_name, verb, session_role, role_in_force,
                application_user, client_address, application_name, query, key_columns, masked_columns, row_count, rows)
            SELECT pg_current_xact_id(), clock_timestamp(), $1, $2, $3, $4, session_user,
                CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role')::name END,
                nullif(current_setting('tovgov.user', true), ''), inet_client_addr(),
                current_setting('application_name'), CASE r.record WHEN 0 THEN current_query() END, $5, $6, count(*),
                json_agg(r.captured)
            FROM (
                SELECT CASE WHEN $6 = '{}' THEN to_json(d.*) ELSE (to_jsonb(d.*) - $6::text[])::json END AS captured,
                       (row_number() OVER () - 1) / $7 AS record
                FROM (SELECT %s FROM deleted) d
            ) r
            GROUP BY r.record
            ORDER BY r.record $query$, plain)
        USING TG_RELID, TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP, key_columns, masked_columns, per_record;
        RETURN NULL;
    END IF;
    IF total = 1 THEN  -- by far the most frequent: without windows and groups it costs a quarter less
        INSERT INTO tovgov.delete_audit_record (
            transaction_id, at, table_oid, table_schema, table_name, verb, session_role, role_in_force, application_user,
            client_address, application_name, query, key_columns, masked_columns, row_count, rows)
        SELECT pg_current_xact_id(), clock_timestamp(), TG_RELID, TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP, session_user,
            CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role')::name END,
            nullif(current_setting('tovgov.user', true), ''), inet_client_addr(), current_setting('application_name'),
            current_query(), key_columns, masked_columns, 1,
            json_build_array(
                CASE WHEN masked_columns = '{}' THEN to_json(d.*) ELSE (to_jsonb(d.*) - masked_columns::text[])::json END)
        FROM deleted d;
        RETURN NULL;
    END IF;
    INSERT INTO tovgov.delete_audit_record (
        transaction_id, at, table_oid, table_schema, table_name, verb, session_role, role_in_force, application_user,
        client_address, application_name, query, key_columns, masked_columns, row_count, rows)
    SELECT pg_current_xact_id(), clock_timestamp(), TG_RELID, TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP, session_user,
        CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role')::name END,
        nullif(current_setting('tovgov.user', true), ''), inet_client_addr(), current_setting('application_name'),
        CASE r.record WHEN 0 THEN current_query() END, key_columns, masked_columns, count(*),
        json_agg(r.captured)
    FROM (
        SELECT CASE WHEN masked_columns = '{}' THEN to_json(d.*) ELSE (to_jsonb(d.*) - masked_columns::text[])::json END
                   AS captured,
               CASE WHEN total <= per_record THEN 0 ELSE (row_number() OVER () - 1) / per_record END AS record
        FROM deleted d
    ) r
    GROUP BY r.record
    ORDER BY r.record;
    RETURN NULL;
END
$tovgov$;
ALTER FUNCTION tovgov.capture_deleted() OWNER TO tovgov_guard;
REVOKE ALL ON FUNCTION tovgov.capture_deleted() FROM PUBLIC;

-- What people read: a line for each deleted row.
CREATE OR REPLACE VIEW tovgov."DeleteAuditLog" AS
    SELECT r.id AS record, row_number AS position, r.transaction_id, r.at, r.table_schema, r.table_name, r.verb,
        r.session_role, r.role_in_force, r.application_user, r.client_address, r.application_name,
        first.query,
        -- json may hold escapes (\u0000, half a character) at which -> fails: such a row is shown without its key.
        CASE WHEN pg_catalog.strpos(deleted_row::text, E'\\u') OPERATOR(pg_catalog.=) 0 THEN (
            SELECT pg_catalog.json_object_agg(k, deleted_row OPERATOR(pg_catalog.->) k) FROM pg_catalog.unnest(r.key_columns) k
        ) END AS key,
        deleted_row AS row
    FROM tovgov.delete_audit_record r
    CROSS JOIN LATERAL pg_catalog.json_array_elements(r.rows) WITH ORDINALITY AS e (deleted_row, row_number)
    LEFT JOIN LATERAL (
        SELECT s.query FROM tovgov.delete_audit_record s
        WHERE s.transaction_id OPERATOR(pg_catalog.=) r.transaction_id AND s.id OPERATOR(pg_catalog.<=) r.id AND s.query IS NOT NULL
        ORDER BY s.id DESC LIMIT 1
    ) first ON true;
ALTER VIEW tovgov."DeleteAuditLog" OWNER TO tovgov_guard;
