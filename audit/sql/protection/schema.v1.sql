-- What every rule stands on: a role nobody can log in as, and a schema that only it owns.
-- Roles belong to the whole server: whoever makes or drops them in another database at this moment is waited for.
LOCK TABLE pg_catalog.pg_authid IN SHARE UPDATE EXCLUSIVE MODE;
DO $tovgov$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) 'tovgov_guard') THEN
        CREATE ROLE tovgov_guard NOLOGIN NOINHERIT;
    END IF;
END
$tovgov$;
CREATE SCHEMA IF NOT EXISTS tovgov;
ALTER SCHEMA tovgov OWNER TO tovgov_guard;
REVOKE ALL ON SCHEMA tovgov FROM PUBLIC;

-- The rule "tovgov" relaxes the guards for tovgov's own work; it is opened and removed within one transaction.
CREATE TABLE IF NOT EXISTS tovgov.maintenance_window (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rules       text[] NOT NULL,
    reason      text NOT NULL,
    opened_by   text NOT NULL,
    opened_at   timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    closes_at   timestamptz NOT NULL,
    closed_at   timestamptz
);
ALTER TABLE tovgov.maintenance_window OWNER TO tovgov_guard;

-- What was before, so that uninstalling puts it back.
CREATE TABLE IF NOT EXISTS tovgov.protection_record (
    rule    text NOT NULL,
    object  text NOT NULL,
    before  jsonb NOT NULL,
    PRIMARY KEY (rule, object)
);
ALTER TABLE tovgov.protection_record OWNER TO tovgov_guard;

-- What the guards ask: which tables they stand before, and how.
CREATE TABLE IF NOT EXISTS tovgov.guard_setting (
    rule    text NOT NULL,
    name    text NOT NULL,
    value   jsonb NOT NULL,
    PRIMARY KEY (rule, name)
);
ALTER TABLE tovgov.guard_setting OWNER TO tovgov_guard;

-- DDL that happened inside a maintenance window.
CREATE TABLE IF NOT EXISTS tovgov.ddl_log (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    tag         text NOT NULL,
    object      text NOT NULL,
    role        name NOT NULL,
    query       text
);
ALTER TABLE tovgov.ddl_log OWNER TO tovgov_guard;

-- Time alone closes a window: a guard asks here at every act, whether or not a worker is alive.
CREATE OR REPLACE FUNCTION tovgov.is_relaxed(wanted text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $tovgov$
    SELECT EXISTS (
        SELECT FROM tovgov.maintenance_window w
        WHERE w.closed_at IS NULL AND clock_timestamp() < w.closes_at AND wanted = ANY (w.rules)
    )
$tovgov$;
ALTER FUNCTION tovgov.is_relaxed(text) OWNER TO tovgov_guard;
REVOKE ALL ON FUNCTION tovgov.is_relaxed(text) FROM PUBLIC;

-- Whether a rule is meant for the table of this label (schema.table).
CREATE OR REPLACE FUNCTION tovgov.is_chosen(wanted text, label text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $tovgov$
    SELECT EXISTS (
        SELECT FROM tovgov.guard_setting s, jsonb_array_elements_text(s.value) p
        WHERE s.rule = wanted AND s.name = 'tables' AND label LIKE p
    ) AND NOT EXISTS (
        SELECT FROM tovgov.guard_setting s, jsonb_array_elements_text(s.value) p
        WHERE s.rule = wanted AND s.name = 'exclude' AND label LIKE p
    )
$tovgov$;
ALTER FUNCTION tovgov.is_chosen(text, text) OWNER TO tovgov_guard;
REVOKE ALL ON FUNCTION tovgov.is_chosen(text, text) FROM PUBLIC;

-- to_json runs a cast to json where a type has one, and here it would run with the guard's rights: whoever owns a type
-- can make such a cast. So where there is any, columns of such types are written as text, by their output functions,
-- which only a superuser makes. NULL: there is no need.
CREATE OR REPLACE FUNCTION tovgov.plain_columns(relation oid) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $tovgov$
    SELECT string_agg(
        CASE WHEN a.atttypid < 16384 THEN format('%I', a.attname)
             ELSE format('CASE WHEN num_nonnulls(%1$I) = 1 THEN format(''%%s'', %1$I) END AS %1$I', a.attname) END,
        ', ' ORDER BY a.attnum)
    FROM pg_attribute a
    WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
    HAVING bool_or(a.atttypid >= 16384)
       AND EXISTS (SELECT FROM pg_cast c WHERE c.oid >= 16384 AND c.casttarget IN ('json'::regtype, 'jsonb'::regtype))
$tovgov$;
ALTER FUNCTION tovgov.plain_columns(oid) OWNER TO tovgov_guard;
REVOKE ALL ON FUNCTION tovgov.plain_columns(oid) FROM PUBLIC;

-- The server's log keeps the attempt although the transaction is rolled back.
CREATE OR REPLACE FUNCTION tovgov.refuse(rule text, what text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $tovgov$
BEGIN
    RAISE LOG 'tovgov refused: % (% as %, from %)', what, rule, session_user, coalesce(host(inet_client_addr()), 'local');
    RAISE EXCEPTION 'tovgov refused: %', what USING
        ERRCODE = 'insufficient_privilege',
        HINT = 'If this is meant, open a maintenance window: manage.py window open';
END
$tovgov$;
ALTER FUNCTION tovgov.refuse(text, text) OWNER TO tovgov_guard;
REVOKE ALL ON FUNCTION tovgov.refuse(text, text) FROM PUBLIC;
