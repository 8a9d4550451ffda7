"""TRUNCATE, which fires no DELETE trigger."""

from __future__ import annotations

from audit.protection.attack.attempt import act, recorded, refused

TITLE = "TRUNCATE"
GUARDED = (refused("truncate_guard", mode="refuse"), recorded("truncate_guard", mode="capture"))
OWNED = (*GUARDED, refused("ownership"))

ATTEMPTS = (
    *act("truncate", "TRUNCATE of a table", "TRUNCATE {note}", application=GUARDED, owner=OWNED, superuser=GUARDED),
    *act(
        "truncate-cascade", "TRUNCATE … CASCADE", "TRUNCATE {member} RESTART IDENTITY CASCADE",
        owner=OWNED, superuser=GUARDED,
    ),
    *act("truncate-root", "TRUNCATE of a partitioned table", "TRUNCATE {visit}", application=GUARDED, owner=OWNED),
    *act("truncate-leaf", "TRUNCATE of a partition", "TRUNCATE {january}", application=GUARDED, owner=OWNED),
    *act("truncate-several", "TRUNCATE of several tables", "TRUNCATE {note}, {payment}", application=GUARDED),
    *act(
        "truncate-do", "TRUNCATE inside DO", "DO $$ BEGIN EXECUTE 'TRUNCATE {note}'; END $$", application=GUARDED,
    ),
    *act(
        "truncate-replica", "TRUNCATE with session_replication_role = replica",
        "SET session_replication_role = replica", "TRUNCATE {note}", superuser=GUARDED,
    ),
    *act(
        "truncate-shadowed", "TRUNCATE with shadowed names",
        "CREATE TEMP TABLE maintenance_window AS SELECT ARRAY['truncate_guard'] AS rules",
        "SET search_path = pg_temp, pg_catalog",
        "TRUNCATE {note}",
        application=GUARDED,
    ),
    *act(
        "truncate-new", "TRUNCATE of a table made later", "TRUNCATE {schema}.later",
        prepare=("CREATE TABLE {schema}.later (a int)", "INSERT INTO {schema}.later VALUES (1)"),
        owner=(*GUARDED, refused("ownership", schemas=True)), superuser=GUARDED,
    ),
)  # fmt: skip
