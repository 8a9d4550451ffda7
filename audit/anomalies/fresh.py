"""What came since a rule was last run: by id, so that entries that come late and out of order are not missed.

An id is given before its row can be seen: a transaction that began early may commit a low id after higher ones were
examined. So a position is moved only to an id that was the highest at a moment whose transactions are all over now;
what lies above it is examined again, which finds the same again and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from audit.anomalies.rule import Log
from audit.models import Target

Range = tuple[datetime, datetime]

TABLES = {
    Log.DELETES: "audit_deleteauditlog",
    Log.SERVER: "audit_serverlogentry",
    Log.CONNECTIONS: "audit_connectionauditlog",
    Log.CLIENTS: "audit_connectionauditlog",
    Log.COUNTS: "audit_deletecount",
}
"""The table whose ids say what is new. Transactions and groups grow: their rows' ids tell it."""

PLAIN = """
    SELECT {kind} AS kind, min({at}), max({at}) FROM {table}
     WHERE target_id = %(target)s AND id > %(after)s GROUP BY {kind}, date_trunc('hour', {at})
"""
GROWN = """
    SELECT '' AS kind, min(at), max(at) FROM {parent}
     WHERE id IN (SELECT DISTINCT {field} FROM {table} WHERE target_id = %(target)s AND id > %(after)s)
     GROUP BY date_trunc('hour', at)
"""
RANGES = {
    Log.DELETES: GROWN.format(
        parent="audit_deleteaudittransaction", field="of_transaction_id", table=TABLES[Log.DELETES]
    ),
    Log.SERVER: PLAIN.format(kind="kind", at="at", table=TABLES[Log.SERVER]),
    Log.CONNECTIONS: PLAIN.format(kind="outcome", at="at", table=TABLES[Log.CONNECTIONS]),
    Log.CLIENTS: GROWN.format(parent="audit_connectiongroup", field="of_group_id", table=TABLES[Log.CLIENTS]),
    Log.COUNTS: PLAIN.format(kind="(surplus > 0)::text", at="COALESCE(since, at)", table=TABLES[Log.COUNTS]),
}


@dataclass(frozen=True, slots=True)
class Position:
    """Everything up to ``safe`` was examined; up to ``seen`` at a moment when transactions below ``before`` may still
    have been open."""

    safe: int = 0
    seen: int = 0
    before: int = 0

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Position:
        return cls(stored.get("safe", 0), stored.get("seen", 0), stored.get("before", 0))

    def stored(self) -> dict[str, int]:
        return {"safe": self.safe, "seen": self.seen, "before": self.before}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment of tovgov's own database: the highest id of each log, and which transactions were over."""

    highest: Mapping[Log, int]
    oldest_open: int
    next_transaction: int


def snapshot() -> Snapshot:
    """Look now. What is counted afterwards sees at least every row up to these ids that was committed."""
    tables = sorted(set(TABLES.values()))
    parts = ", ".join(f"(SELECT COALESCE(max(id), 0) FROM {table})" for table in tables)  # noqa: S608  # our own names
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint,"
            f" pg_snapshot_xmax(pg_current_snapshot())::text::bigint, {parts}"  # our own names
        )
        oldest, after, *numbers = cursor.fetchone()
    by_table = dict(zip(tables, numbers, strict=True))
    return Snapshot({log: by_table[table] for log, table in TABLES.items()}, oldest, after)


def moved(position: Position, log: Log, now: Snapshot) -> Position:
    """The position after everything up to now was examined."""
    safe = position.seen if position.seen and now.oldest_open >= position.before else position.safe
    return Position(safe, now.highest[log], now.next_transaction)


class Fresh:
    """New entries by log and position, asked for once each."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._known: dict[tuple[Log, int], list[tuple[str, datetime, datetime]]] = {}

    def ranges(self, log: Log, position: Position, kinds: Iterable[str]) -> list[Range]:
        """Between which moments something is new, by hours; of the server log, only of these classes."""
        wanted = set(kinds) if log == Log.SERVER else set()
        if log == Log.COUNTS:
            wanted = {"true"}
        return [(first, last) for kind, first, last in self._rows(log, position.safe) if not wanted or kind in wanted]

    def _rows(self, log: Log, after: int) -> list[tuple[str, datetime, datetime]]:
        if (log, after) not in self._known:
            with connection.cursor() as cursor:
                cursor.execute(RANGES[log], {"target": self.target.pk, "after": after})
                self._known[log, after] = cursor.fetchall()
        return self._known[log, after]


def by_day(ranges: Iterable[Range]) -> Iterator[Range]:
    """The ranges cut at each midnight, UTC: a finding ends with its day."""
    for first, last in ranges:
        while True:
            midnight = first.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
            yield first, min(last, midnight - timedelta(microseconds=1))
            if last < midnight:
                break
            first = midnight


def together(ranges: Iterable[Range], margin: timedelta) -> list[Range]:
    """The ranges, each widened by ``margin``, with those that touch made one."""
    found: list[Range] = []
    for first, last in sorted(ranges):
        first, last = first - margin, last + margin
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found
