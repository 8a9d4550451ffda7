"""Whether what happens is logged: each log of each target, what it told, and where it was silent."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import F

from audit.evidence.checks.words import named
from audit.evidence.held import Held
from audit.evidence.scope import Scope
from audit.models import (
    SERVER_LOGS,
    AnomalyFiring,
    AuditImport,
    DeleteCount,
    ImportKind,
    ImportSource,
    LogFile,
    Target,
)
from audit.registry import Checked

TOPIC = "logging"
SILENT_DAYS = 1.0


def check(scope: Scope, held: Held) -> Iterator[Checked]:
    for target in scope.targets:
        sources = [source for source in scope.sources if source.target_id == target.pk]
        yield Checked(
            TOPIC,
            f"{target}: logs; was each of them read, and did it speak?",
            len(sources),
            len(sources),
            [*_exceptions(scope, target), *_silences(scope, target)],
            [*_missing(target, sources), *(gap for source in sources for gap in _quiet(scope, source, held))],
        )
        yield _deletes(scope, target)


def _exceptions(scope: Scope, target: Target) -> Iterator[str]:
    failed = AuditImport.objects.filter(scope.during("queued_at"), source__target=target, state="failed")
    yield from named(failed.order_by("pk"), lambda row: f"{row} of {row.queued_at:%Y-%m-%d %H:%M} UTC: {row.error}")
    files = LogFile.objects.filter(scope.during("seen_at"), source__target=target).exclude(error_code="", faults=[])
    yield from named(files.order_by("pk"), lambda row: f"{row.name}: {row.error or 'parts of it could not be read'}.")


def _silences(scope: Scope, target: Target) -> Iterator[str]:
    found = AnomalyFiring.objects.filter(scope.during("first_at"), target=target, rule="silence").order_by("pk")
    yield from named(found, lambda row: f"{row.key} was silent from {row.first_at:%Y-%m-%d %H:%M} UTC.")


def _missing(target: Target, sources: list[ImportSource]) -> Iterator[str]:
    kinds = {source.kind for source in sources if source.is_active}
    if not target.is_active:
        yield f"{target} is not active: tovgov does not look at it."
    if not kinds & {*SERVER_LOGS}:
        yield f"{target}: no server log is read: statements that delete nothing leave no trace here."
    if ImportKind.DELETIONS not in kinds:
        yield f"{target}: deletes are not captured: no protection is installed, or its log is not read."
    yield from (f"{source} is paused." for source in sources if not source.is_active)


def _quiet(scope: Scope, source: ImportSource, held: Held) -> Iterator[str]:
    """A log that told nothing in the period, or was not read to its end."""
    if held.proved is not None and not any(one.entries for one in held.proved if one.source.pk == source.pk):
        yield f"{source} told nothing in the period: it may have been silent, or nothing happened."
    last = min(scope.end, scope.as_of)
    if source.looked_at is None:
        yield f"{source} was never read."
    elif (last - source.looked_at).total_seconds() > SILENT_DAYS * 86_400:
        yield f"{source} was last read on {source.looked_at:%Y-%m-%d %H:%M} UTC: what came after is not here."


def _deletes(scope: Scope, target: Target) -> Checked:
    """PostgreSQL's own count of deletes against those that were captured."""
    samples = DeleteCount.objects.filter(scope.during("at"), target=target)
    surplus = samples.filter(surplus__gt=0).order_by("at", "pk")
    gaps = [] if samples.exists() else [f"{target}: counted and captured deletes were never compared in the period."]
    possible = surplus.filter(is_certain=False).count()
    if possible:
        gaps.append(
            f"{target}: {possible} times more deletes were counted than captured, which a rollback explains too."
        )
    certain = surplus.filter(is_certain=True).annotate(n=F("surplus"))
    return Checked(
        TOPIC,
        f"{target}: comparisons of deletes that PostgreSQL counted with those that were captured; do they agree?",
        samples.count(),
        samples.count(),
        named(certain, lambda row: f"{row.table}: {row.n:,} deletes before {row.at:%Y-%m-%d %H:%M} UTC not captured."),
        gaps,
    )
