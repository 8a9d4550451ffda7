"""One day of one target: deletes, connections and log lines by class and hour, and what is hidden."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import ExtractHour

from audit.exceptions import ListTooSlow
from audit.lists import keyset
from audit.models import (
    ConnectionAuditLog,
    ConnectionGroup,
    ConnectionOutcome,
    DeleteAuditTransaction,
    LogSeverity,
    ServerLogEntry,
    ServerLogGroup,
    Target,
)
from audit.postgres.logs.classes import CLASSES

SECONDS = 0.08
"""So long each log is divided into hours; a larger day shows its sums alone."""
DELETES, CONNECTIONS, REFUSED, LOG = "deletes", "connections", "refused", "log"
LABELS = {DELETES: "Deletes", CONNECTIONS: "Connections", REFUSED: "Refused logins", LOG: "Log lines"}


@dataclass
class Line:
    """One class of what happened: how often in all, and in each hour (UTC); None where that takes too long to say."""

    group: str
    code: str
    label: str
    tone: str
    total: int = 0
    hours: list[int] | None = None


@dataclass
class Day:
    """What happened on one day, the gravest first, and how much of it nobody has to look at."""

    target: Target
    day: date
    noise: bool = False
    """Whether what nobody has to look at is among the lines."""
    lines: list[Line] = field(default_factory=list)
    rows_deleted: int = 0
    hidden_connections: int = 0
    hidden_log: int = 0
    unreviewed: dict[str, int] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not self.lines

    @property
    def has_hours(self) -> bool:
        return all(line.hours is not None for line in self.lines)

    def total(self, group: str) -> int:
        return sum(line.total for line in self.lines if line.group == group)

    def hours(self, group: str) -> list[int]:
        """The sum of a group in each hour."""
        found = [0] * 24
        for line in self.lines:
            if line.group == group and line.hours is not None:
                found = [a + b for a, b in zip(found, line.hours, strict=True)]
        return found


def bounds(day: date) -> tuple[datetime, datetime]:
    """From when to when a day lasts, in UTC."""
    start = datetime.combine(day, time(), UTC)
    return start, start + timedelta(days=1)


def of(target: Target, day: date, *, groups: Iterable[str] = LABELS, noise: bool = False) -> Day:
    """The day; only what the person may see (``groups``), and with ``noise`` what is hidden too."""
    found = Day(target, day, noise)
    groups = set(groups)
    if DELETES in groups:
        _deletes(found)
    if CONNECTIONS in groups:
        _connections(found)
    if LOG in groups:
        _log(found)
    return found


def _deletes(found: Day) -> None:
    start, end = bounds(found.day)
    rows = DeleteAuditTransaction.objects.filter(target=found.target, at__gte=start, at__lt=end)
    hours = _hours(rows, ())
    sums = rows.aggregate(number=Count("pk"), rows=Sum("row_count"))
    found.rows_deleted = sums["rows"] or 0
    if sums["number"]:
        found.lines.append(Line(DELETES, "", "Deletes", "bad", sums["number"], _of(hours, ())))
    found.unreviewed[DELETES] = rows.filter(state="unreviewed").count()


def _connections(found: Day) -> None:
    start, end = bounds(found.day)
    every = ConnectionGroup.objects.filter(target=found.target, day=found.day)
    loud = every if found.noise else every.filter(is_noise=False)
    sums = dict(loud.values_list("outcome").annotate(number=Sum("count")).order_by())
    rows = ConnectionAuditLog.objects.filter(target=found.target, at__gte=start, at__lt=end, same_as=None)
    hours = _hours(rows if found.noise else rows.filter(of_group__in=loud.values("pk")), ("outcome",))
    for outcome in ConnectionOutcome:
        if number := sums.get(outcome.value):
            is_in = outcome == ConnectionOutcome.ACCEPTED
            group, tone = (CONNECTIONS, "info") if is_in else (REFUSED, "bad")
            label = "Let in" if is_in else outcome.label
            found.lines.append(Line(group, outcome.value, label, tone, number, _of(hours, (outcome.value,))))
    if not found.noise:
        found.hidden_connections = every.filter(is_noise=True).aggregate(number=Sum("count"))["number"] or 0
    found.unreviewed[CONNECTIONS] = every.filter(is_noise=False, state="unreviewed").count()


def _log(found: Day) -> None:
    start, end = bounds(found.day)
    every = ServerLogGroup.objects.filter(target=found.target, at__gte=start, at__lt=end)
    loud = every if found.noise else every.filter(is_noise=False)
    sums = loud.values_list("kind", "severity").annotate(number=Sum("count")).order_by("-severity", "-number", "kind")
    rows = ServerLogEntry.objects.filter(target=found.target, at__gte=start, at__lt=end)
    hours = _hours(rows if found.noise else rows.filter(of_group__in=loud.values("pk")), ("kind", "severity"))
    labels = {one.code: one.label for one in CLASSES}
    for kind, severity, number in sums:
        tone = TONES.get(severity, "quiet")
        found.lines.append(Line(LOG, kind, labels.get(kind, kind), tone, number, _of(hours, (kind, severity))))
    if not found.noise:
        found.hidden_log = every.filter(is_noise=True).aggregate(number=Sum("count"))["number"] or 0
    found.unreviewed[LOG] = every.filter(is_noise=False, state="unreviewed").count()


TONES = {LogSeverity.CRITICAL: "bad", LogSeverity.HIGH: "bad", LogSeverity.MEDIUM: "warn", LogSeverity.LOW: "info"}


Hours = dict[tuple[Any, ...], list[int]]


def _hours(rows: QuerySet[Any], parts: tuple[str, ...]) -> Hours | None:
    """How many in each hour, by ``parts``; None when there are too many to count in a moment."""
    counted = rows.order_by().annotate(hour=ExtractHour("at", tzinfo=UTC)).values_list("hour", *parts)
    found: Hours = {}
    try:
        with keyset.patience(SECONDS):
            for hour, *rest, number in counted.annotate(number=Count("pk")):
                found.setdefault(tuple(rest), [0] * 24)[hour] = number
    except ListTooSlow:
        return None
    return found


def _of(hours: Hours | None, key: tuple[Any, ...]) -> list[int] | None:
    return None if hours is None else hours.get(key, [0] * 24)


def neighbours(target: Target, day: date) -> tuple[date | None, date | None]:
    """The nearest days before and after on which something is known of the target."""
    start, end = bounds(day)
    before: list[datetime] = []
    after: list[datetime] = []
    for model in (DeleteAuditTransaction, ConnectionGroup, ServerLogGroup):
        rows: Any = model._default_manager.filter(target=target)
        before += rows.filter(Q(at__lt=start)).order_by("-at", "-id").values_list("at", flat=True)[:1]
        after += rows.filter(Q(at__gte=end)).order_by("at", "id").values_list("at", flat=True)[:1]
    return (
        max(before).astimezone(UTC).date() if before else None,
        min(after).astimezone(UTC).date() if after else None,
    )


def newest(target: Target) -> date | None:
    """The last day of which something is known."""
    return neighbours(target, date(9998, 1, 1))[0]
