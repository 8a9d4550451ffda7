"""Renaming databases under people who are connected: all renames in one transaction, or none.

``ALTER DATABASE … RENAME`` first takes the lock that every new connection to that database needs, then waits up to five
seconds for the sessions in it to go. While it waits a second connection ends them, so that nobody can slip in between
and no flag has to be set that would keep people out if this process died: what is not committed never was.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import psycopg
from psycopg import sql

from audit.exceptions import DatabaseBusy, DatabaseExists, DatabaseMissing, RightsMissing
from audit.postgres.connect import beside
from audit.postgres.databases.connected import PAUSE, in_words, sessions, signal, terminate, wait_for
from audit.postgres.databases.facts import read_facts
from audit.postgres.databases.make import exists
from audit.postgres.databases.names import check_name
from audit.postgres.queries import load, read

PATIENCE = 20.0  # seconds until people who stay connected win
MOMENT = 5.0  # seconds in which a session that we may not end can go by itself


def swap(conn: psycopg.Connection, live: str, side: str, kept: str, *, patience: float = PATIENCE) -> float:
    """Put ``side`` in the place of ``live``, which stays as ``kept``; milliseconds without service. Undo is
    ``swap(conn, live, kept, another)``. ``conn`` (autocommit) is in a third database.

    The mark of a template, which locks a database against DROP, stays with the name ``live``. Raises ``DatabaseBusy``,
    ``DatabaseMissing``, ``DatabaseExists`` or ``RightsMissing``; then everything is as it was.
    """
    is_template = read_facts(conn, live).is_template
    return _rename_all(conn, [(live, kept), (side, live)], {live: is_template, kept: False}, patience)


def rename(conn: psycopg.Connection, name: str, new_name: str, *, patience: float = PATIENCE) -> float:
    """Rename a database under its sessions, which are ended; milliseconds without service. Raises as ``swap``."""
    return _rename_all(conn, [(name, new_name)], {}, patience)


def _rename_all(
    conn: psycopg.Connection, pairs: Sequence[tuple[str, str]], flags: dict[str, bool], patience: float
) -> float:
    _check(conn, pairs)
    names = [name for name, _ in pairs]
    deadline = time.monotonic() + patience
    with beside(conn) as second:
        while True:
            start = time.perf_counter()
            try:
                for name in names:
                    _empty(second, name, deadline)
                _rename_once(conn, second, pairs, flags)
                return (time.perf_counter() - start) * 1000
            except (psycopg.errors.ObjectInUse, psycopg.errors.LockNotAvailable) as error:
                _refuse_prepared(conn, names)
                if time.monotonic() > deadline:
                    left = [session for name in names for session in sessions(conn, name)]
                    who = in_words(left) or error.diag.message_primary
                    raise DatabaseBusy(f"The databases could not be renamed: {who}.") from error


def _empty(conn: psycopg.Connection, name: str, deadline: float) -> None:
    """End the sessions in the database ``name``. Those that we may not end are given a moment to go: a monitor of the
    superuser looks in and leaves."""
    deadline = min(deadline, time.monotonic() + MOMENT)
    while True:
        try:
            terminate(conn, name)
            return
        except RightsMissing as error:
            if not wait_for(conn, name, error.detail["processes"], until=deadline):
                raise


def _rename_once(
    conn: psycopg.Connection, second: psycopg.Connection, pairs: Sequence[tuple[str, str]], flags: dict[str, bool]
) -> None:
    with conn.transaction():
        with _sweeping(second, [name for name, _ in pairs]):  # not during the commit: then others are in by right
            for name, new_name in pairs:
                statement = load("databases/rename", database=sql.Identifier(name), new_name=sql.Identifier(new_name))
                conn.execute(statement)
        for name, flag in flags.items():
            conn.execute(load("databases/alter_is_template", database=sql.Identifier(name), flag=sql.Literal(flag)))


@contextmanager
def _sweeping(conn: psycopg.Connection, names: Sequence[str]) -> Iterator[None]:
    """End whoever is in the databases ``names``, again and again, in a thread, until the block is left."""
    stopped = threading.Event()

    def sweep() -> None:
        while not stopped.wait(PAUSE):
            for name in names:
                with suppress(RightsMissing, psycopg.Error):  # the rename says who stays
                    signal(conn, name)

    thread = threading.Thread(target=sweep, name="sweep", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _check(conn: psycopg.Connection, pairs: Sequence[tuple[str, str]]) -> None:
    """Refuse early, with names: missing databases, taken names, prepared transactions."""
    leaving = {name for name, _ in pairs}
    for name, new_name in pairs:
        check_name(new_name)
        if not exists(conn, name):
            raise DatabaseMissing(f'There is no database named "{name}".', database=name)
        if new_name not in leaving and exists(conn, new_name):
            raise DatabaseExists(f'There is already a database named "{new_name}".', database=new_name)
    _refuse_prepared(conn, sorted(leaving))


def _refuse_prepared(conn: psycopg.Connection, names: Sequence[str]) -> None:
    for name in names:
        if found := conn.execute(read("databases/prepared"), (name,)).fetchall():
            listed = ", ".join(f'"{gid}" of {owner}' for gid, owner in found)
            raise DatabaseBusy(
                f'"{name}" has prepared transactions: {listed}.',
                hint="Nothing was changed. End them with COMMIT PREPARED or ROLLBACK PREPARED, then try again.",
            )
