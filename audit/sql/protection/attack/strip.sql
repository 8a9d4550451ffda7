-- What would reach outside of the clone, or belongs to the target's own protection, goes out of it.
DO $tovgov$
DECLARE
    found record;
BEGIN
    FOR found IN SELECT evtname AS name, evtname LIKE 'tovgov\_%' AS ours FROM pg_catalog.pg_event_trigger LOOP
        IF found.ours THEN
            EXECUTE pg_catalog.format('DROP EVENT TRIGGER %I', found.name);
        ELSE
            EXECUTE pg_catalog.format('ALTER EVENT TRIGGER %I DISABLE', found.name);
        END IF;
    END LOOP;
    FOR found IN SELECT srvname AS name FROM pg_catalog.pg_foreign_server LOOP
        EXECUTE pg_catalog.format('DROP SERVER %I CASCADE', found.name);
    END LOOP;
    FOR found IN
        SELECT t.tgname AS name, t.tgrelid::pg_catalog.regclass AS on_table, t.tgname LIKE 'tovgov\_%' AS ours
        FROM pg_catalog.pg_trigger t
        WHERE NOT t.tgisinternal AND t.tgparentid OPERATOR(pg_catalog.=) 0
    LOOP
        IF found.ours THEN
            EXECUTE pg_catalog.format('DROP TRIGGER %I ON %s', found.name, found.on_table);
        ELSE
            EXECUTE pg_catalog.format('ALTER TABLE %s DISABLE TRIGGER %I', found.on_table, found.name);
        END IF;
    END LOOP;
    DROP SCHEMA IF EXISTS tovgov CASCADE;
    -- Code of the target's people must not run in a session that is a superuser's: casts to json would, when rows are
    -- read; functions are called by roles of the attack alone, and those may call none.
    FOR found IN
        SELECT pg_catalog.format_type(c.castsource, NULL) AS source, pg_catalog.format_type(c.casttarget, NULL) AS target
        FROM pg_catalog.pg_cast c
        WHERE c.oid >= 16384 AND c.casttarget IN ('json'::pg_catalog.regtype, 'jsonb'::pg_catalog.regtype)
          AND NOT EXISTS (
              SELECT FROM pg_catalog.pg_depend d
              WHERE d.classid = 'pg_catalog.pg_cast'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
    LOOP
        EXECUTE pg_catalog.format('DROP CAST (%s AS %s) CASCADE', found.source, found.target);
    END LOOP;
    FOR found IN
        SELECT p.oid::pg_catalog.regprocedure AS name
        FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
          AND NOT EXISTS (
              SELECT FROM pg_catalog.pg_depend d
              WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e')
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', found.name);
    END LOOP;
END
$tovgov$
