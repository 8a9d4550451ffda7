"""Rights: taken, given and borrowed."""

from __future__ import annotations

from audit.protection.attack.attempt import BY_SERVER, GROUND, NOBODY, Judged, act, detected, refused

TITLE = "Rights and roles"
NEEDS_OWNER = refused("ownership")

ATTEMPTS = (
    *act("set-role-guard", "SET ROLE to the guards' role", "SET ROLE tovgov_guard",
         application=BY_SERVER, owner=BY_SERVER, createdb=BY_SERVER, judged=Judged.RAN),
    *act("set-role-owner", "SET ROLE to the owning role", "SET ROLE tovgov_owner",
         application=BY_SERVER, owner=BY_SERVER, createdb=BY_SERVER, judged=Judged.RAN, needs=NEEDS_OWNER),
    *act("grant-owner", "GRANT of the owning role to oneself", "GRANT tovgov_owner TO {owner}",
         owner=BY_SERVER, superuser=(detected("ownership"),), needs=NEEDS_OWNER),
    *act("grant-guard", "GRANT of the guards' role to the application", "GRANT tovgov_guard TO {application}",
         owner=BY_SERVER, superuser=(detected(GROUND),)),
    *act("login-owner", "ALTER ROLE … LOGIN of the owning role", "ALTER ROLE tovgov_owner LOGIN",
         owner=BY_SERVER, superuser=(detected("ownership"),), needs=NEEDS_OWNER),
    *act("login-guard", "ALTER ROLE … LOGIN of the guards' role", "ALTER ROLE tovgov_guard LOGIN",
         owner=BY_SERVER, superuser=(detected(GROUND),)),
    *act("drop-role", "DROP ROLE of the guards' role", "DROP ROLE tovgov_guard", superuser=BY_SERVER),
    *act("regrant", "GRANT of TRUNCATE to another role", "GRANT TRUNCATE ON {note} TO {createdb}",
         application=BY_SERVER, owner=(refused("ownership"),), superuser=NOBODY),
    *act("grant-schema", "GRANT of rights in the schema tovgov", "GRANT ALL ON SCHEMA tovgov TO {application}",
         owner=BY_SERVER, superuser=(detected(GROUND),)),
    *act("take-table", "ALTER TABLE … OWNER TO oneself", "ALTER TABLE {note} OWNER TO {application}",
         application=BY_SERVER,
         superuser=(detected("ownership"), refused("ddl_guard", alter=True))),
    *act("take-schema", "ALTER SCHEMA … OWNER TO the application", "ALTER SCHEMA {schema} OWNER TO {application}",
         application=BY_SERVER, superuser=(detected("ownership", schemas=True),)),
    *act("superuser", "ALTER ROLE … SUPERUSER of oneself", "ALTER ROLE {application} SUPERUSER",
         application=BY_SERVER, owner=BY_SERVER, createdb=BY_SERVER),
    *act("system", "ALTER SYSTEM", "ALTER SYSTEM SET session_replication_role = 'replica'",
         application=BY_SERVER, owner=BY_SERVER, createdb=BY_SERVER, commits=True, judged=Judged.RAN),
)  # fmt: skip
