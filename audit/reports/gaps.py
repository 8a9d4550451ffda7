"""What a report cannot know, found out from tovgov's own records: never a sentence that stands there whatever is true.

Each function takes the scope and returns sentences. A report adds those that concern its sources.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import Max, Min, Q, Sum

from audit.models import (
    AuditImport,
    DeleteCount,
    ImportKind,
    ImportSource,
    JobState,
    RetiredRange,
    Target,
)
from audit.reports.report import Scope

MOST = 20
"""So many sentences of one kind are written out; the rest is counted."""
SILENT = timedelta(minutes=15)
"""A log that was not read for so long, counted from the period's end or now, is behind."""
FAULTS = 60
"""Characters of an error that are shown."""


def some(sentences: Sequence[str], what: str) -> list[str]:
    """At most ``MOST`` sentences, and how many more there are."""
    rest = len(sentences) - MOST
    return [*sentences[:MOST], *([f"And {rest:,} more {what}."] if rest > 0 else [])]


def of_period(scope: Scope) -> list[str]:
    """A period that is not over yet."""
    if scope.end is None or scope.end <= scope.now:
        return []
    start, _ = scope.span
    if start >= scope.now:
        return ["The whole period lies in the future: nothing can have happened in it yet."]
    return [f"The period is not over: what happens after {scope.moment(scope.now)} is not in it yet."]


def of_targets(scope: Scope) -> list[str]:
    """Targets that are not watched, cannot be reached or confirmed, or were registered in the period's midst."""
    found: list[str] = []
    for target in scope.all_targets():
        if not target.is_active:
            found.append(f"{target}: it is not active, so nothing is read from it any more.")
        elif target.check_error_code:
            when = f" since the look of {scope.moment(target.checked_at)}" if target.checked_at else ""
            found.append(f"{target}: it was not reached or not confirmed{when} ({target.check_error_code}).")
        elif target.checked_at is None:
            found.append(f"{target}: tovgov has not looked at it yet.")
        if scope.start and target.created_at > scope.start:
            found.append(f"{target}: registered on {scope.moment(target.created_at)}; nothing was recorded before.")
    return some(found, "of this kind")


def of_sources(scope: Scope, kinds: Iterable[ImportKind | str], what: str) -> list[str]:
    """Logs that ``what`` (deletes, connections) is known from: none at all, silent, faulty, begun late, retired."""
    kinds = [str(kind) for kind in kinds]
    targets = scope.all_targets()
    rows = ImportSource.objects.filter(target__in=targets, kind__in=kinds).select_related("target").order_by("pk")
    by_target: dict[int, list[ImportSource]] = {}
    for row in rows:
        by_target.setdefault(row.target_id, []).append(row)
    found: list[str] = []
    for target in targets:
        sources = by_target.get(target.pk, [])
        if not sources:
            found.append(f"{target}: no log of {what} is read from it; whether there were any is not known.")
        found += [line for source in sources for line in _of_source(source, scope, what)]
    return some(found, "of this kind")


def _of_source(source: ImportSource, scope: Scope, what: str) -> list[str]:
    start, end = scope.span
    facts = source.imports.filter(state=JobState.SUCCEEDED).aggregate(
        first=Min("started_at"), first_entry=Min("first_at"), faults=Sum("faults", filter=_touches(start, end))
    )
    found = [*_silence(source, scope), *_beginning(source, scope, facts["first"], facts["first_entry"], what)]
    if facts["faults"]:
        found.append(f"{source}: {facts['faults']:,} places in it could not be read as a record.")
    if source.kind == ImportKind.SAMPLES:
        found.append(f"{source}: sessions are seen by a look once a minute; shorter ones may be missing.")
    return found + _failed(source, scope) + _retired(source, scope)


def _touches(start: datetime, end: datetime) -> Q:
    """Imports whose entries, or whose reading, lie in the period."""
    return Q(first_at__lt=end, last_at__gte=start) | Q(first_at=None, started_at__gte=start, started_at__lt=end)


def _silence(source: ImportSource, scope: Scope) -> list[str]:
    """Not read to the period's end, or to now."""
    if not source.is_active:
        until = f" It was read until {scope.moment(source.looked_at)}." if source.looked_at else ""
        return [f"{source}: it is paused or not in use.{until}"]
    wanted = min(scope.span[1], scope.now)
    if source.looked_at is None:
        return [f"{source}: it was never read to its end.{_why(source)}"]
    if source.looked_at < wanted - SILENT:
        return [f"{source}: silent since {scope.moment(source.looked_at)}; what came after is missing.{_why(source)}"]
    return []


def _why(source: ImportSource) -> str:
    return f" ({source.error_code}: {source.error[:FAULTS]})" if source.error_code else ""


def _beginning(
    source: ImportSource, scope: Scope, first: datetime | None, first_entry: datetime | None, what: str
) -> list[str]:
    """The log was not there, or not read, when the period began."""
    begins = min((moment for moment in (first, first_entry) if moment), default=None)
    if begins is None or begins <= scope.span[0]:
        return []
    return [f"{source}: {what} are known from {scope.moment(begins)} on; the period begins earlier."]


def _failed(source: ImportSource, scope: Scope) -> list[str]:
    """Readings of the period that failed; what is still in the log is read later, what the server removed is not."""
    start, end = scope.span
    rows = source.imports.filter(state=JobState.FAILED, queued_at__gte=start, queued_at__lt=end)
    facts = rows.aggregate(first=Min("queued_at"), last=Max("queued_at"))
    if facts["first"] is None:
        return []
    return [
        f"{source}: {rows.count():,} readings failed between {scope.moment(facts['first'])} and "
        f"{scope.moment(facts['last'])}; entries that its server removed meanwhile are missing."
    ]


def _retired(source: ImportSource, scope: Scope) -> list[str]:
    """Entries that were removed on purpose, when some of them may lie in the period."""
    count = RetiredRange.objects.filter(tree__source=source).aggregate(count=Sum("count"))["count"]
    if not count:
        return []
    before = _kept_from(source, scope.now)
    if before is not None and before <= scope.span[0]:
        return []
    until = f", from before {scope.moment(before)}" if before else ""
    return [f"{source}: {count:,} of its entries were retired{until}; those of the period are not counted."]


def _kept_from(source: ImportSource, now: datetime) -> datetime | None:
    """Entries older than this may be retired."""
    return now - timedelta(days=source.keep_days) if source.keep_days else None


def of_captures(scope: Scope) -> list[str]:
    """Deletes that PostgreSQL counted and nobody captured."""
    start, end = scope.span
    rows = DeleteCount.objects.filter(surplus__gt=0, at__gte=start, at__lt=end, **scope.of_targets())
    found = []
    for row in rows.select_related("target").order_by("at", "id")[: MOST + 1]:
        sure = "were" if row.is_certain else "may have been"
        since = f"between {scope.moment(row.since)} and" if row.since else "by"
        found.append(
            f"{row.target}: {row.surplus:,} deletes of {row.table} {sure} not captured {since} {scope.moment(row.at)}."
        )
    return some(found, "of this kind")


def running_imports(scope: Scope, kinds: Iterable[ImportKind | str]) -> list[str]:
    """Readings under way: their entries are not counted yet."""
    rows = AuditImport.objects.filter(
        state=JobState.RUNNING, source__kind__in=[str(kind) for kind in kinds], **scope.of_targets("source__target")
    ).select_related("source__target")
    return [
        f"{row.source}: it is being read just now; its newest entries are not in the report." for row in rows[:MOST]
    ]


def unwatched(targets: Iterable[Target]) -> list[str]:
    """Targets that have no protection installed."""
    return [f"{target}: no protection is installed." for target in targets if not hasattr(target, "protection")]
