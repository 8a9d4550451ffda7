"""Alarms about backups: one that is missed or late, none proved for days, a target that nobody backs up.

A backup that failed is told by ``create.tell_outcome`` the moment it fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, Q
from django.utils import timezone

from audit import alerts
from audit.actors import Actor
from audit.models import Alert, Environment, JobState, Severity, Target
from backups import conf
from backups.models import Backup, Level, Schedule

LATE = timedelta(minutes=15)
"""So long after its due time a backup must be made, or at least be running."""

MISSED, UNPROVED, UNSCHEDULED = "backup.missed", "backup.unproved", "schedule.none"
KINDS = (MISSED, UNPROVED, UNSCHEDULED)
ACTOR = Actor.system("alarms")


@dataclass(frozen=True, slots=True)
class _Due:
    """An alarm that must be open now."""

    kind: str
    fingerprint: str
    target: Target
    severity: Severity
    title: str
    hint: str


def check(now: datetime | None = None) -> list[Alert]:
    """Open the alarms that are due and resolve those whose cause is gone. Returns what is open."""
    now = now or timezone.now()
    due = {(alarm.kind, alarm.fingerprint): alarm for alarm in _alarms(now)}
    standing = {(row.kind, row.fingerprint): row for row in Alert.objects.filter(kind__in=KINDS, resolved_at=None)}
    for key in standing.keys() - due.keys():
        alerts.resolve(key[0], fingerprint=key[1], actor=ACTOR)
    for key, alarm in due.items():
        if key not in standing or standing[key].title != alarm.title:
            standing[key] = alerts.alert(
                alarm.kind,
                fingerprint=alarm.fingerprint,
                title=alarm.title,
                target=alarm.target,
                severity=alarm.severity,
                hint=alarm.hint,
                actor=ACTOR,
            )
    return [standing[key] for key in due]


def _alarms(now: datetime) -> Iterator[_Due]:
    for schedule in Schedule.objects.filter(is_enabled=True, target__is_active=True).select_related("target"):
        since = _owed_since(schedule, now)
        if since is not None:
            yield _missed(schedule, since)
    targets = Target.objects.filter(is_active=True, identified_at__isnull=False).exclude(
        environment=Environment.SCRATCH
    )
    proved = Q(
        backups__state=JobState.SUCCEEDED,
        backups__removed_at=None,
        backups__level=Level.PROVED,
        backups__damaged_at=None,
    )
    scheduled = set(Schedule.objects.filter(is_enabled=True).values_list("target_id", flat=True))
    for target in targets.annotate(proved_at=Max("backups__snapshot_at", filter=proved)):
        yield from _unproved(target, target.proved_at, now)
        if target.pk not in scheduled:
            yield _unscheduled(target)


def _owed_since(schedule: Schedule, now: datetime) -> datetime | None:
    """When the backup was due that is neither there nor on its way, ``LATE`` after that; None when all is well."""
    if schedule.next_run_at is not None and schedule.next_run_at + LATE <= now:
        return schedule.next_run_at  # no scheduler has looked at it
    due = schedule.last_due_at
    if due is None or due + LATE > now:
        return None
    good = Q(state=JobState.SUCCEEDED, snapshot_at__gte=due) | Q(state=JobState.RUNNING, started_at__gte=due)
    return None if Backup.objects.filter(good, target=schedule.target).exists() else due


def _missed(schedule: Schedule, due: datetime) -> _Due:
    note = f" {schedule.last_note}" if schedule.last_note and due == schedule.last_due_at else ""
    return _Due(
        MISSED,
        f"schedule-{schedule.pk}",
        schedule.target,
        Severity.CRITICAL if schedule.target.is_production else Severity.WARNING,
        f"{schedule.target}: the backup due at {due:%Y-%m-%d %H:%M} UTC was not made.{note}",
        "Look at the target's newest backup and whether the workers run, then back up now.",
    )


def _unproved(target: Target, proved_at: datetime | None, now: datetime) -> Iterator[_Due]:
    days = (now - (proved_at or target.created_at)).days
    if days < conf.proof_days():
        return
    newest = f"The newest proved backup is {days} days old." if proved_at else "No backup of it was ever proved."
    yield _Due(
        UNPROVED,
        f"target-{target.pk}",
        target,
        Severity.WARNING,
        f"{target}: {newest}",
        "Prove the newest backup: only a backup that was restored once is known to be one.",
    )


def _unscheduled(target: Target) -> _Due:
    return _Due(
        UNSCHEDULED,
        f"target-{target.pk}",
        target,
        Severity.INFO,
        f"{target} is not backed up by itself.",
        "Open the target and choose a schedule: every 6 hours is a good beginning.",
    )
