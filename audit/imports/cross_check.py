"""Cross-check: the deletes that PostgreSQL counted in a table beside those that were captured.

While every delete is captured, counted minus captured stands still. PostgreSQL counts late (a session tells its counts
within a minute, one in a long transaction only after it), so what is seen may lie below that and never above:
``bound`` is the least upper limit that the samples allow. What exceeds it was deleted while the trigger was off, or was
counted without being deleted: rolled-back deletes are counted, and rows that an UPDATE moves to another partition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import psycopg
from django.db import transaction
from django.utils import timezone

from audit.imports import rule
from audit.models import DeleteCount, ImportSource, Protection
from audit.postgres import queries

EVERY_SECONDS = 300
LEAST_SECONDS = 60
"""Sessions tell their counts within a minute at the latest: samples closer together say nothing."""
IDLE_SECONDS = 10
"""After so long an idle session has told its counts; one that began a transaction sooner may not have."""
KEEP_DAYS = 7


class Counted(NamedTuple):
    """A table as PostgreSQL counts it."""

    oid: int
    label: str
    deleted: int
    parents: list[int]


@dataclass(frozen=True)
class Group:
    """A table with its partitions or children: deletes are counted in one and captured in another of them."""

    label: str
    members: dict[str, int]
    """oid → deletes counted."""

    @property
    def oid(self) -> int:
        return min(map(int, self.members))

    @property
    def moves_rows(self) -> bool:
        return len(self.members) > 1


@dataclass(frozen=True)
class Sight:
    """All that was seen at one moment."""

    at: datetime
    groups: list[Group]
    captured: Mapping[str, int]
    rollbacks: int
    reset_at: datetime | None
    oldest_open: datetime | None
    are_hidden: bool

    def has_settled_since(self, before: datetime) -> bool:
        """Whether every session has told what it had done before that moment."""
        return self.oldest_open is None or self.oldest_open >= before + timedelta(seconds=IDLE_SECONDS)


def is_due(source: ImportSource) -> bool:
    """Whether the last sample is old enough for one without an import."""
    return source.sampled_at is None or timezone.now() - source.sampled_at > timedelta(seconds=EVERY_SECONDS)


def sample(source: ImportSource, connection: psycopg.Connection) -> list[DeleteCount]:
    """Compare now and keep what was seen; the surpluses, of which the anomaly rules tell."""
    source.refresh_from_db()
    settings = rule.settings_of(source.target)
    too_soon = source.sampled_at and timezone.now() - source.sampled_at < timedelta(seconds=LEAST_SECONDS)
    if settings is None or too_soon:
        return []
    seen = _look(source, connection, settings)
    with transaction.atomic():
        found = _keep(source, seen)
        ImportSource.objects.filter(pk=source.pk).update(sampled_at=seen.at)
    return found


def _look(source: ImportSource, connection: psycopg.Connection, settings: dict[str, Any]) -> Sight:
    """The counters first: whatever they count is captured already when the log is read after them."""
    at = timezone.now()
    row = connection.execute(queries.read("imports/rollbacks")).fetchone()
    assert row is not None
    tables = [Counted(*line) for line in connection.execute(queries.read("imports/counts"))]
    captured = {str(oid): int(rows) for oid, rows in source.imported.items()}
    for oid, rows in connection.execute(queries.read("imports/waiting"), source.bounds):
        captured[str(oid)] = captured.get(str(oid), 0) + rows
    return Sight(at, groups(tables, settings), captured, *row)


def groups(tables: Iterable[Counted], settings: Mapping[str, Any]) -> list[Group]:
    """Tables that belong together, without those of which one is excluded from capture."""
    by_oid = {table.oid: table for table in tables}
    top = {oid: oid for oid in by_oid}

    def find(oid: int) -> int:
        while top[oid] != oid:
            oid = top[oid]
        return oid

    for table in by_oid.values():
        for parent in table.parents:
            if parent in top:
                top[find(table.oid)] = find(parent)
    together: dict[int, list[Counted]] = {}
    for oid, table in by_oid.items():
        together.setdefault(find(oid), []).append(table)
    return [
        Group(by_oid[first].label, {str(table.oid): table.deleted for table in members})
        for first, members in together.items()
        if all(_is_chosen(table.label, settings) for table in members)
    ]


def _is_chosen(label: str, settings: Mapping[str, Any]) -> bool:
    return any(fnmatchcase(label, p) for p in settings["tables"]) and not any(
        fnmatchcase(label, p) for p in settings["exclude"]
    )


# --- keeping ------------------------------------------------------------------------------------------------------


def _keep(source: ImportSource, seen: Sight) -> list[DeleteCount]:
    """Store what has changed; a table in which nothing happened keeps its row, which says until when."""
    kept = DeleteCount.objects.filter(target=source.target, incarnation=source.incarnation)
    before = {row.table_oid: row for row in kept.order_by("table_oid", "-at", "-id").distinct("table_oid")}
    since = _valid_since(source)
    made: list[DeleteCount] = []
    same: dict[int | None, list[int]] = {}
    for group in seen.groups:
        last = before.get(group.oid)
        row = _next(source, seen, group, last if last and last.at > since else None)
        if last is not None and row.since is not None and _is_same(last, row):
            same.setdefault(row.bound, []).append(last.pk)
        else:
            made.append(row)
    DeleteCount.objects.bulk_create(made)
    for bound, pks in same.items():
        DeleteCount.objects.filter(pk__in=pks).update(at=seen.at, rollbacks=seen.rollbacks, bound=bound)
    old = kept.filter(surplus=0, at__lt=seen.at - timedelta(days=KEEP_DAYS))
    old.exclude(pk__in=[row.pk for row in before.values()]).delete()
    return [row for row in made if row.surplus]


def _valid_since(source: ImportSource) -> datetime:
    """Samples before this moment say nothing: the policy was not installed, or reading began anew."""
    begun = datetime.fromisoformat(source.position["begun"])
    row = Protection.objects.filter(target=source.target).first()
    return max(begun, row.installed_at) if row and row.installed_at else begun


def _is_same(last: DeleteCount, row: DeleteCount) -> bool:
    return (last.counted, last.captured, last.members) == (row.counted, row.captured, row.members)


def _next(source: ImportSource, seen: Sight, group: Group, last: DeleteCount | None) -> DeleteCount:
    """This sample, measured against the last one; without one, or after a reset of the counters, a beginning."""
    captured = sum(seen.captured.get(oid, 0) for oid in group.members)
    row = DeleteCount(
        target=source.target,
        incarnation=source.incarnation,
        table_oid=group.oid,
        table=group.label[:140],
        at=seen.at,
        counted=sum(group.members.values()),
        captured=captured,
        members=group.members,
        rollbacks=seen.rollbacks,
        reset_at=seen.reset_at,
    )
    if last is None or _was_reset(last, row):
        return row
    row.since = last.at
    row.counted = last.counted + sum(n - last.members[oid] for oid, n in group.members.items() if oid in last.members)
    difference, pending = row.counted - row.captured, row.captured - last.captured
    if last.bound is not None and difference > last.bound:
        row.surplus = difference - last.bound
        row.is_certain = seen.rollbacks == last.rollbacks and not group.moves_rows and not seen.are_hidden
        row.bound = difference + pending
    elif seen.has_settled_since(last.at):
        row.bound = min(last.bound if last.bound is not None else difference + pending, difference + pending)
    else:
        row.bound = last.bound
    return row


def _was_reset(last: DeleteCount, row: DeleteCount) -> bool:
    fell = any(row.members.get(oid, before) < before for oid, before in last.members.items())
    return fell or last.reset_at != row.reset_at or row.rollbacks < last.rollbacks or row.captured < last.captured
