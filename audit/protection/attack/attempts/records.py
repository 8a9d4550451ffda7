"""The delete log: reading, forging and emptying it."""

from __future__ import annotations

from audit.protection.attack.attempt import BY_SERVER, NOBODY, Judged, act, detected, refused

TITLE = "The delete log"
FIRST = ("DELETE FROM {note} WHERE code = 'a'",)

ATTEMPTS = (
    *act("log-read", "Reading the delete log", 'SELECT * FROM tovgov."DeleteAuditLog"',
         application=BY_SERVER, owner=BY_SERVER, createdb=BY_SERVER, judged=Judged.RAN),
    *act("log-delete", "DELETE of the delete log", "DELETE FROM tovgov.delete_audit_record", prepare=FIRST,
         application=BY_SERVER, owner=BY_SERVER, superuser=NOBODY),
    *act("log-truncate", "TRUNCATE of the delete log", "TRUNCATE tovgov.delete_audit_record", prepare=FIRST,
         application=BY_SERVER, owner=BY_SERVER, superuser=NOBODY),
    *act("log-forge", "UPDATE of the delete log", "UPDATE tovgov.delete_audit_record SET session_role = 'nobody'",
         prepare=FIRST, owner=BY_SERVER, superuser=NOBODY),
    *act(
        "log-drop", "DROP TABLE of the delete log", "DROP TABLE tovgov.delete_audit_record CASCADE", prepare=FIRST,
        owner=BY_SERVER, superuser=(detected("delete_audit"), refused("ddl_guard")),
    ),
)  # fmt: skip
