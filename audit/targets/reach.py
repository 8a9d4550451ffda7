"""How to reach a target: its address, the role for each purpose, and what to say when the database is not there."""

from __future__ import annotations

from audit.exceptions import DatabaseMissing, TargetUnreachable, TovgovError
from audit.models import Credential, Purpose, Target
from audit.postgres import identity
from audit.postgres.connect import ConnInfo, connect

FALLBACK = {
    Purpose.WATCH: (Purpose.WATCH, Purpose.BACKUP, Purpose.OPERATE),
    Purpose.BACKUP: (Purpose.BACKUP, Purpose.OPERATE),
    Purpose.OPERATE: (Purpose.OPERATE,),
}


def credential(target: Target, purpose: Purpose) -> Credential:
    """The credential for ``purpose``, or the next stronger one; an empty one when none was entered (a libpq service
    or a trusting socket needs none). Raises ``SecretUnreadable`` and ``KeyMissing``."""
    known = {row.purpose: row for row in target.credentials.all()} if target.pk else {}
    return next((known[p] for p in FALLBACK[purpose] if p in known), Credential(target=target, purpose=purpose))


def conninfo(target: Target, purpose: Purpose, *, database: str | None = None) -> ConnInfo:
    """How to reach the target, or another ``database`` of its server, as the role for ``purpose``."""
    role = credential(target, purpose)
    return address(target, role.user, role.password).to(target.database if database is None else database)


def maintenance(target: Target, purpose: Purpose = Purpose.OPERATE) -> ConnInfo:
    """How to reach the target's server when the database itself may be gone."""
    return conninfo(target, purpose, database=target.maintenance_database)


def address(target: Target, user: str, password: str) -> ConnInfo:
    """The target's address with this role."""
    return ConnInfo(
        database=target.database,
        host=target.host,
        port=target.port,
        user=user,
        password=password,
        sslmode="" if target.service else target.sslmode,
        service=target.service,
    )


def explain(error: TovgovError, info: ConnInfo, maintenance_database: str, oid: int | None = None) -> TovgovError:
    """A better error for a database that is not there: what names the server has, or what became of it (``oid``,
    when it was pinned). Every other error is returned as it is.

    A server that speaks another language than English is asked too: its words alone do not tell.
    """
    in_doubt = isinstance(error, TargetUnreachable) and error.detail.get("server_spoke")
    if not (in_doubt or isinstance(error, DatabaseMissing)):
        return error
    try:
        with connect(info.to(maintenance_database), read_only=True, statement_timeout=10_000) as connection:
            if in_doubt and identity.find_database(connection, info.database) is not None:
                return error
            renamed = identity.name_of(connection, oid) if oid is not None else None
            names = identity.similar_names(connection, info.database) or identity.other_names(connection)
    except TovgovError:
        return error
    return _gone(info.database, renamed) if oid is not None else _misspelt(info.database, names)


def _misspelt(database: str, names: list[str]) -> DatabaseMissing:
    there = ", ".join(f'"{name}"' for name in names)
    others = f"The server has {there}: names are exact." if names else "The server has no database of its own."
    return DatabaseMissing(
        f'There is no database named "{database}". {others}',
        hint="Write the name exactly as the server has it, upper and lower case included.",
        names=names,
    )


def _gone(database: str, renamed: str | None) -> DatabaseMissing:
    if renamed is not None:
        return DatabaseMissing(
            f'The database "{database}" was renamed to "{renamed}".',
            hint="Rename it back. If it was renamed on purpose, correct the name on the target's page and confirm it.",
        )
    return DatabaseMissing(
        f'The database "{database}" is gone: it was dropped.',
        hint="Open the target and choose Recover: the newest proved backup brings it back. Then find out who did it.",
    )
