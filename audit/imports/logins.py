"""Logins that the login trigger kept in the target (PostgreSQL 17 and later): read each minute, chunk by chunk, and
pruned there once they are here and old.

The position is the last login read in the order of (transaction, id), up to the horizon below which no transaction is
open; it moves in the transaction that stores. No job is made of it: a minute brings few, and a kill loses none.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from django.db import transaction
from django.utils import timezone
from psycopg.rows import class_row

from audit import targets
from audit.actors import Actor
from audit.exceptions import ImportOvertaken
from audit.imports.connections import Login, store
from audit.models import ConnectionSource, Credential, ImportKind, ImportSource, Purpose, Target
from audit.postgres import queries
from audit.targets import credential

CHUNK = 5_000
SECONDS = 20.0
"""What is not read in this time is read by the next minute."""
OPTIONS: dict[str, Any] = {"connect_timeout": 5, "statement_timeout": 10_000}


@dataclass(frozen=True, slots=True)
class State:
    """Where the table stands; ``log`` is its oid, None when it is not there."""

    log: int | None
    may_read: bool
    may_prune: bool
    horizon: int
    timeline: int


@dataclass(frozen=True, slots=True)
class Kept:
    """One row of the trigger's table."""

    transaction: int
    id: int
    at: datetime
    pid: int
    role: str
    database: str
    address: str | None
    application: str
    is_own: bool
    is_settled: bool


def source_of(target: Target) -> ImportSource:
    """The target's login trigger as a source; made at its first use."""
    return ImportSource.objects.get_or_create(target=target, kind=ImportKind.LOGINS, name="")[0]


def bring(target: Target, *, actor: Actor) -> int | None:
    """Import what waits; how many logins that was, None where the table is not there or not ours to read. Raises what
    ``targets.connected`` raises."""
    purposes = [Purpose.WATCH, Purpose.OPERATE]
    if credential(target, Purpose.WATCH) == credential(target, Purpose.OPERATE):
        purposes = [Purpose.OPERATE]
    for purpose in purposes:
        with targets.connected(target, purpose, actor=actor, read_only=True, **OPTIONS) as connection:
            state = state_of(connection)
            if state.log is not None and state.may_read:
                return _read(target, connection, state)
    return None


def prune(target: Target, *, days: int, actor: Actor) -> int:
    """Remove logins that are stored here and older than ``days`` from the target; how many. Raises what
    ``targets.connected`` raises."""
    source = ImportSource.objects.filter(target=target, kind=ImportKind.LOGINS).first()
    if source is None or not source.position:
        return 0
    with targets.connected(target, Purpose.OPERATE, actor=actor, **OPTIONS) as connection:
        state = state_of(connection)
        if state.log is None or not state.may_prune or _must_begin_anew(source, state):
            return 0
        bounds = {name: source.position[name] for name in ("transaction", "record")}
        return connection.execute(queries.read("imports/logins_prune"), bounds | {"days": days}).rowcount


def state_of(connection: psycopg.Connection) -> State:
    with connection.cursor(row_factory=class_row(State)) as cursor:
        state = cursor.execute(queries.read("imports/logins_state")).fetchone()
    assert state is not None
    return state


def _incarnation(target: Target, state: State) -> str:
    return f"{target.system_identifier}/{target.database_oid}/{state.timeline}"


def _must_begin_anew(source: ImportSource, state: State) -> bool:
    """Another server, database, timeline or table, or a server that was set back: transactions count anew there. What
    is known already is recognized by its content."""
    known = source.position
    return (
        source.incarnation != _incarnation(source.target, state)
        or known.get("log") != state.log
        or state.horizon < known.get("horizon", 0)
    )


def _read(target: Target, connection: psycopg.Connection, state: State) -> int:
    source = source_of(target)
    if _must_begin_anew(source, state):
        begun = {"log": state.log, "transaction": 0, "record": 0, "floor": 0, "horizon": state.horizon, "own": 0}
        known = {"incarnation": _incarnation(target, state), "position": begun}
        ImportSource.objects.filter(pk=source.pk).update(**known)
    own = list(Credential.objects.filter(target=target).exclude(user="").values_list("user", flat=True))
    stored, end = 0, time.monotonic() + SECONDS
    while time.monotonic() < end:
        source.refresh_from_db()
        found = _chunk(connection, source.position, [*own, connection.info.user])
        if found:
            stored += _store(source, found, state)
        if len(found) < CHUNK:
            break
    facts = {"looked_at": timezone.now(), "error_code": "", "error": ""}
    ImportSource.objects.filter(pk=source.pk).update(**facts)
    return stored


def _chunk(connection: psycopg.Connection, position: dict[str, Any], own: list[str]) -> list[Kept]:
    bounds = {name: position[name] for name in ("transaction", "record", "floor")}
    with connection.cursor(row_factory=class_row(Kept)) as cursor:
        return cursor.execute(queries.read("imports/logins"), bounds | {"own": own, "limit": CHUNK}).fetchall()


def _store(source: ImportSource, found: Sequence[Kept], state: State) -> int:
    """Store a chunk and move the position, together. Raises ``ImportOvertaken``."""
    known = source.position
    with transaction.atomic():
        held = ImportSource.objects.select_for_update(no_key=True).get(pk=source.pk)
        if held.position != known:
            raise ImportOvertaken
        logins = [
            Login(row.at, row.pid, row.role, row.database, row.address, application=row.application)
            for row in found
            if not row.is_own
        ]
        done = store(held, ConnectionSource.LOGIN_TRIGGER, logins)
        last, settled = found[-1], [row.id for row in found if row.is_settled]
        held.position = known | {
            "transaction": last.transaction,
            "record": last.id,
            "floor": max([known["floor"], *settled]),
            "horizon": max(known["horizon"], state.horizon),
            "own": known["own"] + len(found) - len(logins),
        }
        held.heard_at = max([row.at for row in found] + ([held.heard_at] if held.heard_at else []))
        held.save(update_fields=["position", "heard_at"])
    return done.rows
