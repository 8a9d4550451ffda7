"""What the incidents of many months show together: how many, how grave, how soon seen and mended, what was lost, what
comes again, and how each target fares.

An incident counts on the day its impact began, or was noticed when nobody knows. All times are UTC.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import fmean

from django.db.models import DateTimeField
from django.db.models.functions import Coalesce

from audit.models import Cause, Incident, IncidentKind, Severity, Target

SPANS = (3, 6, 12, 24)
"""Months that can be looked at."""
HAPPENED = Coalesce("began_at", "detected_at", "opened_at", output_field=DateTimeField())


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over ``of`` incidents whose two stamps are known; None over none."""

    seconds: float | None
    of: int


@dataclass(frozen=True, slots=True)
class Month:
    """The incidents of one month."""

    first: date
    number: int
    critical: int
    to_detect: Mean
    to_resolve: Mean
    lost: int
    """Rows that were lost, as far as it is known …"""
    returned: int
    unknown: int
    """… and of how many incidents with a loss it is not."""

    @property
    def last(self) -> date:
        """Its last day."""
        return next_month(self.first) - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class HeatDay:
    """One day of the calendar: how many incidents, and how grave the worst was ("" without one)."""

    day: date
    number: int
    worst: str


@dataclass(frozen=True, slots=True)
class Repeated:
    """A cause that at least two incidents share, and which."""

    cause: str
    label: str
    incidents: Sequence[Incident]


@dataclass(frozen=True, slots=True)
class Reliability:
    """How one target fared. ``kept`` and ``missed`` count incidents against its goals; without a goal both are 0."""

    target: Target
    number: int
    unresolved: int
    critical: int
    to_detect: Mean
    to_resolve: Mean
    between: timedelta | None
    """Mean time between its incidents; None below two."""
    last: datetime | None
    lost: int
    returned: int
    rpo_kept: int
    rpo_missed: int
    rto_kept: int
    rto_missed: int


@dataclass(frozen=True, slots=True)
class Trends:
    """The whole page."""

    first: date
    last: date
    months: Sequence[Month]
    days: Sequence[HeatDay]
    kinds: Sequence[tuple[str, str, int]]
    repeated: Sequence[Repeated]
    targets: Sequence[Reliability]
    to_detect: Mean
    to_acknowledge: Mean
    to_mitigate: Mean
    to_resolve: Mean
    number: int


def of(*, months: int, today: date, target: Target | None = None) -> Trends:
    """The trends of so many whole months up to ``today``, of one target or of all."""
    first = first_day(today, months)
    begin = datetime(first.year, first.month, first.day, tzinfo=UTC)
    end = datetime(today.year, today.month, today.day, tzinfo=UTC) + timedelta(days=1)
    rows = Incident.objects.annotate(happened=HAPPENED).filter(happened__gte=begin, happened__lt=end)
    if target is not None:
        rows = rows.filter(target=target)
    found = list(rows.select_related("target").order_by("happened", "pk"))
    return Trends(
        first=first,
        last=today,
        months=[_month(one, _in_month(found, one)) for one in months_between(first, today)],
        days=_days(found, first, today),
        kinds=_kinds(found),
        repeated=_repeated(found),
        targets=_reliability(found, target),
        to_detect=mean(row.time_to_detect for row in found),
        to_acknowledge=mean(row.time_to_acknowledge for row in found),
        to_mitigate=mean(row.time_to_mitigate for row in found),
        to_resolve=mean(row.time_to_resolve for row in found),
        number=len(found),
    )


def first_day(today: date, months: int) -> date:
    """The first day of the stretch of ``months`` that ends with the month of ``today``."""
    whole = today.year * 12 + today.month - 1 - (months - 1)
    return date(whole // 12, whole % 12 + 1, 1)


def next_month(first: date) -> date:
    """The first day of the month after."""
    return date(first.year + first.month // 12, first.month % 12 + 1, 1)


def months_between(first: date, last: date) -> list[date]:
    """The first days of the months from ``first`` to ``last``."""
    found = [first]
    while (one := next_month(found[-1])) <= last:
        found.append(one)
    return found


def mean(times: Iterable[timedelta | None]) -> Mean:
    """The mean of what is known."""
    known = [time.total_seconds() for time in times if time is not None]
    return Mean(fmean(known) if known else None, len(known))


def _day(row: Incident) -> date:
    happened: datetime = row.happened  # type: ignore[attr-defined]  # annotated above
    return happened.astimezone(UTC).date()


def _in_month(rows: Sequence[Incident], first: date) -> list[Incident]:
    return [row for row in rows if _day(row).replace(day=1) == first]


def _month(first: date, rows: Sequence[Incident]) -> Month:
    lost, returned = losses(rows)
    return Month(
        first=first,
        number=len(rows),
        critical=_critical(rows),
        to_detect=mean(row.time_to_detect for row in rows),
        to_resolve=mean(row.time_to_resolve for row in rows),
        lost=lost,
        returned=returned,
        unknown=sum(row.is_lossy and row.lost_rows is None for row in rows),
    )


def losses(rows: Iterable[Incident]) -> tuple[int, int]:
    """Rows lost and rows that came back, as far as it is known."""
    known = list(rows)
    return sum(row.lost_rows or 0 for row in known), sum(row.returned_rows or 0 for row in known)


def _critical(rows: Iterable[Incident]) -> int:
    return sum(row.severity == Severity.CRITICAL for row in rows)


def _days(rows: Sequence[Incident], first: date, last: date) -> list[HeatDay]:
    by_day: dict[date, list[Incident]] = defaultdict(list)
    for row in rows:
        by_day[_day(row)].append(row)
    length = (last - first).days + 1
    return [_heat(first + timedelta(days=place), by_day) for place in range(length)]


def _heat(day: date, by_day: dict[date, list[Incident]]) -> HeatDay:
    rows = by_day.get(day, [])
    worst = max((Severity(row.severity) for row in rows), key=lambda one: one.rank, default=None)
    return HeatDay(day, len(rows), str(worst) if worst else "")


def _kinds(rows: Sequence[Incident]) -> list[tuple[str, str, int]]:
    counted = Counter(row.kind for row in rows)
    return [(kind, str(IncidentKind(kind).label), number) for kind, number in counted.most_common()]


def _repeated(rows: Sequence[Incident]) -> list[Repeated]:
    by_cause: dict[str, list[Incident]] = defaultdict(list)
    for row in rows:
        for cause in row.causes:
            by_cause[cause].append(row)
    again = [
        Repeated(cause, str(Cause(cause).label), found[::-1]) for cause, found in by_cause.items() if len(found) > 1
    ]
    return sorted(again, key=lambda one: -len(one.incidents))


def _reliability(rows: Sequence[Incident], target: Target | None) -> list[Reliability]:
    by_target: dict[int, list[Incident]] = defaultdict(list)
    for row in rows:
        if row.target_id is not None:
            by_target[row.target_id].append(row)
    targets = (
        [target]
        if target is not None
        else Target.objects.filter(is_active=True) | Target.objects.filter(pk__in=by_target)
    )
    found = [_fared(one, by_target.get(one.pk, [])) for one in targets]
    return sorted(found, key=lambda one: (-one.critical, -one.number, one.target.name))


def _fared(target: Target, rows: Sequence[Incident]) -> Reliability:
    moments: list[datetime] = [row.happened for row in rows]  # type: ignore[attr-defined]
    lost, returned = losses(rows)
    rpo = _held([row.rpo_seconds for row in rows], target.rpo_goal_minutes)
    rto = _held([row.rto_seconds for row in rows], target.rto_goal_minutes)
    return Reliability(
        target=target,
        number=len(rows),
        unresolved=sum(row.is_open for row in rows),
        critical=_critical(rows),
        to_detect=mean(row.time_to_detect for row in rows),
        to_resolve=mean(row.time_to_resolve for row in rows),
        between=(moments[-1] - moments[0]) / (len(moments) - 1) if len(moments) > 1 else None,
        last=moments[-1] if moments else None,
        lost=lost,
        returned=returned,
        rpo_kept=rpo[0],
        rpo_missed=rpo[1],
        rto_kept=rto[0],
        rto_missed=rto[1],
    )


def _held(measured: Sequence[float | None], goal_minutes: int | None) -> tuple[int, int]:
    """How many measured seconds are within the goal, and how many beyond."""
    if goal_minutes is None:
        return 0, 0
    known = [seconds for seconds in measured if seconds is not None]
    kept = sum(seconds <= goal_minutes * 60 for seconds in known)
    return kept, len(known) - kept
