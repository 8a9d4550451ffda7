"""Rows that go away or are overwritten, one way or another."""

from __future__ import annotations

from audit.protection.attack.attempt import BY_SERVER, NOBODY, act, recorded, refused

TITLE = "Deleting and overwriting rows"
KEPT = (recorded("delete_audit"),)
HOSTILE = (
    "SET datestyle = 'SQL, DMY'",
    "SET intervalstyle = 'sql_standard'",
    "SET extra_float_digits = -15",
    "SET bytea_output = 'escape'",
    "SET timezone = 'Asia/Kathmandu'",
)

ATTEMPTS = (
    *act(
        "delete", "DELETE of some rows", "DELETE FROM {note} WHERE code = 'a'",
        application=KEPT, owner=KEPT, superuser=KEPT,
    ),
    *act("delete-all", "DELETE of every row", "DELETE FROM {note}", application=KEPT),
    *act("delete-root", "DELETE in a partitioned table", "DELETE FROM {visit}", application=KEPT),
    *act("delete-leaf", "DELETE in a partition", "DELETE FROM {january}", application=KEPT),
    *act("delete-parent", "DELETE in a table that others inherit from", "DELETE FROM {building}",
         application=KEPT),
    *act("delete-cascade", "DELETE that a foreign key passes on", "DELETE FROM {member} WHERE id = 2",
         application=KEPT),
    *act("delete-view", "DELETE through a writable view", "DELETE FROM {rich}", application=KEPT),
    *act(
        "delete-cte", "DELETE inside WITH",
        "WITH gone AS (DELETE FROM {payment} RETURNING *) SELECT count(*) FROM gone", application=KEPT,
    ),
    *act(
        "delete-merge", "MERGE … DELETE",
        "MERGE INTO {payment} p USING (SELECT 1 AS id) s ON p.id = s.id WHEN MATCHED THEN DELETE",
        application=KEPT, since=15,
    ),
    *act("delete-copy", "COPY (DELETE … RETURNING)", "COPY (DELETE FROM {payment} RETURNING *) TO STDOUT",
         application=KEPT),
    *act("delete-do", "DELETE inside DO", "DO $$ BEGIN EXECUTE 'DELETE FROM {payment}'; END $$", application=KEPT),
    *act(
        "delete-prepared", "DELETE by a prepared statement",
        "PREPARE gone AS DELETE FROM {payment}", "EXECUTE gone", application=KEPT,
    ),
    *act("delete-hostile", "DELETE under hostile output settings", *HOSTILE, "DELETE FROM {payment}", application=KEPT),
    *act(
        "delete-replica", "DELETE with session_replication_role = replica",
        "SET session_replication_role = replica", "DELETE FROM {payment}",
        application=BY_SERVER, owner=BY_SERVER, superuser=KEPT,
    ),
    *act(
        "delete-search-path", "DELETE with a hijacked search_path",
        "CREATE TEMP TABLE delete_audit_record (LIKE {note})",
        "CREATE TEMP TABLE deleted (a int)",
        "SET search_path = pg_temp, {schema}, tovgov, pg_catalog",
        "DELETE FROM {payment}",
        application=KEPT, owner=KEPT,
    ),
    *act(
        "delete-shadowed", "DELETE with shadowed functions",
        "CREATE SCHEMA trap",
        "CREATE FUNCTION trap.to_json(anyelement) RETURNS json LANGUAGE sql AS $$ SELECT '0'::json $$",
        "CREATE FUNCTION trap.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT to_timestamp(0) $$",
        "SET search_path = trap, {schema}, pg_catalog",
        "DELETE FROM {payment}",
        owner=(*KEPT, refused("ownership", database=True)),
    ),
    *act(
        "delete-cast", "DELETE with a cast to json that would run as the guard",
        "CREATE FUNCTION {schema}.as_json({mood}) RETURNS json LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO tovgov.maintenance_window (rules, reason, opened_by, closes_at)"
        " VALUES ('{{tovgov}}', 'forged', 'nobody', 'infinity'); RETURN '0'; END $$",
        "CREATE CAST ({mood} AS json) WITH FUNCTION {schema}.as_json({mood})",
        "DELETE FROM {member}",
        owner=(*KEPT, refused("ownership", schemas=True)),
    ),
    *act(
        "delete-new-table", "DELETE in a table made later", "DELETE FROM {schema}.later",
        prepare=("CREATE TABLE {schema}.later (a int)", "INSERT INTO {schema}.later VALUES (1)"),
        owner=(*KEPT, refused("ownership", schemas=True)), superuser=KEPT,
    ),
    *act(
        "delete-new-partition", "DELETE in a partition made later", "DELETE FROM {schema}.march",
        prepare=(
            "CREATE TABLE {schema}.march PARTITION OF {visit} FOR VALUES FROM ('2026-03-01') TO ('2026-04-01')",
            "INSERT INTO {visit} VALUES ('2026-03-03', 3)",
        ),
        owner=(*KEPT, refused("ownership", schemas=True)),
    ),
    *act(
        "delete-select-into", "DELETE in a table made by SELECT INTO", "DELETE FROM {schema}.copied",
        prepare=("SELECT * INTO {schema}.copied FROM {note}",),
        owner=(*KEPT, refused("ownership", schemas=True)),
    ),
    *act("update", "UPDATE of every row", "UPDATE {note} SET words = ''", application=NOBODY),
    *act("update-key", "UPDATE of a key", "UPDATE {note} SET code = code || code", application=NOBODY),
    *act(
        "update-move", "UPDATE that moves rows to another partition",
        "UPDATE {visit} SET day = day + 31 WHERE hits = 1", application=NOBODY,
    ),
    *act(
        "upsert", "INSERT … ON CONFLICT DO UPDATE",
        "INSERT INTO {note} VALUES ('a', '') ON CONFLICT (code) DO UPDATE SET words = excluded.words",
        application=NOBODY,
    ),
    *act(
        "large-object", "lo_unlink of a large object", "SELECT lo_unlink({large_object})",
        application=BY_SERVER, owner=NOBODY,
    ),
    *act(
        "rule", "A rule that turns DELETE into nothing",
        "CREATE RULE nothing AS ON DELETE TO {note} DO INSTEAD NOTHING",
        application=BY_SERVER, owner=(refused("ownership"),), superuser=NOBODY,
    ),
    *act(
        "trigger", "A trigger that rewrites what is inserted",
        "CREATE TRIGGER a_first BEFORE UPDATE ON {note} FOR EACH ROW"
        " EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()",
        owner=(refused("ownership"),), superuser=NOBODY,
    ),
    *act(
        "row-security", "Row security that hides every row",
        "ALTER TABLE {note} ENABLE ROW LEVEL SECURITY",
        application=BY_SERVER, owner=(refused("ownership"), refused("ddl_guard", alter=True)),
        superuser=(refused("ddl_guard", alter=True),),
    ),
)  # fmt: skip
