-- TRUNCATE fires no DELETE trigger: refuse it, or keep the rows first.
CREATE OR REPLACE FUNCTION tovgov.guard_truncate() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET datestyle = 'ISO, YMD'
    SET intervalstyle = 'postgres'
    SET extra_float_digits = 1
    SET bytea_output = 'hex'
    SET timezone = 'UTC'
    SET lc_monetary = 'C'
    SET quote_all_identifiers = off
    SET row_security = off
AS $tovgov$
BEGIN
    IF TG_ARGV[0] = 'refuse' THEN
        IF NOT tovgov.is_relaxed('truncate_guard') THEN
            PERFORM tovgov.refuse('truncate_guard', format('TRUNCATE of %I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME));
        END IF;
        RETURN NULL;
    END IF;
    -- An older snapshot would not see every row that is about to go.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        PERFORM tovgov.refuse('truncate_guard', format('TRUNCATE of %I.%I in a transaction that is not READ COMMITTED',
            TG_TABLE_SCHEMA, TG_TABLE_NAME));
    END IF;
    EXECUTE format($query$
        INSERT INTO tovgov.delete_audit_record (
            transaction_id, at, table_oid, table_schema, table_name, verb, session_role, role_in_force, application_user,
            client_address, application_name, query, key_columns, masked_columns, row_count, rows)
        SELECT pg_current_xact_id(), clock_timestamp(), $1, $2, $3, 'TRUNCATE', session_user,
            CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role')::name END,
            nullif(current_setting('tovgov.user', true), ''), inet_client_addr(), current_setting('application_name'),
            CASE r.record WHEN 0 THEN current_query() END, $4, $5, count(*), json_agg(r.captured)
        FROM (
            SELECT CASE WHEN $5 = '{}' THEN to_json(t.*) ELSE (to_jsonb(t.*) - $5::text[])::json END AS captured,
                   (row_number() OVER () - 1) / 100 AS record
            FROM (SELECT %s FROM ONLY %I.%I) t
        ) r
        GROUP BY r.record ORDER BY r.record $query$, coalesce(tovgov.plain_columns(TG_RELID), '*'), TG_TABLE_SCHEMA, TG_TABLE_NAME)
    USING TG_RELID, TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_ARGV[1]::name[], TG_ARGV[2]::name[];
    RETURN NULL;
END
$tovgov$;
ALTER FUNCTION tovgov.guard_truncate() OWNER TO tovgov_guard;
REVOKE ALL ON FUNCTION tovgov.guard_truncate() FROM PUBLIC;
