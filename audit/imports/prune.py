"""Pruning: what was imported, is sealed and is old enough is removed from the target's log, in small batches."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from django.db.models import F
from psycopg.rows import class_row

from audit import targets
from audit.actors import Actor
from audit.imports import rule, storing
from audit.models import AuditImport, ImportSource, Purpose
from audit.postgres import queries
from audit.progress import Progress
from audit.stopping import stoppable

BATCH = 500
SECONDS = 20.0
"""What is not done in this time is done by the next import."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A record in the target that was imported."""

    id: int
    transaction: int
    at: datetime
    is_old: bool


def prune(run: AuditImport, progress: Progress, *, actor: Actor) -> int:
    """Remove old records of a sealed import's source from the target; how many. Nothing is done without the right to
    delete there, and no record is touched that is not stored here.

    Raises what ``targets.connected`` raises.
    """
    settings = rule.settings_of(run.target)
    if settings is None:
        return 0
    source, removed = run.source, 0
    source.refresh_from_db()
    with (
        targets.connected(source.target, Purpose.OPERATE, actor=actor) as connection,
        stoppable(connection, progress),
    ):
        row = connection.execute(queries.read("imports/may_prune")).fetchone()
        if not (row and row[0]):
            progress.log("Our role may not delete from the log there: nothing is pruned.")
            return 0
        end, after = time.monotonic() + SECONDS, (0, 0)
        while time.monotonic() < end:
            progress.check()
            batch = imported(connection, source, days=rule.keep_days(settings), after=after)
            if not any(record.is_old for record in batch):
                break
            removed += _remove(connection, source, batch)
            after = (batch[-1].transaction, batch[-1].id)
    AuditImport.objects.filter(pk=run.pk).update(pruned=F("pruned") + removed)
    return removed


def imported(
    connection: psycopg.Connection, source: ImportSource, *, days: int, after: tuple[int, int] = (0, 0),
    limit: int = BATCH,
) -> list[Imported]:  # fmt: skip
    """The next records in the target that were imported, in order, and whether they are older than ``days``."""
    parameters: dict[str, Any] = {
        **source.bounds,
        "days": days,
        "after_transaction": str(after[0]),
        "after_record": after[1],
        "limit": limit,
    }
    with connection.cursor(row_factory=class_row(Imported)) as cursor:
        return cursor.execute(queries.read("imports/imported"), parameters).fetchall()


def _remove(connection: psycopg.Connection, source: ImportSource, batch: list[Imported]) -> int:
    stored = storing.known(source, batch)
    old = [
        record
        for record in batch
        if record.is_old and any(at == record.at for at, _ in stored.get((record.transaction, record.id), []))
    ]
    if not old:
        return 0
    parameters = {"records": [record.id for record in old], "times": [record.at for record in old]}
    return connection.execute(queries.read("imports/prune"), parameters).rowcount
