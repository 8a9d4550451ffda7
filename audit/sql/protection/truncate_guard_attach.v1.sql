-- Tables and partitions made later are guarded too.
CREATE OR REPLACE FUNCTION tovgov.attach_truncate_guard() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $tovgov$
DECLARE
    made   record;
    opened bigint;
    mode   text := (SELECT s.value #>> '{}' FROM tovgov.guard_setting s WHERE s.rule = 'truncate_guard' AND s.name = 'mode');
BEGIN
    FOR made IN
        SELECT t.*, '{' || coalesce(k.words, '') || '}' AS key_words, '{' || coalesce(m.words, '') || '}' AS masked_words
        FROM (
            SELECT DISTINCT c.oid, n.nspname AS schema, c.relname AS name
            FROM pg_event_trigger_ddl_commands() d
            JOIN pg_class c ON c.oid = d.objid AND d.classid = 'pg_class'::regclass
            JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE NOT d.in_extension AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND n.nspname <> 'tovgov'
        ) t
        LEFT JOIN LATERAL (
            SELECT string_agg('"' || replace(replace(a.attname, '\', '\\'), '"', '\"') || '"', ',' ORDER BY p.place) AS words
            FROM pg_index i
            CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS p (attnum, place)
            JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = p.attnum
            WHERE i.indrelid = t.oid AND i.indisprimary
        ) k ON true
        LEFT JOIN LATERAL (
            SELECT string_agg('"' || replace(replace(c, '\', '\\'), '"', '\"') || '"', ',' ORDER BY place) AS words
            FROM tovgov.guard_setting s
            CROSS JOIN LATERAL jsonb_array_elements_text(s.value -> (t.schema || '.' || t.name)) WITH ORDINALITY AS e (c, place)
            WHERE s.rule = 'truncate_guard' AND s.name = 'masked'
        ) m ON true
        WHERE tovgov.is_chosen('truncate_guard', t.schema || '.' || t.name)
    LOOP
        CONTINUE WHEN EXISTS (
            SELECT FROM pg_trigger g
            WHERE g.tgrelid = made.oid AND g.tgname = 'tovgov_truncate_guard' AND g.tgenabled = 'A'
              AND g.tgargs = convert_to(mode, getdatabaseencoding()) || '\x00'::bytea
                          || convert_to(made.key_words, getdatabaseencoding()) || '\x00'::bytea
                          || convert_to(made.masked_words, getdatabaseencoding()) || '\x00'::bytea
        );
        INSERT INTO tovgov.maintenance_window (rules, reason, opened_by, closes_at)
        VALUES ('{tovgov,ddl_guard}', 'own work', session_user, clock_timestamp() + interval '10 minutes')
        RETURNING id INTO opened;
        IF mode = 'capture' THEN
            EXECUTE format('GRANT USAGE ON SCHEMA %I TO tovgov_guard', made.schema);
            EXECUTE format('GRANT SELECT ON TABLE %I.%I TO tovgov_guard', made.schema, made.name);
        END IF;
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER tovgov_truncate_guard BEFORE TRUNCATE ON %I.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION tovgov.guard_truncate(%L, %L, %L)',
            made.schema, made.name, mode, made.key_words, made.masked_words);
        EXECUTE format('ALTER TABLE %I.%I ENABLE ALWAYS TRIGGER tovgov_truncate_guard', made.schema, made.name);
        EXECUTE format('COMMENT ON TRIGGER tovgov_truncate_guard ON %I.%I IS %L', made.schema, made.name,
            (SELECT s.value #>> '{}' FROM tovgov.guard_setting s WHERE s.rule = 'truncate_guard' AND s.name = 'mark'));
        DELETE FROM tovgov.maintenance_window w WHERE w.id = opened;
    END LOOP;
END
$tovgov$;
REVOKE ALL ON FUNCTION tovgov.attach_truncate_guard() FROM PUBLIC;
-- Made anew, in one transaction: one that was turned to another function or event is mended so.
DROP EVENT TRIGGER IF EXISTS tovgov_new_truncate_guard;
CREATE EVENT TRIGGER tovgov_new_truncate_guard ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE')
    EXECUTE FUNCTION tovgov.attach_truncate_guard();
ALTER EVENT TRIGGER tovgov_new_truncate_guard ENABLE ALWAYS;
