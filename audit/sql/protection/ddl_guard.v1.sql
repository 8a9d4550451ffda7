-- sql_drop sees what DROP TABLE, SCHEMA CASCADE, OWNED and DROP COLUMN really take away.
CREATE OR REPLACE FUNCTION tovgov.guard_drop() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $tovgov$
DECLARE
    lost record;
BEGIN
    IF EXISTS (
        SELECT FROM tovgov.maintenance_window w
        WHERE w.closed_at IS NULL AND clock_timestamp() < w.closes_at AND 'tovgov' = ANY (w.rules)
    ) THEN  -- not asked through is_relaxed: that function may be what is being replaced
        RETURN;
    END IF;
    FOR lost IN SELECT * FROM pg_event_trigger_dropped_objects() o WHERE NOT o.is_temporary LOOP
        IF lost.schema_name = 'tovgov' OR (lost.object_type = 'schema' AND lost.object_identity = 'tovgov')
           OR (lost.original AND lost.object_type = 'trigger' AND lost.object_identity LIKE 'tovgov\_%') THEN
            PERFORM tovgov.refuse('ddl_guard', format('%s of %s, which protects this database', tg_tag, lost.object_identity));
        END IF;
        CONTINUE WHEN lost.object_type NOT IN
            ('table', 'table column', 'foreign table', 'materialized view', 'view', 'schema', 'sequence');
        CONTINUE WHEN NOT tovgov.is_chosen('ddl_guard', CASE lost.object_type
            WHEN 'schema' THEN lost.address_names[1] || '.*' ELSE array_to_string(lost.address_names[1:2], '.') END);
        IF NOT tovgov.is_relaxed('ddl_guard') THEN
            PERFORM tovgov.refuse('ddl_guard', format('%s of the %s %s', tg_tag, lost.object_type, lost.object_identity));
        END IF;
        INSERT INTO tovgov.ddl_log (tag, object, role, query)
        VALUES (tg_tag, lost.object_type || ' ' || lost.object_identity, session_user, current_query());
    END LOOP;
END
$tovgov$;
ALTER FUNCTION tovgov.guard_drop() OWNER TO tovgov_guard;
REVOKE ALL ON FUNCTION tovgov.guard_drop() FROM PUBLIC;

-- What takes a whole role's things away, or the guards with their schema, is refused before it begins: dropped along
-- with everything else, guard_drop could not speak up any more.
CREATE OR REPLACE FUNCTION tovgov.guard_start() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $tovgov$
BEGIN
    IF EXISTS (
        SELECT FROM tovgov.maintenance_window w
        WHERE w.closed_at IS NULL AND clock_timestamp() < w.closes_at AND 'tovgov' = ANY (w.rules)
    ) THEN  -- not asked through is_relaxed: that function may be what is being replaced
        RETURN;
    END IF;
    IF (tg_tag LIKE 'DROP %' AND tg_tag <> 'DROP OWNED' AND current_query() ~* '\mtovgov\M')
       -- the language that the guards are written in takes them along
       OR (tg_tag IN ('DROP EXTENSION', 'DROP LANGUAGE') AND current_query() ~* '\mplpgsql\M')
       OR (tg_tag NOT LIKE 'DROP %' AND current_query() ~* 'tovgov"?\s*\.\s*"?(guard|is_relaxed|is_chosen|refuse|attach|capture)') THEN
        PERFORM tovgov.refuse('ddl_guard', format('%s of what protects this database', tg_tag));
    END IF;
    IF tg_tag = 'DROP OWNED' AND NOT tovgov.is_relaxed('ddl_guard') THEN
        PERFORM tovgov.refuse('ddl_guard', tg_tag);
    END IF;
END
$tovgov$;
ALTER FUNCTION tovgov.guard_start() OWNER TO tovgov_guard;
REVOKE ALL ON FUNCTION tovgov.guard_start() FROM PUBLIC;

-- The guards themselves stay as they are; protected tables too when the policy says so; a window's DDL is listed.
CREATE OR REPLACE FUNCTION tovgov.guard_end() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $tovgov$
DECLARE
    done  record;
    alter_too boolean := (SELECT s.value = 'true' FROM tovgov.guard_setting s WHERE s.rule = 'ddl_guard' AND s.name = 'alter');
BEGIN
    IF EXISTS (
        SELECT FROM tovgov.maintenance_window w
        WHERE w.closed_at IS NULL AND clock_timestamp() < w.closes_at AND 'tovgov' = ANY (w.rules)
    ) THEN  -- not asked through is_relaxed: that function may be what is being replaced
        RETURN;
    END IF;
    FOR done IN
        SELECT d.*, n.nspname || '.' || c.relname AS label
        FROM pg_event_trigger_ddl_commands() d
        LEFT JOIN pg_class c ON c.oid = d.objid AND d.classid = 'pg_class'::regclass AND c.relpersistence <> 't'
        LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
    LOOP
        IF done.schema_name = 'tovgov' OR (done.object_type = 'schema' AND done.object_identity = 'tovgov')
           OR (done.object_type = 'trigger' AND done.object_identity LIKE 'tovgov\_%')
           OR (done.classid = 'pg_trigger'::regclass AND EXISTS (
                SELECT FROM pg_trigger t
                JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace s ON s.oid = p.pronamespace
                WHERE t.oid = done.objid AND s.nspname = 'tovgov'))
           OR (done.classid = 'pg_class'::regclass AND EXISTS (
                SELECT FROM pg_trigger t
                WHERE t.tgrelid = done.objid AND t.tgname LIKE 'tovgov\_%' AND t.tgenabled <> 'A')) THEN
            PERFORM tovgov.refuse('ddl_guard', format('%s of %s, which protects this database', tg_tag, done.object_identity));
        END IF;
        IF alter_too AND done.command_tag = 'ALTER TABLE' AND tovgov.is_chosen('ddl_guard', done.label)
           AND NOT tovgov.is_relaxed('ddl_guard') THEN
            PERFORM tovgov.refuse('ddl_guard', format('%s of %s', tg_tag, done.object_identity));
        END IF;
        IF tovgov.is_relaxed('ddl_guard') AND done.schema_name IS DISTINCT FROM 'pg_temp' THEN
            INSERT INTO tovgov.ddl_log (tag, object, role, query)
            VALUES (tg_tag, coalesce(done.object_type || ' ' || done.object_identity, ''), session_user, current_query());
        END IF;
    END LOOP;
END
$tovgov$;
ALTER FUNCTION tovgov.guard_end() OWNER TO tovgov_guard;
REVOKE ALL ON FUNCTION tovgov.guard_end() FROM PUBLIC;

-- Made anew, in one transaction: one that was turned to another function or event is mended so.
DROP EVENT TRIGGER IF EXISTS tovgov_guard_drop;
CREATE EVENT TRIGGER tovgov_guard_drop ON sql_drop EXECUTE FUNCTION tovgov.guard_drop();
DROP EVENT TRIGGER IF EXISTS tovgov_guard_start;
CREATE EVENT TRIGGER tovgov_guard_start ON ddl_command_start
    WHEN TAG IN ('DROP OWNED', 'DROP SCHEMA', 'DROP EXTENSION', 'DROP LANGUAGE', 'DROP FUNCTION', 'DROP ROUTINE', 'CREATE FUNCTION', 'ALTER FUNCTION',
        'ALTER ROUTINE')
    EXECUTE FUNCTION tovgov.guard_start();
DROP EVENT TRIGGER IF EXISTS tovgov_guard_end;
CREATE EVENT TRIGGER tovgov_guard_end ON ddl_command_end EXECUTE FUNCTION tovgov.guard_end();
ALTER EVENT TRIGGER tovgov_guard_drop ENABLE ALWAYS;
ALTER EVENT TRIGGER tovgov_guard_start ENABLE ALWAYS;
ALTER EVENT TRIGGER tovgov_guard_end ENABLE ALWAYS;
