"""The database as a whole. Event triggers never fire for these."""

from __future__ import annotations

from audit.protection.attack.attempt import BY_SERVER, NOBODY, WATCH, Judged, Place, act, detected, refused

TITLE = "The database as a whole"
LOCKED = (detected(WATCH), refused("drop_database_lock"))
TAKEN = (detected(WATCH), refused("ownership", database=True))
UNLOCK = "ALTER DATABASE {database} IS_TEMPLATE false"
NEEDS_LOCK = refused("drop_database_lock")
NEEDS_SECOND = refused("drop_database_lock", second_lock=True)

ATTEMPTS = (
    *act("drop-database", "DROP DATABASE", "DROP DATABASE {database}",
         place=Place.BESIDE, commits=True, application=BY_SERVER, createdb=BY_SERVER, owner=LOCKED, superuser=LOCKED),
    *act("drop-database-force", "DROP DATABASE … WITH (FORCE)", "DROP DATABASE {database} WITH (FORCE)",
         place=Place.BESIDE, commits=True, application=BY_SERVER, createdb=BY_SERVER, owner=LOCKED, superuser=LOCKED),
    *act("unlock-drop", "Unset the template flag, then DROP DATABASE", UNLOCK, "DROP DATABASE {database}",
         place=Place.BESIDE, commits=True, needs=NEEDS_LOCK, application=BY_SERVER, createdb=BY_SERVER,
         owner=TAKEN, superuser=(detected(WATCH),)),
    *act("unlock", "Unset the template flag", UNLOCK, needs=NEEDS_LOCK,
         application=BY_SERVER, createdb=BY_SERVER,
         owner=(detected("drop_database_lock"), refused("ownership", database=True)),
         superuser=(detected("drop_database_lock"),)),
    *act("drop-second-lock", "DROP SUBSCRIPTION, the second lock", "DROP SUBSCRIPTION tovgov_second_lock",
         needs=NEEDS_SECOND, application=BY_SERVER, owner=BY_SERVER, superuser=(detected("drop_database_lock"),)),
    *act("rename-database", "ALTER DATABASE … RENAME", "ALTER DATABASE {database} RENAME TO {renamed}",
         place=Place.BESIDE, application=BY_SERVER, createdb=BY_SERVER, owner=BY_SERVER, superuser=(detected(WATCH),)),
    *act("no-connections", "ALTER DATABASE … ALLOW_CONNECTIONS false",
         "ALTER DATABASE {database} ALLOW_CONNECTIONS false",
         place=Place.BESIDE, application=BY_SERVER, owner=TAKEN, superuser=(detected(WATCH),)),
    *act("database-owner", "ALTER DATABASE … OWNER TO the application",
         "ALTER DATABASE {database} OWNER TO {application}",
         application=BY_SERVER, owner=BY_SERVER, superuser=(detected("ownership", database=True),)),
    *act("database-setting", "ALTER DATABASE … SET session_replication_role",
         "ALTER DATABASE {database} SET session_replication_role = replica",
         application=BY_SERVER, owner=BY_SERVER, superuser=NOBODY),
    *act("clone", "CREATE DATABASE … TEMPLATE, which copies every row",
         "CREATE DATABASE {stolen} TEMPLATE {database}",
         place=Place.BESIDE, commits=True, judged=Judged.RAN,
         application=BY_SERVER, createdb=NOBODY, needs=NEEDS_LOCK),
)  # fmt: skip
