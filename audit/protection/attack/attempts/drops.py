"""DROP and ALTER of what holds the rows."""

from __future__ import annotations

from audit.protection.attack.attempt import BY_SERVER, NOBODY, act, refused

TITLE = "Dropping and altering tables and schemas"
GUARDED = (refused("ddl_guard"),)
OWNED = (*GUARDED, refused("ownership"))
ALTERED = (refused("ddl_guard", alter=True),)
OWNER_ALTERED = (*ALTERED, refused("ownership"))

ATTEMPTS = (
    *act(
        "drop-table", "DROP TABLE … CASCADE", "DROP TABLE {member} CASCADE",
        application=BY_SERVER, owner=OWNED, superuser=GUARDED,
    ),
    *act("drop-root", "DROP TABLE of a partitioned table", "DROP TABLE {visit}", owner=OWNED, superuser=GUARDED),
    *act("drop-leaf", "DROP TABLE of a partition", "DROP TABLE {january}", owner=OWNED, superuser=GUARDED),
    *act(
        "drop-schema", "DROP SCHEMA … CASCADE", "DROP SCHEMA {schema} CASCADE",
        application=BY_SERVER, owner=OWNED, superuser=GUARDED,
    ),
    *act("drop-schema-do", "DROP SCHEMA … CASCADE inside DO", "DO $$ BEGIN DROP SCHEMA {schema} CASCADE; END $$",
         owner=OWNED, superuser=GUARDED),
    *act("drop-owned", "DROP OWNED … CASCADE", "DROP OWNED BY {owner} CASCADE", owner=GUARDED, superuser=GUARDED),
    *act("drop-type", "DROP TYPE … CASCADE, which takes columns", "DROP TYPE {mood} CASCADE", owner=GUARDED,
         superuser=GUARDED),
    *act("drop-domain", "DROP DOMAIN … CASCADE, which takes columns", "DROP DOMAIN {amount} CASCADE", owner=GUARDED),
    *act(
        "drop-column", "ALTER TABLE … DROP COLUMN", "ALTER TABLE {payment} DROP COLUMN amount CASCADE",
        application=BY_SERVER, owner=OWNED, superuser=GUARDED,
    ),
    *act("drop-view", "DROP VIEW", "DROP VIEW {rich}", owner=GUARDED, superuser=GUARDED),
    *act("drop-matview", "DROP MATERIALIZED VIEW", "DROP MATERIALIZED VIEW {totals}", owner=GUARDED),
    *act("drop-sequence", "DROP SEQUENCE … CASCADE", "DROP SEQUENCE {ticket} CASCADE", owner=GUARDED,
         superuser=GUARDED),
    *act(
        "drop-new", "DROP of a table made later", "DROP TABLE {schema}.later",
        prepare=("CREATE TABLE {schema}.later (a int)",),
        owner=(*GUARDED, refused("ownership", schemas=True)), superuser=GUARDED,
    ),
    *act(
        "drop-replica", "DROP TABLE with session_replication_role = replica",
        "SET session_replication_role = replica", "DROP TABLE {note}", superuser=GUARDED,
    ),
    *act(
        "drop-event-triggers-off", "DROP TABLE with event_triggers = off",
        "SET event_triggers = off", "DROP TABLE {note}", owner=BY_SERVER, superuser=NOBODY, since=17,
    ),
    *act("drop-function", "DROP FUNCTION of the application", "DROP FUNCTION {helper}()", owner=NOBODY),
    *act("drop-index", "DROP INDEX", "DROP INDEX {index}", owner=(refused("ownership"),), superuser=NOBODY),
    *act(
        "drop-constraint", "ALTER TABLE … DROP CONSTRAINT",
        "ALTER TABLE {payment} DROP CONSTRAINT payment_member_fkey",
        owner=OWNER_ALTERED, superuser=ALTERED,
    ),
    *act(
        "rename-table", "ALTER TABLE … RENAME", "ALTER TABLE {note} RENAME TO hidden",
        application=BY_SERVER, owner=OWNER_ALTERED, superuser=ALTERED,
    ),
    *act(
        "rename-column", "ALTER TABLE … RENAME COLUMN", "ALTER TABLE {note} RENAME COLUMN words TO hidden",
        owner=OWNER_ALTERED, superuser=ALTERED,
    ),
    *act("rename-schema", "ALTER SCHEMA … RENAME", "ALTER SCHEMA {schema} RENAME TO hidden",
         owner=(refused("ownership", schemas=True),), superuser=NOBODY),
    *act("set-schema", "ALTER TABLE … SET SCHEMA", "ALTER TABLE {note} SET SCHEMA {elsewhere}",
         owner=OWNER_ALTERED, superuser=ALTERED),
    *act(
        "alter-type", "ALTER TABLE … TYPE, which empties a column",
        "ALTER TABLE {note} ALTER COLUMN words TYPE text USING NULL", owner=OWNER_ALTERED, superuser=ALTERED,
    ),
    *act(
        "detach", "DETACH PARTITION", "ALTER TABLE {visit} DETACH PARTITION {january}",
        application=BY_SERVER, owner=OWNER_ALTERED, superuser=ALTERED,
    ),
    *act(
        "detach-drop", "DETACH PARTITION, then DROP TABLE",
        "ALTER TABLE {visit} DETACH PARTITION {january}", "DROP TABLE {january}",
        owner=OWNER_ALTERED, superuser=ALTERED,
    ),
)  # fmt: skip
