"""What is known of an incident's target: counts before and after, captured deletes, and what came back since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from audit import registry
from audit.exceptions import LossTimeless
from audit.models import (
    DeleteAuditTransaction,
    Incident,
    JobState,
    LossCount,
    ReviewState,
    ServerLogEntry,
    Target,
    Undelete,
)
from audit.registry import KnownCounts, Recovery

OURS = "tovgov."
"""Tables of tovgov's own schema in a protected database are no data of its users."""
DESTRUCTIVE = ("drop-database", "drop", "truncate", "delete-all")
"""Classes of the server log that take rows away without a captured delete."""
TOLD = 5


@dataclass(slots=True)
class Known:
    """All of it, gathered. ``after`` is None when nobody counted; ``is_missing`` says that there was no database."""

    target: Target
    began: datetime
    ended: datetime
    before: KnownCounts | None = None
    after: KnownCounts | None = None
    is_missing: bool = False
    why_not: str = ""
    captured: dict[str, int] = field(default_factory=dict)
    left_out: int = 0
    """Deletes of these hours that were reviewed as right, or that belong to another incident."""
    destructive: list[str] = field(default_factory=list)
    recoveries: list[Recovery] = field(default_factory=list)
    roots: Mapping[str, str] = field(default_factory=dict)

    @property
    def passed(self) -> list[Recovery]:
        """What brought rows back and still stands, oldest first."""
        found = [one for one in self.recoveries if one.passed and not one.dry_run and not one.undone and one.at]
        return sorted(found, key=lambda one: one.at or one.began)


def gather(row: Incident) -> Known:
    """Everything that is known now. Raises ``LossTimeless``."""
    if row.target is None or row.began_at is None:
        raise LossTimeless
    ended = row.mitigated_at or row.proof_at or row.resolved_at or timezone.now()
    known = Known(row.target, row.began_at, max(row.began_at, ended))
    counted = row.loss_counts.filter(state__in=[JobState.RUNNING, JobState.SUCCEEDED]).exclude(counted_at=None)
    newest: LossCount | None = row.loss_counts.order_by("-queued_at", "-id").first()
    known.why_not = newest.why_not if newest else ""
    known.roots = next((one.roots for one in counted if one.roots), {})
    known.before = _newest(teller(row.target, row.began_at) for teller in registry.proved_counts)
    known.captured, known.left_out = captured(row, known.began, known.ended)
    known.destructive = destructive(row.target, known.began, known.ended)
    known.recoveries = since(row.target, row.began_at)
    known.after = _after(known, [*_ours(counted), *_seen(row.target, row.began_at)])
    known.is_missing = known.after is not None and getattr(known.after.row, "is_missing", False)
    return known


def _newest(found: Iterable[KnownCounts | None]) -> KnownCounts | None:
    return max((one for one in found if one is not None), key=lambda one: one.at, default=None)


def _ours(counted: Iterable[LossCount]) -> list[KnownCounts]:
    return [
        KnownCounts(one.counted_at, one.counts, one, "counted in the target")
        for one in counted
        if one.counted_at is not None
    ]


def _seen(target: Target, began: datetime) -> list[KnownCounts]:
    return [one for teller in registry.seen_counts for one in teller(target, began)]


def _after(known: Known, seen: list[KnownCounts]) -> KnownCounts | None:
    """The counts that tell the damage: the last ones before something came back. Counts of later are of use while
    rows were only added since: those are taken off again."""
    seen = sorted((one for one in seen if one.at >= known.began), key=lambda one: one.at)
    first = min((one.began for one in known.passed), default=None)
    if first is None:
        return seen[-1] if seen else None
    earlier = [one for one in seen if one.at <= first]
    if earlier:
        return earlier[-1]
    for one in seen:
        past = [act for act in known.passed if act.at is not None and act.at <= one.at]
        if all(act.counts is None for act in past):
            return _less(one, past)
    return None


def _less(seen: KnownCounts, past: list[Recovery]) -> KnownCounts:
    tables = dict(seen.tables)
    for act in past:
        for name, rows in act.puts.items():
            if name in tables:
                tables[name] = max(0, tables[name] - rows)
    return KnownCounts(seen.at, tables, seen.row, f"{seen.words}, less what was put back before")


# --- deletes and statements ------------------------------------------------------------------------------------------


CAPTURED = """
SELECT each.key, sum(each.value::bigint)
  FROM audit_deleteaudittransaction AS t CROSS JOIN LATERAL jsonb_each_text(t.tables) AS each
 WHERE t.target_id = %(target)s AND t.at >= %(began)s AND t.at <= %(ended)s
   AND (t.incident_id = %(incident)s OR (t.incident_id IS NULL AND t.state NOT IN ('accepted', 'closed')))
 GROUP BY each.key
"""


def captured(row: Incident, began: datetime, ended: datetime) -> tuple[dict[str, int], int]:
    """Captured deletes (and captured TRUNCATEs) by table, and how many rows were left out: reviewed as right, or of
    another incident."""
    words = {"target": row.target_id, "began": began, "ended": ended, "incident": row.pk}
    with connection.cursor() as cursor:
        cursor.execute(CAPTURED, words)
        found = {name: int(rows) for name, rows in cursor.fetchall() if not name.startswith(OURS)}
    right = Q(incident=None, state__in=[ReviewState.ACCEPTED, ReviewState.CLOSED])
    others = DeleteAuditTransaction.objects.filter(target=row.target, at__range=(began, ended))
    others = others.filter(right | ~Q(incident=None) & ~Q(incident=row))
    return found, sum(others.values_list("row_count", flat=True))


def destructive(target: Target, began: datetime, ended: datetime) -> list[str]:
    """What the server's log tells of DROP and TRUNCATE in these hours: the first few, a line each."""
    rows = ServerLogEntry.objects.filter(target=target, at__range=(began, ended), kind__in=DESTRUCTIVE)
    return [
        f"{at:%Y-%m-%d %H:%M:%S} UTC {' '.join(message.split())[:160]}"
        for at, message in rows.order_by("at", "id").values_list("at", "message")[:TOLD]
    ]


# --- what came back --------------------------------------------------------------------------------------------------


def since(target: Target, moment: datetime) -> list[Recovery]:
    """Restores and undeletes of the target that ended since then, in whatever way."""
    found = [one for teller in registry.recoveries for one in teller(target, moment)]
    undeletes = Undelete.objects.filter(target=target, finished_at__gte=moment).defer("log", "phases")
    return [*found, *(of_undelete(one) for one in undeletes)]


def of_undelete(row: Undelete) -> Recovery:
    """An undelete as a recovery: it is committed only after each row was read back and found equal."""
    tables: list[dict[str, Any]] = row.plan.get("tables", [])
    puts: dict[str, int] = {}
    for table in tables:
        name = table["into"] or table["table"]
        puts[name] = puts.get(name, 0) + table["put"]
    rows = sum(puts.values())
    return Recovery(
        row=row,
        line=f"{rows:,} deleted rows were put back and proved equal (undelete-{row.pk}).",
        target_id=row.target_id,
        began=row.started_at or row.queued_at,
        at=row.finished_at,
        passed=row.outcome == "committed" and rows > 0,
        dry_run=row.dry_run,
        puts=puts,
    )


registry.recovery_of["audit.Undelete"] = of_undelete
