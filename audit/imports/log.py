"""The delete log as it lies in a target: where it stands, its records and their rows. Changes nothing there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import class_row

from audit import targets
from audit.actors import Actor
from audit.exceptions import LogMissing, LogUnreadable, RightsMissing
from audit.imports.keys import key_of
from audit.models import Purpose, Target
from audit.postgres import queries
from audit.postgres.connect import translate
from audit.targets import credential

TABLE = "tovgov.delete_audit_record"
CHUNK_RECORDS = 500
CHUNK_ROWS = 20_000
CHUNK_BYTES = 32 * 1024 * 1024
"""As the log stores them, compressed. A record is never divided, so one may exceed it."""
NO_TEXT = (UnicodeDecodeError, psycopg.errors.CharacterNotInRepertoire, psycopg.errors.UntranslatableCharacter)


@dataclass(frozen=True, slots=True)
class State:
    """Where the log stands at this moment. ``log`` is its table's oid, None when it is not there; transactions below
    ``horizon`` are over, those from ``next`` on have not begun."""

    log: int | None
    may_read: bool
    horizon: int
    next: int
    now: datetime
    timeline: int


@dataclass(frozen=True, slots=True)
class Record:
    """One record without its rows."""

    id: int
    transaction: int
    at: datetime
    table_oid: int
    table_schema: str
    table_name: str
    verb: str
    session_role: str
    role_in_force: str
    application_user: str | None
    client_address: str | None
    application_name: str | None
    query: str | None
    key_columns: list[str]
    masked_columns: list[str]
    row_count: int

    @property
    def table(self) -> str:
        return f"{self.table_schema}.{self.table_name}"


class Row(NamedTuple):
    """One deleted row; ``key`` and ``text`` are JSON as the target wrote it."""

    record: int
    position: int
    key: str
    text: str


class Oldest(NamedTuple):
    """The oldest record that waits: its age in seconds, and whether it can be read now."""

    age: float
    is_ready: bool


@contextmanager
def opened(target: Target, *, actor: Actor) -> Iterator[tuple[psycopg.Connection, State]]:
    """A read-only connection that may read the log: as the role for watching, or else the one for operating.

    Raises ``LogMissing``, ``RightsMissing`` and what ``targets.connected`` raises.
    """
    purposes = [Purpose.WATCH, Purpose.OPERATE]
    if credential(target, Purpose.WATCH) == credential(target, Purpose.OPERATE):
        purposes = [Purpose.OPERATE]
    for purpose in purposes:
        with targets.connected(target, purpose, actor=actor, read_only=True) as connection:
            state = required(state_of(connection), target)
            if state.may_read:
                yield connection, state
                return
            role = connection.info.user
    raise RightsMissing(
        f'The role "{role}" may not read {TABLE} of {target}.',
        hint="Store a superuser's credential for “Operate”, or grant the role for “Watch” USAGE on the schema tovgov"
        " and SELECT on that table.",
    )


def state_of(connection: psycopg.Connection) -> State:
    """Where the log of the connected database stands."""
    with connection.cursor(row_factory=class_row(State)) as cursor:
        state = cursor.execute(queries.read("imports/state")).fetchone()
    assert state is not None
    return state


def required(state: State, target: Target) -> State:
    """``state``, when there is a log. Raises ``LogMissing``."""
    if state.log is None:
        raise LogMissing(f"{target} has no table {TABLE}.")
    return state


def records(connection: psycopg.Connection, bounds: Mapping[str, Any]) -> list[Record]:
    """The next records after ``bounds`` (transaction, record, below, until), as many as make one chunk. Raises
    ``LogUnreadable``."""
    limits = {"records": CHUNK_RECORDS, "rows": CHUNK_ROWS, "bytes": CHUNK_BYTES}
    try:
        with connection.cursor(row_factory=class_row(Record)) as cursor:
            return cursor.execute(queries.read("imports/records"), {**bounds, **limits}).fetchall()
    except NO_TEXT as error:
        raise LogUnreadable(f"A record after number {bounds['record']} cannot be read as text.") from error


def rows(connection: psycopg.Connection, of: Iterable[Record]) -> Iterator[Row]:
    """The rows of these records, which lie side by side, one at a time as they come from the server.

    Raises ``LogUnreadable`` and what ``translate`` names: the caller writes elsewhere meanwhile, and must know whose
    fault a fault is.
    """
    of = list(of)
    keys = {record.id: record.key_columns for record in of}
    where = {
        "from_transaction": str(of[0].transaction),
        "from_record": of[0].id,
        "to_transaction": str(of[-1].transaction),
        "to_record": of[-1].id,
        "wanted": [record.id for record in of],
    }
    try:
        with connection.cursor() as cursor:
            for row in cursor.stream(queries.read("imports/rows"), where):
                record, position, key, text = row
                yield Row(record, position, key_of(text, keys[record]) if key is None else key, text)
    except NO_TEXT as error:
        raise LogUnreadable(f"A record from {of[0].id} to {of[-1].id} cannot be read as text.") from error
    except psycopg.Error as error:
        raise translate(error) from error


def oldest_waiting(connection: psycopg.Connection, bounds: Mapping[str, Any]) -> Oldest | None:
    """The oldest record that was not imported; None when all were."""
    row = connection.execute(queries.read("imports/oldest"), bounds).fetchone()
    return None if row is None else Oldest(*row)


def rows_waiting(connection: psycopg.Connection, bounds: Mapping[str, Any]) -> int:
    """How many rows were not imported."""
    row = connection.execute(queries.read("imports/not_imported"), bounds).fetchone()
    assert row is not None
    return int(row[0])


def held_back_by(connection: psycopg.Connection) -> str:
    """Who holds the horizon back, as a sentence; empty when nobody is seen to."""
    row = connection.execute(queries.read("imports/holding_back")).fetchone()
    if row is None or row[2] is None:
        return ""
    pid, role, since = row
    return f"A transaction of {role or 'an unknown role'} (process {pid}) has been open since {since:%H:%M:%S} UTC."
