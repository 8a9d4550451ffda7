"""What backups bring to an evidence pack: their manifests as they were stored and signed, their records, and whether
they were proved."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Model, Q, QuerySet

from audit.models import JobState, Target
from audit.registry import Checked, EvidenceFile, EvidenceLine
from backups import transfer
from backups.exceptions import CopyDamaged, DestinationUnreachable
from backups.manifest import MANIFEST, SIGNATURE
from backups.models import Backup, BackupCopy, CopyState, Level, Restore, Verification

HEAVY = {"log", "phases", "claim", "heartbeat_at", "enqueued_at", "done", "total", "unit", "phase", "manifest"}
NAMED = 20


def of(target: Target, start: datetime, end: datetime) -> Iterator[EvidenceLine | EvidenceFile | Checked]:
    """Lines, manifests, and what was checked. Destinations are read: one that is silent costs its manifests, which is
    said."""
    span = Q(queued_at__gte=start, queued_at__lt=end)
    backups = Backup.objects.filter(span, target=target).order_by("pk")
    proofs = Verification.objects.filter(span, backup__target=target).order_by("pk")
    restores = Restore.objects.filter(span, Q(target=target) | Q(backup__target=target)).order_by("pk")
    for name, rows in (("backups", backups), ("verifications", proofs), ("restores", restores)):
        yield from (EvidenceLine(name, row) for row in rows.values(*_fields(rows.model)))
    gaps: list[str] = []
    for backup in backups.filter(state=JobState.SUCCEEDED):
        yield from _manifest(backup, gaps)
    yield _made(target, backups, start, end, gaps)
    yield _tried(target, proofs, restores)


def _fields(model: type[Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields if field.attname not in HEAVY]


def _manifest(backup: Backup, gaps: list[str]) -> Iterator[EvidenceFile]:
    """The manifest and its signature from the first copy that gives both."""
    copies = BackupCopy.objects.filter(backup=backup, state=CopyState.STORED).select_related("destination")
    why = "no copy of it is stored"
    for copy in copies.order_by("pk"):
        try:
            found = {name: _content(copy, name) for name in (MANIFEST, SIGNATURE)}
        except (CopyDamaged, DestinationUnreachable) as error:
            why = error.message
            continue
        for name, data in found.items():
            yield EvidenceFile(f"backups/{backup.pk:06}/{name}", data)
        return
    gaps.append(f"{backup}: its signed manifest is not here: {why}")


def _content(copy: BackupCopy, name: str) -> bytes:
    with transfer.open_file(copy.destination, f"{copy.path}/{name}") as file:
        return b"".join(iter(lambda: file.read(1 << 20), b""))


def _made(target: Target, backups: QuerySet[Any], start: datetime, end: datetime, gaps: list[str]) -> Checked:
    done = [row for row in backups.defer("manifest", "log") if row.state == JobState.SUCCEEDED]
    unproved = [row for row in done if row.level < Level.PROVED]
    failed = backups.filter(state=JobState.FAILED).defer("manifest", "log")
    exceptions = [f"{row}: it was not proved ({row.get_level_display().lower()})." for row in unproved]
    exceptions += [f"{row}: a verification found it damaged." for row in done if row.damaged_at]
    exceptions += [f"{row} of {row.queued_at:%Y-%m-%d %H:%M} UTC failed: {row.error}" for row in failed]
    exceptions += list(_beyond_goal(target, start, end))
    if not done:
        gaps.append(f"{target}: no backup was made in the period.")
    if target.rpo_goal_minutes is None:
        gaps.append(f"{target}: no goal for RPO is set, so no stretch without a backup was too long.")
    more = [f"… and {len(exceptions) - NAMED:,} more; the records name them."] if len(exceptions) > NAMED else []
    return Checked(
        "backup",
        f"{target}: backups; was each of them restored elsewhere and compared with what it holds?",
        len(done) + len(failed),
        len(done) - len(unproved),
        exceptions[:NAMED] + more,
        gaps,
    )


def _beyond_goal(target: Target, start: datetime, end: datetime) -> Iterator[str]:
    """Stretches of the period in which the newest proved backup was older than the RPO goal."""
    if target.rpo_goal_minutes is None:
        return
    goal = timedelta(minutes=target.rpo_goal_minutes)
    proved = Backup.objects.filter(target=target, state=JobState.SUCCEEDED, level=Level.PROVED)
    before = proved.filter(snapshot_at__lt=start).order_by("-snapshot_at").values_list("snapshot_at", flat=True)[:1]
    inside = proved.filter(snapshot_at__gte=start, snapshot_at__lt=end).order_by("snapshot_at")
    moments = [*before, *inside.values_list("snapshot_at", flat=True)]
    last = moments[0] if moments else start
    for moment in [*moments[1:], end]:
        if moment - last > goal:
            hours = (moment - last).total_seconds() / 3600
            yield f"{target}: no proved backup for {hours:,.1f} hours from {last:%Y-%m-%d %H:%M} UTC, beyond the goal."
        last = moment


def _tried(target: Target, proofs: QuerySet[Any], restores: QuerySet[Any]) -> Checked:
    reached = proofs.filter(state=JobState.SUCCEEDED, reached=Level.PROVED).count()
    failed = proofs.filter(Q(state=JobState.FAILED) | Q(state=JobState.SUCCEEDED, reached__lt=Level.PROVED))
    exceptions = [f"{row} of {row.queued_at:%Y-%m-%d} did not reach proof: {row.error}" for row in failed[:NAMED]]
    goal = target.rto_goal_minutes
    if goal is not None:
        late = restores.filter(target=target, rto_seconds__gt=goal * 60)
        exceptions += [f"{row}: {row.rto_seconds / 60:,.0f} minutes, the goal is {goal:,}." for row in late[:NAMED]]
    gaps = [] if goal is not None else [f"{target}: no goal for RTO is set."]
    if not reached:
        gaps.append(f"{target}: no backup was restored and compared in the period.")
    if not restores.filter(target=target, state=JobState.SUCCEEDED).exists():
        gaps.append(f"{target}: nothing was restored into it in the period; a proof beside it is not that.")
    return Checked(
        "recovery",
        f"{target}: tries to come back from a backup, proofs and restores; did each succeed, in time?",
        proofs.count() + restores.count(),
        proofs.count() + restores.count(),
        exceptions,
        gaps,
    )
