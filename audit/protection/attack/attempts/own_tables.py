"""The target's own tables, each in turn; the rows in the clone are invented."""

from __future__ import annotations

from audit.protection.attack.attempt import act, recorded, refused

TITLE = "The target's own tables, each in turn"

ATTEMPTS = (
    *act("own-delete", "DELETE of every row of each table", "DELETE FROM {table}", each_of="delete_audit",
         application=(recorded("delete_audit"),)),
    *act("own-truncate", "TRUNCATE … CASCADE of each table", "TRUNCATE {table} CASCADE", each_of="truncate_guard",
         owner=(refused("truncate_guard", mode="refuse"), recorded("truncate_guard", mode="capture"),
                refused("ownership")),
         superuser=(refused("truncate_guard", mode="refuse"), recorded("truncate_guard", mode="capture"))),
    *act("own-drop", "DROP TABLE … CASCADE of each table", "DROP TABLE {table} CASCADE", each_of="ddl_guard",
         owner=(refused("ddl_guard"), refused("ownership")), superuser=(refused("ddl_guard"),)),
    *act("own-disable", "DISABLE TRIGGER of each table", "ALTER TABLE {table} DISABLE TRIGGER tovgov_delete_audit",
         each_of="delete_audit",
         owner=(refused("delete_audit"),), superuser=(refused("delete_audit"),)),
)  # fmt: skip
