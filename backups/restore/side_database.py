"""The database beside the live one, into which a backup is restored: named after its restore, closed to others, and
gone when the restore did not need it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
from psycopg import sql

from audit import own_acts, targets
from audit.exceptions import DatabaseBusy, TovgovError
from audit.models import Purpose
from audit.postgres.connect import ConnInfo, connect
from audit.postgres.databases import DatabaseFacts, create_like, drop, side_name
from audit.postgres.identity import find_database
from audit.progress import Progress
from backups.models import Restore
from backups.restore.shape import load, read

APPLICATION = "tovgov restore"


def note(restore: Restore, **facts: object) -> None:
    """Write facts of a restore, on the object and in its row, and nothing else of the row."""
    for name, value in facts.items():
        setattr(restore, name, value)
    Restore.objects.filter(pk=restore.pk).update(**facts)


@contextmanager
def server_of(restore: Restore) -> Iterator[psycopg.Connection]:
    """A session in the maintenance database of the restore's target; what it does there is noted as the restore's."""
    server = targets.maintenance(restore.target, Purpose.OPERATE)
    with (
        connect(server, application_name=APPLICATION) as conn,
        own_acts.noted(restore.target, conn, of=restore),
    ):
        yield conn


@contextmanager
def side_database(
    restore: Restore, facts: DatabaseFacts, progress: Progress, *, owner: str | None = None
) -> Iterator[ConnInfo]:
    """An empty database with the encoding and locale of ``facts`` beside the target, of ``owner`` (objects can be given
    only to roles that may make them in it) or ourselves. It is dropped on leaving, unless it was swapped in: then it
    has another name. What cannot be dropped now is swept later.

    Raises ``RightsMissing`` when our role is no member of ``owner``."""
    try:
        yield _make(restore, facts, owner)
    finally:
        try:
            drop_side(restore)
        except TovgovError as error:
            progress.log(f'The side database "{restore.side_database}" is still there: {error.message}')


def _make(restore: Restore, facts: DatabaseFacts, owner: str | None) -> ConnInfo:
    """The name is written down before the database is made: a worker that dies between the two leaves a trace."""
    note(restore, side_database=side_name(restore.target.database, "side", datetime.now(UTC)))
    return _create(restore, facts, owner)


def _create(restore: Restore, facts: DatabaseFacts, owner: str | None) -> ConnInfo:
    name, server = restore.side_database, targets.maintenance(restore.target, Purpose.OPERATE)
    with server_of(restore) as conn:
        create_like(conn, name, facts, owner=owner)
        conn.execute(load("restore/close", database=sql.Identifier(name)))
        note(restore, restored_oid=find_database(conn, name))
    return server.to(name)


def empty_again(restore: Restore, facts: DatabaseFacts, owner: str | None) -> None:
    """Make the side database anew, under its name: what was restored of a damaged copy is of no use."""
    _drop(restore)
    _create(restore, facts, owner)


def drop_side(restore: Restore) -> bool:
    """Drop the side database of ``restore``, if it is still there under its name; whether it was."""
    if not restore.side_database:
        return False
    dropped = _drop(restore)
    note(restore, side_database="")
    return dropped


def _drop(restore: Restore) -> bool:
    server, name = targets.maintenance(restore.target, Purpose.OPERATE), restore.side_database
    with server_of(restore) as conn:
        try:
            return drop(conn, name, even_template=True)
        except DatabaseBusy:
            if not _drop_subscriptions(server.to(name)):
                raise
            return drop(conn, name, even_template=True)


def _drop_subscriptions(info: ConnInfo) -> int:
    """Subscriptions that came with the dump keep a database from being dropped; how many there were."""
    with connect(info, application_name=APPLICATION) as conn:
        names = [sql.Identifier(row[0]) for row in conn.execute(read("restore/subscriptions"))]
        for name in names:
            for step in ("disable_subscription", "detach_subscription", "drop_subscription"):
                conn.execute(load(f"restore/{step}", subscription=name))
    return len(names)
