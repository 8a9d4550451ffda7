"""Schedules: made from plain words or cron lines, due by the minute, started exactly once, never piled up."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit import ledger
from audit.actors import Actor
from audit.exceptions import TovgovError
from audit.models import Target
from backups import create, cron
from backups.cron import next_run
from backups.exceptions import BackupRunning, ScheduleInvalid
from backups.models import Backup, BackupKind, Destination, Schedule

__all__ = ["change", "disable", "every", "next_run", "next_runs", "start_due"]

logger = logging.getLogger(__name__)
NOTE = 255
SCHEDULER = Actor.system("scheduler")


# --- making them --------------------------------------------------------------------------------------------------


def every(
    target: Target,
    when: str | int,
    *,
    actor: Actor,
    timezone: str = "UTC",
    prove: bool = True,
    destinations: Sequence[Destination] = (),
    replace: bool = False,
) -> Schedule:
    """Back ``target`` up at ``when``: a number of hours (6), a preset ("daily") or a cron line ("0 */6 * * *"), on the
    clocks of ``timezone``. The same line twice is one schedule; ``replace`` turns the target's other ones off.

    Raises ``NotPermitted`` and ``ScheduleInvalid``.
    """
    line = cron.parse(when)
    schedule = Schedule.objects.filter(target=target, cron=line).first() or Schedule(target=target)
    with transaction.atomic():
        change(
            schedule,
            actor=actor,
            cron=line,
            timezone=timezone,
            prove=prove,
            is_enabled=True,
            destinations=list(destinations),
        )
        if replace:
            for other in Schedule.objects.filter(target=target, is_enabled=True).exclude(pk=schedule.pk):
                disable(other, actor=actor, reason=f"replaced by {line}")
    return schedule


def change(
    schedule: Schedule,
    *,
    actor: Actor,
    reason: str = "",
    destinations: Sequence[Destination] | None = None,
    **facts: Any,
) -> Schedule:
    """Set ``facts`` (cron, timezone, prove, is_enabled) and ``destinations`` of a new or known schedule, with its next
    run. What was due before is forgotten: a schedule that is changed or turned on owes nothing from earlier.

    Raises ``NotPermitted`` and ``ScheduleInvalid`` (also when the target has another schedule of the same line).
    """
    actor.require("backups.change_schedule" if schedule.pk else "backups.add_schedule")
    for name, value in facts.items():
        setattr(schedule, name, value)
    schedule.cron = cron.parse(schedule.cron)
    upcoming = cron.next_run(schedule.cron, schedule.timezone, _now())
    schedule.next_run_at = upcoming if schedule.is_enabled else None
    schedule.last_due_at = None
    _refuse_double(schedule)
    action = "schedule.change" if schedule.pk else "schedule.add"
    with transaction.atomic():
        schedule.created_by = schedule.created_by or actor.name
        schedule.save()
        if destinations is not None:
            schedule.destinations.set(destinations)
        ledger.append(action, actor=actor, obj=schedule, target=schedule.target, reason=reason, **_facts(schedule))
    return schedule


def _refuse_double(schedule: Schedule) -> None:
    twins = Schedule.objects.filter(target=schedule.target, cron=schedule.cron).exclude(pk=schedule.pk)
    if twins.exists():
        raise ScheduleInvalid(
            f"{schedule.target} has a schedule {schedule.cron} already.", hint="Change or turn on that one."
        )


def _facts(schedule: Schedule) -> dict[str, Any]:
    names = ("cron", "timezone", "prove", "is_enabled")
    places = sorted(schedule.destinations.values_list("name", flat=True))
    return {name: getattr(schedule, name) for name in names} | {"destinations": places}


def disable(schedule: Schedule, *, actor: Actor, reason: str = "") -> None:
    """Turn a schedule off; it stays, to be turned on again. Raises ``NotPermitted``."""
    change(schedule, actor=actor, reason=reason, is_enabled=False)


def next_runs(schedule: Schedule, n: int = 5, *, after: datetime | None = None) -> list[datetime]:
    """The next ``n`` moments at which ``schedule`` is due, in UTC; none when it is off."""
    if not schedule.is_enabled:
        return []
    return cron.next_moments(schedule.cron, schedule.timezone, after or _now(), n)


def _now() -> datetime:
    return timezone.now()


# --- the scheduler's minute ---------------------------------------------------------------------------------------


def start_due(now: datetime | None = None) -> list[Backup]:
    """Start every backup that is due, each once however many schedulers run. What was missed meanwhile is not made
    up for: after a long downtime there is one run, and the next at its time."""
    now = now or _now()
    due = Schedule.objects.filter(is_enabled=True, next_run_at__lte=now, target__is_active=True)
    started = [_start(schedule, now) for schedule in due.select_related("target").order_by("next_run_at", "pk")]
    return [backup for backup in started if backup is not None]


def _start(schedule: Schedule, now: datetime) -> Backup | None:
    """Claim the run and queue its backup in one transaction: a scheduler that dies in between has done neither."""
    with transaction.atomic():
        if not _claim(schedule, now):
            return None
        try:
            with transaction.atomic():
                backup = create.request(
                    schedule.target,
                    actor=SCHEDULER,
                    kind=BackupKind.SCHEDULED,
                    destinations=list(schedule.destinations.all()),
                    prove=schedule.prove,
                    schedule=schedule,
                )
        except BackupRunning as error:
            _note(schedule, "schedule.skip", f"Skipped: {error.message}")
            return None
        except TovgovError as error:
            _note(schedule, "schedule.fail", f"Not started: {error.message} {error.hint}")
            return None
        Schedule.objects.filter(pk=schedule.pk).update(last_note=f"Backup {backup.pk} was started.")
        return backup


def _claim(schedule: Schedule, now: datetime) -> bool:
    """Move the schedule on to its next run; whether it was us who did."""
    rows = Schedule.objects.filter(pk=schedule.pk, is_enabled=True, next_run_at=schedule.next_run_at)
    try:
        upcoming = cron.next_run(schedule.cron, schedule.timezone, now)
    except ScheduleInvalid as error:  # a row that no form made: it must not block the others
        if rows.update(is_enabled=False, next_run_at=None):
            _note(schedule, "schedule.fail", f"Turned off: {error.message}")
        return False
    return rows.update(next_run_at=upcoming, last_due_at=schedule.next_run_at, last_run_at=now) == 1


def _note(schedule: Schedule, action: str, words: str) -> None:
    Schedule.objects.filter(pk=schedule.pk).update(last_note=words[:NOTE])
    ledger.append(action, actor=SCHEDULER, obj=schedule, target=schedule.target, note=words)
    logger.warning("%s: %s", schedule, words)
