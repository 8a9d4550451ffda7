"""Retiring whole partitions: where every row is over for its source and nothing holds one, the partition is dropped.

It is read without a lock that anybody could notice. Then, for some milliseconds, the log is tovgov's alone: nothing is
held meanwhile, what goes is noted with the ledger, the partition is gone. Who does not get the log within two seconds
lets it be; the next run tries again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import Error, connection, transaction

from audit import partitions
from audit.actors import Actor
from audit.exceptions import PartitionBusy
from audit.imports.connections import SAME
from audit.imports.retention import keeping
from audit.imports.retention.held import Log
from audit.imports.server_logs import words
from audit.models import ConnectionAuditLog, ImportSource, ServerLogEntry
from audit.partitions import Partition
from audit.seals import retirement
from audit.seals.retirement import Run

MOST_RUNS = 20_000
"""Leaves in more pieces than these are retired in batches."""
SPAN = "SELECT min(at), max(at) FROM {partition}"
KEPT = """
SELECT EXISTS (
    SELECT FROM {partition} e
    LEFT JOIN unnest(%s::bigint[], %s::timestamptz[], %s::bigint[]) s (key, at, leaf) ON s.key = e.{key}
    WHERE s.key IS NULL OR e.leaf IS NULL OR e.at >= s.at OR e.leaf >= s.leaf
)
"""
RUNS = """
SELECT key, min(leaf), max(leaf) FROM (
    SELECT {key} AS key, leaf, leaf - row_number() OVER (PARTITION BY {key} ORDER BY leaf) AS island FROM {partition}
) e GROUP BY key, island ORDER BY 1, 2 LIMIT %s
"""
TWINS = """
UPDATE audit_connectionauditlog SET same_as = NULL WHERE same_as >= %s AND same_as < %s AND NOT (id >= %s AND id < %s)
AND at BETWEEN %s AND %s
"""

Span = tuple[datetime, datetime]


def retire_next(log: Log, *, actor: Actor, now: datetime | None = None) -> int | None:
    """Drop the oldest partition of ``log`` that is over; how many entries went with it, None when there is none.
    Raises ``PartitionBusy``."""
    limits = limits_of(log, now)
    for partition in partitions.filled(log.model):
        span = _span(partition)
        if span is None:
            return _drop_empty(log, partition)
        if not any(span[1] < limit.at for limit in limits):
            continue
        partitions.settle(log.model, partition)
        if _keeps(log, partition, limits, span):
            continue
        runs = _runs(log, partition)
        if sum(map(len, runs.values())) <= MOST_RUNS:
            return _drop(log, partition, span, limits, runs, actor=actor, now=now)
    return None


def limits_of(log: Log, now: datetime | None = None) -> list[keeping.Limit]:
    """What is over of each source that writes to ``log``."""
    sources = ImportSource.objects.filter(kind__in=log.kinds, keep_days__isnull=False).select_related("target")
    return [limit for source in sources.order_by("pk") if (limit := keeping.limit_of(source, now)) is not None]


def _span(partition: Partition) -> Span | None:
    with connection.cursor() as cursor:
        cursor.execute(SPAN.format(partition=f'"{partition.name}"'))
        first, last = cursor.fetchone()
    return None if first is None else (first, last)


def _keeps(log: Log, partition: Partition, limits: Sequence[keeping.Limit], span: Span) -> bool:
    """Whether something in a partition is to be kept."""
    if log.holds_any(partition, span[1]):
        return True
    keys = [log.key_of(limit.source) for limit in limits]
    columns: list[Any] = [keys, [limit.at for limit in limits], [limit.leaf for limit in limits]]
    with connection.cursor() as cursor:
        cursor.execute(KEPT.format(partition=f'"{partition.name}"', key=log.key), columns)
        return bool(cursor.fetchone()[0])


def _runs(log: Log, partition: Partition) -> dict[int, list[Run]]:
    """The leaves of each source in a partition."""
    found: dict[int, list[Run]] = {}
    with connection.cursor() as cursor:
        cursor.execute(RUNS.format(partition=f'"{partition.name}"', key=log.key), [MOST_RUNS + 1])
        for key, first, last in cursor.fetchall():
            found.setdefault(key, []).append((first, last))
    return found


def _drop_empty(log: Log, partition: Partition) -> int:
    """What was removed in batches leaves an empty partition behind."""
    with transaction.atomic():
        partitions.seize(log.model)
        if _span(partition) is None:
            partitions.drop(log.model, partition)
    _sweep(log)
    return 0


def _drop(log: Log, partition: Partition, span: Span, limits: Sequence[keeping.Limit], runs: dict[int, list[Run]], *,
          actor: Actor, now: datetime | None) -> int:  # fmt: skip
    if log.model is ConnectionAuditLog:
        _free_twins(partition, span)
    limit_by_key = {log.key_of(limit.source): limit for limit in limits}
    with transaction.atomic():
        partitions.seize(log.model)
        _freeze(log, [limit_by_key[key].source for key in runs])
        for key in runs:
            _still_over(limit_by_key[key], now)
        if log.holds_any(partition, span[1]):
            raise PartitionBusy(f"An entry of {partition.name} was taken into review.")
        count = 0
        for key, leaves in runs.items():
            source = limit_by_key[key].source
            count += retirement.retire(source, leaves, actor=actor, reason=keeping.why(source)).count
        partitions.drop(log.model, partition)
    _sweep(log)
    return count


def _sweep(log: Log) -> None:
    """The words of what went go afterwards: nobody waits for that."""
    if log.model is ServerLogEntry:
        words.sweep()


def _freeze(log: Log, sources: Sequence[ImportSource]) -> None:
    """Nobody changes how long these are kept, and no group goes into review. Waits for nobody: whoever has one of them
    may be waiting for the log."""
    keys = [source.pk for source in sources]
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT FROM audit_importsource WHERE id = ANY(%s) FOR UPDATE NOWAIT", [keys])
            cursor.execute(f"LOCK TABLE {log.groups._meta.db_table} IN SHARE MODE NOWAIT")
    except Error as error:
        if getattr(error.__cause__, "sqlstate", None) not in partitions.BUSY:
            raise
        raise PartitionBusy("A source or a group of its entries is being changed.") from error


def _still_over(limit: keeping.Limit, now: datetime | None) -> None:
    fresh = keeping.limit_of(ImportSource.objects.select_related("target").get(pk=limit.source.pk), now)
    if fresh is None or fresh.at < limit.at:
        raise PartitionBusy(f"{limit.source} is kept for longer since a moment ago.")


def _free_twins(partition: Partition, span: Span) -> None:
    """As ``batches`` does it for some."""
    margin = SAME + timedelta(seconds=1)
    ids = [partition.first, partition.below]
    with connection.cursor() as cursor:
        cursor.execute(TWINS, [*ids, *ids, span[0] - margin, span[1] + margin])
