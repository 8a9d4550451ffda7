"""The guards themselves: their triggers, functions, tables and event triggers."""

from __future__ import annotations

from audit.protection.attack.attempt import BY_SERVER, GROUND, act, detected, recorded, refused

TITLE = "The guards themselves"
FOUND = (detected("delete_audit"),)
GUARDED = (*FOUND, refused("ddl_guard"))
OWNED = (*GUARDED, refused("ownership"))
HEALED = (recorded("delete_audit"), refused("ddl_guard"))
"""ALTER TABLE puts the trigger back at once."""
OWNER_HEALED = (*HEALED, refused("ownership"))
NEEDS_GUARD = refused("ddl_guard")
REPLACED = "CREATE OR REPLACE FUNCTION tovgov.is_relaxed(wanted text) RETURNS boolean LANGUAGE sql AS 'SELECT true'"
HIDDEN = "DO $$ BEGIN EXECUTE 'DROP SCHEMA tov' || 'gov CASCADE'; END $$"

ATTEMPTS = (
    *act(
        "disable-trigger", "ALTER TABLE … DISABLE TRIGGER, then DELETE",
        "ALTER TABLE {note} DISABLE TRIGGER tovgov_delete_audit", "DELETE FROM {note}",
        application=BY_SERVER, owner=OWNER_HEALED, superuser=HEALED,
    ),
    *act(
        "disable-all", "ALTER TABLE … DISABLE TRIGGER ALL, then DELETE",
        "ALTER TABLE {note} DISABLE TRIGGER ALL", "DELETE FROM {note}", owner=OWNER_HEALED, superuser=HEALED,
    ),
    *act(
        "enable-replica", "ALTER TABLE … ENABLE REPLICA TRIGGER, then DELETE",
        "ALTER TABLE {note} ENABLE REPLICA TRIGGER tovgov_delete_audit", "DELETE FROM {note}",
        owner=OWNER_HEALED, superuser=HEALED,
    ),
    *act(
        "drop-trigger", "DROP TRIGGER, then DELETE",
        "DROP TRIGGER tovgov_delete_audit ON {note}", "DELETE FROM {note}",
        application=BY_SERVER, owner=OWNED, superuser=GUARDED,
    ),
    *act(
        "rename-trigger", "ALTER TRIGGER … RENAME", "ALTER TRIGGER tovgov_delete_audit ON {note} RENAME TO asleep",
        owner=OWNED, superuser=GUARDED,
    ),
    *act(
        "replace-trigger", "CREATE OR REPLACE TRIGGER over the guard's",
        "CREATE OR REPLACE TRIGGER tovgov_delete_audit AFTER DELETE ON {note}"
        " EXECUTE FUNCTION pg_catalog.tsvector_update_trigger()",
        owner=OWNED, superuser=GUARDED,
    ),
    *act(
        "drop-function-guard", "DROP FUNCTION of a guard, CASCADE", "DROP FUNCTION tovgov.capture_deleted() CASCADE",
        application=BY_SERVER, owner=BY_SERVER, superuser=GUARDED, on_target=True,
    ),
    *act(
        "drop-schema-guard", "DROP SCHEMA tovgov CASCADE", "DROP SCHEMA tovgov CASCADE",
        application=BY_SERVER, owner=BY_SERVER, superuser=GUARDED, on_target=True,
    ),
    *act("drop-schema-hidden", "DROP SCHEMA tovgov CASCADE, its name put together inside DO", HIDDEN,
         owner=BY_SERVER, superuser=FOUND),
    *act("drop-language", "DROP EXTENSION plpgsql CASCADE, which takes the guards' functions",
         "DROP EXTENSION plpgsql CASCADE", owner=BY_SERVER, superuser=GUARDED),
    *act(
        "replace-function", "CREATE OR REPLACE FUNCTION over a guard's", REPLACED,
        application=BY_SERVER, owner=BY_SERVER, superuser=GUARDED, on_target=True,
    ),
    *act(
        "alter-function", "ALTER FUNCTION of a guard", "ALTER FUNCTION tovgov.is_relaxed(text) OWNER TO CURRENT_USER",
        owner=BY_SERVER, superuser=GUARDED, on_target=True,
    ),
    *act("alter-table-guard", "ALTER TABLE of a guard's table", "ALTER TABLE tovgov.guard_setting RENAME TO gone",
         owner=BY_SERVER, superuser=(refused("delete_audit"), refused("ddl_guard")), on_target=True),
    *act(
        "drop-event-trigger", "DROP EVENT TRIGGER, then DROP TABLE",
        "DROP EVENT TRIGGER tovgov_guard_drop", "DROP TABLE {note}",
        owner=BY_SERVER, superuser=(detected("ddl_guard"),), needs=NEEDS_GUARD,
    ),
    *act(
        "disable-event-trigger", "ALTER EVENT TRIGGER … DISABLE, then DROP TABLE",
        "ALTER EVENT TRIGGER tovgov_guard_drop DISABLE", "DROP TABLE {note}",
        owner=BY_SERVER, superuser=(detected("ddl_guard"),), needs=NEEDS_GUARD,
    ),
    *act(
        "event-triggers-off-for-all", "ALTER DATABASE … SET event_triggers = off",
        "ALTER DATABASE {database} SET event_triggers = off",
        owner=BY_SERVER, superuser=(detected("ddl_guard"),), needs=NEEDS_GUARD, since=17,
    ),
    *act("catalog-trigger", "A direct UPDATE of pg_trigger",
         "SET allow_system_table_mods = on", "UPDATE pg_trigger SET tgenabled = 'D' WHERE tgname LIKE 'tovgov%'",
         owner=BY_SERVER, superuser=FOUND),
    *act("catalog-event-trigger", "A direct DELETE from pg_event_trigger",
         "SET allow_system_table_mods = on", "DELETE FROM pg_event_trigger", superuser=FOUND),
    *act(
        "forge-window", "A forged maintenance window, then DROP TABLE",
        "INSERT INTO tovgov.maintenance_window (rules, reason, opened_by, closes_at)"
        " VALUES ('{{tovgov,ddl_guard}}', 'forged', 'nobody', 'infinity')",
        "DROP TABLE {note}",
        application=BY_SERVER, owner=BY_SERVER, superuser=(detected(GROUND),),
    ),
    *act(
        "change-setting", "UPDATE of what the guards are told, then TRUNCATE",
        "UPDATE tovgov.guard_setting SET value = '[]' WHERE name = 'tables'", "DROP TABLE {note}",
        application=BY_SERVER, owner=BY_SERVER, superuser=FOUND,
    ),
)  # fmt: skip
