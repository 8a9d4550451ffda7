"""Alarms about backups: missed, late, unproved, not scheduled; open while the cause lasts, gone with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audit.models import Alert, Environment, LedgerEntry, Severity, Target
from backups import alarms, schedules
from backups.models import Schedule
from tests.factories import BackupFactory, ScheduleFactory, TargetFactory

pytestmark = pytest.mark.django_db
DUE = datetime(2025, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def target() -> Target:
    row = TargetFactory(production=True)
    Target.objects.filter(pk=row.pk).update(created_at=DUE - timedelta(days=1))
    return row


@pytest.fixture
def schedule(target: Target) -> Schedule:
    """Its run at ``DUE`` was started or skipped; the next is in six hours."""
    return ScheduleFactory(target=target, last_due_at=DUE, last_run_at=DUE, next_run_at=DUE + timedelta(hours=6))


def kinds(now: datetime) -> list[str]:
    return [alert.kind for alert in alarms.check(now)]


def running(target: Target, **facts: Any) -> None:
    BackupFactory(target=target, running=True, started_at=DUE + MINUTE, **facts)


def test_until_a_quarter_of_an_hour_after_its_time_a_backup_is_not_late(schedule: Schedule) -> None:
    assert kinds(DUE + 14 * MINUTE) == []
    assert kinds(DUE + 15 * MINUTE) == ["backup.missed"]


def test_the_alarm_says_which_and_what_to_do(schedule: Schedule, target: Target) -> None:
    Schedule.objects.update(last_note="Skipped: A backup is already running.")
    [alert] = alarms.check(DUE + 20 * MINUTE)
    assert (alert.target, alert.severity) == (target, Severity.CRITICAL)
    assert alert.title == (
        f"{target}: the backup due at 2025-11-20 12:00 UTC was not made. Skipped: A backup is already running."
    )
    assert "back up now" in alert.hint


def test_a_backup_that_runs_since_then_is_not_late(schedule: Schedule, target: Target) -> None:
    running(target)
    assert kinds(DUE + timedelta(hours=3)) == []


def test_a_backup_that_still_waits_for_a_worker_is_late(schedule: Schedule, target: Target) -> None:
    BackupFactory(target=target, queued_at=DUE)
    assert kinds(DUE + 15 * MINUTE) == ["backup.missed"]


def test_an_older_backup_is_no_excuse(schedule: Schedule, target: Target) -> None:
    BackupFactory(target=target, proved=True, queued_at=DUE - timedelta(hours=1))
    assert kinds(DUE + 15 * MINUTE) == ["backup.missed"]


def test_a_failed_backup_is_no_excuse(schedule: Schedule, target: Target) -> None:
    BackupFactory(target=target, failed=True, queued_at=DUE)
    assert kinds(DUE + 15 * MINUTE) == ["backup.missed"]


def test_a_later_good_backup_resolves_it_also_one_by_hand(schedule: Schedule, target: Target) -> None:
    alarms.check(DUE + 15 * MINUTE)
    BackupFactory(target=target, proved=True, queued_at=DUE + 20 * MINUTE)
    assert kinds(DUE + 21 * MINUTE) == []
    assert Alert.objects.get().resolved_at is not None


def test_a_schedule_that_no_scheduler_looks_at_is_an_alarm(target: Target) -> None:
    ScheduleFactory(target=target, next_run_at=DUE)
    assert kinds(DUE + 14 * MINUTE) == []
    assert kinds(DUE + 15 * MINUTE) == ["backup.missed"]


def test_it_is_told_once_however_often_one_looks(schedule: Schedule) -> None:
    for minute in range(15, 20):
        alarms.check(DUE + minute * MINUTE)
    assert Alert.objects.get().times == 1
    assert LedgerEntry.objects.filter(action="alert.open").count() == 1


def test_a_schedule_that_was_changed_owes_nothing_from_before(schedule: Schedule) -> None:
    assert kinds(DUE + 15 * MINUTE) == ["backup.missed"]
    schedules.change(schedule, actor=alarms.ACTOR, cron="0 */4 * * *")
    assert kinds(DUE + 16 * MINUTE) == []


def test_a_schedule_that_is_off_or_a_target_that_is_not_in_use_has_no_alarm(schedule: Schedule) -> None:
    alarms.check(DUE + 15 * MINUTE)
    Target.objects.update(is_active=False)
    assert kinds(DUE + 16 * MINUTE) == []
    assert not Alert.objects.filter(resolved_at=None).exists()


# --- unproved, unscheduled ----------------------------------------------------------------------------------------


def test_days_without_a_proved_backup_are_an_alarm(target: Target, settings: Any) -> None:
    settings.TOVGOV_PROOF_DAYS = 3
    ScheduleFactory(target=target, next_run_at=DUE + timedelta(days=30))
    BackupFactory(target=target, proved=True, queued_at=DUE)
    BackupFactory(target=target, stored=True, queued_at=DUE + timedelta(days=1))
    assert kinds(DUE + timedelta(days=2, hours=23)) == []
    [alert] = alarms.check(DUE + timedelta(days=3, minutes=1))
    assert (alert.kind, alert.severity) == ("backup.unproved", Severity.WARNING)
    assert alert.title == f"{target}: The newest proved backup is 3 days old."
    BackupFactory(target=target, proved=True, queued_at=DUE + timedelta(days=3))
    assert kinds(DUE + timedelta(days=3, minutes=2)) == []


@pytest.mark.parametrize("trait", ["damaged", "removed"])
def test_a_proved_backup_that_is_damaged_or_gone_proves_nothing(target: Target, trait: str) -> None:
    ScheduleFactory(target=target, next_run_at=DUE + timedelta(days=30))
    BackupFactory(target=target, proved=True, **{trait: True}, queued_at=DUE + timedelta(days=7))
    [alert] = alarms.check(DUE + timedelta(days=8))
    assert alert.title == f"{target}: No backup of it was ever proved."


def test_a_target_without_a_schedule_is_a_reminder(target: Target) -> None:
    [alert] = alarms.check(DUE)
    assert (alert.kind, alert.severity) == ("schedule.none", Severity.INFO)
    ScheduleFactory(target=target, next_run_at=DUE + timedelta(hours=1))
    assert kinds(DUE) == []


def test_scratch_servers_and_targets_without_identity_need_none() -> None:
    TargetFactory(environment=Environment.SCRATCH)
    TargetFactory(fresh=True)
    assert kinds(DUE) == []
