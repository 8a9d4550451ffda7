"""Who is connected to a database, and ending these sessions."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row

from audit.exceptions import DatabaseBusy, RightsMissing
from audit.postgres.queries import read

PATIENCE = 5.0  # seconds that a session is given to end
PAUSE = 0.01  # seconds between two looks


@dataclass(frozen=True, slots=True)
class Session:
    """One connection to a database. ``address`` is empty on a Unix socket or where the role may not see it."""

    pid: int
    user: str
    application: str
    address: str
    state: str
    since: datetime | None
    kind: str

    def __str__(self) -> str:
        parts = [self.user or self.kind, self.application and f"({self.application})", self.address]
        return f"{' '.join(part for part in parts if part)}, process {self.pid}"


def sessions(conn: psycopg.Connection, name: str) -> list[Session]:
    """The sessions in the database ``name``, the oldest first, without that of ``conn``. Autovacuum, which the
    server itself sends away, is not listed."""
    with conn.cursor(row_factory=class_row(Session)) as cursor:
        return cursor.execute(read("databases/sessions"), (name,)).fetchall()


def terminate(conn: psycopg.Connection, name: str, *, patience: float = PATIENCE) -> list[Session]:
    """End the sessions that are in the database ``name`` now and wait until they are gone; those who were ended.

    Raises ``RightsMissing`` when the role may not end one, ``DatabaseBusy`` when one is still there after
    ``patience`` seconds. Sessions that come meanwhile are not touched.
    """
    ended = signal(conn, name)
    pids = {session.pid for session in ended}
    deadline = time.monotonic() + patience
    while left := [session for session in sessions(conn, name) if session.pid in pids]:
        if time.monotonic() > deadline:
            raise DatabaseBusy(f'Still connected to "{name}": {in_words(left)}.', sessions=[str(s) for s in left])
        time.sleep(PAUSE)
    return ended


def signal(conn: psycopg.Connection, name: str) -> list[Session]:
    """Tell every session in the database ``name`` to end, without waiting; those who were told.
    Raises ``RightsMissing`` when one may not be told; the others were."""
    told, refused = [], []
    for session in sessions(conn, name):
        try:
            conn.execute(read("databases/terminate"), (session.pid,))
            told.append(session)
        except psycopg.errors.InsufficientPrivilege:
            refused.append(session)
    if refused:
        raise RightsMissing(
            f'The role may not end sessions in "{name}": {in_words(refused)}.',
            hint="Grant it pg_signal_backend; sessions of superusers can only be ended by a superuser.",
            sessions=[str(session) for session in refused],
            processes=[session.pid for session in refused],
        )
    return told


def wait_for(conn: psycopg.Connection, name: str, processes: Collection[int], *, until: float) -> bool:
    """Whether the sessions of these ``processes`` leave the database ``name`` before ``time.monotonic()`` is
    ``until``."""
    while any(session.pid in processes for session in sessions(conn, name)):
        if time.monotonic() > until:
            return False
        time.sleep(PAUSE)
    return True


def in_words(left: list[Session]) -> str:
    """Up to five sessions in words."""
    more = f" and {len(left) - 5} more" if len(left) > 5 else ""
    return "; ".join(str(session) for session in left[:5]) + more
