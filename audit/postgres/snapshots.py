"""One moment of a database, shared by several connections: what pg_dump dumps and what we count is the same."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from audit.exceptions import LockTimeout, QueryFailed, RightsMissing
from audit.postgres.queries import load, read

ATTEMPTS = 5  # how often a snapshot is taken anew when a table was rewritten under it
PAUSE = 0.2  # seconds between them
LOCKED_AT_ONCE = 200  # tables in one LOCK statement


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An exported snapshot: ``id`` for ``pg_dump --snapshot``, the moment it shows and the WAL position then."""

    id: str
    at: datetime
    lsn: str


@dataclass(frozen=True, slots=True)
class TableRef:
    """A table that holds rows, its size with TOAST in bytes, and the columns that a dump carries, by name."""

    schema: str
    name: str
    bytes: int
    columns: tuple[str, ...]
    is_readable: bool = True

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)

    def __str__(self) -> str:
        return f'"{self.schema}"."{self.name}"'


@contextmanager
def export_snapshot(conn: psycopg.Connection, *, lock: bool = True) -> Iterator[Snapshot]:
    """A read-only transaction on ``conn`` (autocommit) whose snapshot others adopt; it ends when the block is left.

    ``lock`` holds every table in ACCESS SHARE mode, as pg_dump does, and makes sure that none was truncated or
    rewritten between snapshot and lock: such a table would look empty, in the dump as well as to us.
    Raises ``RightsMissing`` naming a table that may not be read, ``LockTimeout`` when one is held by somebody.
    """
    try:
        snapshot = _take(conn)
        if lock:
            for _ in range(ATTEMPTS):
                if _lock_all(conn):
                    break
                conn.rollback()
                time.sleep(PAUSE)
                snapshot = _take(conn)
            else:
                raise LockTimeout("Tables are truncated or rewritten again and again; no snapshot could be held.")
        yield snapshot
    finally:
        if not conn.closed:
            conn.rollback()


@contextmanager
def adopt(conn: psycopg.Connection, snapshot: Snapshot) -> Iterator[None]:
    """A read-only transaction on ``conn`` (autocommit) that sees what ``snapshot`` shows, while it is held."""
    conn.execute(read("rows/begin"))
    try:
        _import(conn, snapshot)
        conn.execute(read("settings"))
        yield
    finally:
        if not conn.closed:
            conn.rollback()


def _import(conn: psycopg.Connection, snapshot: Snapshot) -> None:
    try:
        conn.execute(load("rows/adopt", snapshot=sql.Literal(snapshot.id)))
    except (
        psycopg.errors.UndefinedObject,
        psycopg.errors.InvalidParameterValue,
        psycopg.errors.ObjectNotInPrerequisiteState,
    ) as error:
        raise QueryFailed(f"The snapshot {snapshot.id} is no longer held: {error.diag.message_primary}.") from error


def list_tables(conn: psycopg.Connection) -> list[TableRef]:
    """Every table that holds rows which a dump carries, by schema and name."""
    rows = conn.execute(read("rows/tables")).fetchall()
    return [TableRef(schema, name, size, tuple(columns), readable) for schema, name, size, columns, readable in rows]


def require_readable(tables: Sequence[TableRef]) -> None:
    """Raise ``RightsMissing`` naming the tables that the role may not read."""
    missing = [str(table) for table in tables if not table.is_readable]
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise RightsMissing(f"The role may not read {', '.join(missing[:5])}{more}.", tables=missing)


def _take(conn: psycopg.Connection) -> Snapshot:
    conn.execute(read("rows/begin"))
    conn.execute(read("settings"))
    row = conn.execute(read("rows/export")).fetchone()
    if row is None:
        raise QueryFailed("The server exported no snapshot.")
    return Snapshot(*row)


def _lock_all(conn: psycopg.Connection) -> bool:
    """Lock every table; False when one was dropped, truncated or rewritten since the snapshot."""
    tables = list_tables(conn)
    require_readable(tables)
    try:
        for start in range(0, len(tables), LOCKED_AT_ONCE):
            names = [table.identifier for table in tables[start : start + LOCKED_AT_ONCE]]
            conn.execute(load("rows/lock", tables=sql.SQL(", ").join(names)))
    except psycopg.errors.UndefinedTable:
        return False
    return conn.execute(read("rows/rewritten")).fetchone() is None
