"""Retiring entry by entry: the oldest of a target first, some thousands in each short transaction. How far it came is
kept beside the source, in the same transaction: a kill at any point loses and repeats nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from audit.actors import Actor
from audit.imports.connections import SAME
from audit.imports.retention import keeping
from audit.imports.retention.held import Log
from audit.imports.server_logs import words
from audit.models import ConnectionAuditLog, ImportSource, ServerLogEntry
from audit.seals import retirement
from audit.seals.told import ranges

BATCH = 10_000
"""Entries that are looked at in a transaction: well below a second of work."""
WINDOW = """
SELECT e.id, e.at, e.{group}, e.is_over AND NOT {held} FROM (
    SELECT e.id, e.at, e.{group}, coalesce(e.{key} = %(key)s AND e.leaf < %(leaf)s, false) AS is_over
    FROM {table} e WHERE e.target_id = %(target)s AND e.at < %(before)s AND (e.at, e.id) > (%(at)s, %(id)s)
    ORDER BY e.at, e.id LIMIT %(limit)s
) e ORDER BY e.at, e.id
"""
REMOVE = "DELETE FROM {table} e WHERE e.id = ANY(%s) AND NOT {held} RETURNING e.id, e.leaf"
TWINS = """
UPDATE audit_connectionauditlog SET same_as = NULL
WHERE target_id = %s AND at BETWEEN %s AND %s AND same_as = ANY(%s)
"""
BEGINNING = ("-infinity", 0)

Window = list[tuple[int, datetime, int | None, bool]]


@dataclass(frozen=True, slots=True)
class Step:
    """What one transaction did; ``is_last`` when there is nothing older than the limit any more."""

    retired: int
    is_last: bool


def step(log: Log, source: ImportSource, *, actor: Actor, now: datetime | None = None) -> Step:
    """Look at the next entries of ``source`` in ``log`` and retire those that are over and that nothing holds."""
    with transaction.atomic():
        row = (
            ImportSource.objects.select_for_update(of=("self",), no_key=True).select_related("target").get(pk=source.pk)
        )
        limit = keeping.limit_of(row, now)
        if limit is None:  # kept for ever since a moment ago
            return Step(0, is_last=True)
        window = _window(log, limit)
        gone = _remove(log, window)
        if gone:
            if log.model is ConnectionAuditLog:
                _free_twins(row, window, gone)
            if log.model is ServerLogEntry:
                words.forget(number for number, _ in gone)
            runs = list(ranges(sorted(leaf for _, leaf in gone)))
            retirement.retire(row, runs, actor=actor, reason=keeping.why(row))
        _move(log, row, window)
    return Step(len(gone), is_last=len(window) < BATCH)


def _window(log: Log, limit: keeping.Limit) -> Window:
    source = limit.source
    at, number = source.retention.get("after", {}).get(log.table, BEGINNING)
    statement = WINDOW.format(table=log.table, key=log.key, group=log.group, held=log.held)
    values = {"key": log.key_of(source), "leaf": limit.leaf, "target": source.target_id, "before": limit.at, "at": at,
              "id": number, "limit": BATCH}  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def _remove(log: Log, window: Window) -> list[tuple[int, int]]:
    """Remove what may go; (id, leaf) of each. The groups are locked before they are asked a second time: what somebody
    takes into review in this moment stays."""
    over = [(number, group) for number, _, group, may_go in window if may_go]
    if not over:
        return []
    log.lock_groups(sorted({group for _, group in over if group is not None}))
    with connection.cursor() as cursor:
        cursor.execute(REMOVE.format(table=log.table, held=log.held), [[number for number, _ in over]])
        return list(cursor.fetchall())


def _free_twins(source: ImportSource, window: Window, gone: Sequence[tuple[int, int]]) -> None:
    """A session that another source tells of too, and keeps for longer, is shown by that one's row from now on."""
    margin = SAME + timedelta(seconds=1)
    with connection.cursor() as cursor:
        cursor.execute(TWINS, [source.target_id, window[0][1] - margin, window[-1][1] + margin, [n for n, _ in gone]])


def _move(log: Log, row: ImportSource, window: Window) -> None:
    if window:
        number, at, *_ = window[-1]
        after = row.retention.get("after", {}) | {log.table: [at.isoformat(), number]}
        row.retention = row.retention | {"after": after}
        row.save(update_fields=["retention"])
