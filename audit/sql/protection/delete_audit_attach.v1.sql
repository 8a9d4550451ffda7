-- Tables and partitions made later get the trigger too. It belongs to the superuser who installed it: only so may it
-- put a trigger on a table of any role.
CREATE OR REPLACE FUNCTION tovgov.attach_delete_audit() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $tovgov$
DECLARE
    made  record;
    opened bigint;
BEGIN
    FOR made IN
        SELECT t.*, '{' || coalesce(k.words, '') || '}' AS key_words, '{' || coalesce(m.words, '') || '}' AS masked_words
        FROM (
            SELECT DISTINCT c.oid, n.nspname AS schema, c.relname AS name, EXISTS (
                       SELECT FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent
                       WHERE p.relkind = 'r' AND c.oid IN (i.inhparent, i.inhrelid)) AS has_heirs
            FROM pg_event_trigger_ddl_commands() d
            CROSS JOIN LATERAL (
                SELECT d.objid UNION SELECT i.inhparent FROM pg_inherits i WHERE i.inhrelid = d.objid) a (oid)
            JOIN pg_class c ON c.oid = a.oid AND d.classid = 'pg_class'::regclass
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
            WHERE s.rule = 'delete_audit' AND s.name = 'masked'
        ) m ON true
        WHERE tovgov.is_chosen('delete_audit', t.schema || '.' || t.name)
    LOOP
        CONTINUE WHEN EXISTS (
            SELECT FROM pg_trigger g JOIN pg_proc f ON f.oid = g.tgfoid
            WHERE g.tgrelid = made.oid AND (f.proname = 'capture_deleted_row' OR NOT made.has_heirs) AND g.tgname = 'tovgov_delete_audit' AND g.tgenabled = 'A'
              AND g.tgargs = convert_to(made.key_words, getdatabaseencoding()) || '\x00'::bytea
                          || convert_to(made.masked_words, getdatabaseencoding()) || '\x00'::bytea
        );
        INSERT INTO tovgov.maintenance_window (rules, reason, opened_by, closes_at)
        VALUES ('{tovgov,ddl_guard}', 'own work', session_user, clock_timestamp() + interval '10 minutes')
        RETURNING id INTO opened;
        EXECUTE format(CASE WHEN made.has_heirs THEN
            'CREATE OR REPLACE TRIGGER tovgov_delete_audit AFTER DELETE ON %I.%I '
            'FOR EACH ROW EXECUTE FUNCTION tovgov.capture_deleted_row(%L, %L)' ELSE
            'CREATE OR REPLACE TRIGGER tovgov_delete_audit AFTER DELETE ON %I.%I REFERENCING OLD TABLE AS deleted '
            'FOR EACH STATEMENT EXECUTE FUNCTION tovgov.capture_deleted(%L, %L)' END,
            made.schema, made.name, made.key_words, made.masked_words);
        EXECUTE format('ALTER TABLE %I.%I ENABLE ALWAYS TRIGGER tovgov_delete_audit', made.schema, made.name);
        EXECUTE format('COMMENT ON TRIGGER tovgov_delete_audit ON %I.%I IS %L', made.schema, made.name,
            (SELECT s.value #>> '{}' FROM tovgov.guard_setting s
             WHERE s.rule = 'delete_audit' AND s.name = CASE WHEN made.has_heirs THEN 'row_mark' ELSE 'mark' END));
        DELETE FROM tovgov.maintenance_window w WHERE w.id = opened;
    END LOOP;
END
$tovgov$;
REVOKE ALL ON FUNCTION tovgov.attach_delete_audit() FROM PUBLIC;
-- Made anew, in one transaction: one that was turned to another function or event is mended so.
DROP EVENT TRIGGER IF EXISTS tovgov_new_delete_audit;
CREATE EVENT TRIGGER tovgov_new_delete_audit ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE')
    EXECUTE FUNCTION tovgov.attach_delete_audit();
ALTER EVENT TRIGGER tovgov_new_delete_audit ENABLE ALWAYS;
