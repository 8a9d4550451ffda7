"""Schedules: what is due is started once, what was missed is not piled up, nonsense stops nothing else."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.db.utils import IntegrityError
from django_q.models import OrmQ

from audit.actors import Actor
from audit.exceptions import NotPermitted
from audit.models import LedgerEntry, Target
from backups import schedules
from backups.exceptions import ScheduleInvalid
from backups.models import Backup, BackupKind, Destination, Schedule
from tests.factories import BackupFactory, DestinationFactory, TargetFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 20, 12, 0, 30, tzinfo=UTC)


@pytest.fixture
def target() -> Target:
    return TargetFactory()


@pytest.fixture(autouse=True)
def folder(db: None) -> Destination:
    return DestinationFactory()


def due(target: Target, at: datetime = NOW - timedelta(seconds=30), **facts: Any) -> Schedule:
    """A schedule whose next run is at ``at``."""
    row = schedules.every(target, facts.pop("when", 6), actor=Actor.system("tests"), **facts)
    Schedule.objects.filter(pk=row.pk).update(next_run_at=at)
    row.refresh_from_db()
    return row


def actions(prefix: str = "schedule.") -> list[str]:
    found = LedgerEntry.objects.filter(action__startswith=prefix).order_by("number")
    return list(found.values_list("action", flat=True))


# --- making them --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "line"), [(6, "0 */6 * * *"), ("daily", "30 2 * * *"), ("15 4 * * sun", "15 4 * * sun")]
)
def test_hours_presets_and_cron_lines_make_a_schedule(target: Target, asker: Actor, when: str | int, line: str) -> None:
    row = schedules.every(target, when, actor=asker, timezone="Europe/Berlin")
    row.refresh_from_db()
    assert (row.cron, row.timezone, row.prove, row.is_enabled) == (line, "Europe/Berlin", True, True)
    assert row.created_by == "alice"
    assert row.next_run_at is not None
    assert row.next_run_at > datetime.now(UTC)
    assert actions() == ["schedule.add"]


def test_the_same_line_twice_is_one_schedule(target: Target, asker: Actor) -> None:
    first = schedules.every(target, 6, actor=asker)
    schedules.disable(first, actor=asker, reason="holidays")
    again = schedules.every(target, "every 6 hours", actor=asker, prove=False)
    assert (again.pk, again.is_enabled, again.prove) == (first.pk, True, False)
    assert actions() == ["schedule.add", "schedule.change", "schedule.change"]


def test_replace_turns_the_others_off(target: Target, asker: Actor) -> None:
    daily, other = schedules.every(target, "daily", actor=asker), schedules.every(TargetFactory(), "daily", actor=asker)
    schedules.every(target, 4, actor=asker, replace=True)
    daily.refresh_from_db()
    other.refresh_from_db()
    assert (daily.is_enabled, daily.next_run_at, other.is_enabled) == (False, None, True)


def test_it_keeps_its_destinations(target: Target, folder: Destination, asker: Actor) -> None:
    row = schedules.every(target, 6, actor=asker, destinations=[folder])
    assert list(row.destinations.all()) == [folder]
    assert LedgerEntry.objects.get(action="schedule.add").detail["destinations"] == [folder.name]


def test_nonsense_is_refused_and_nothing_is_kept(target: Target, asker: Actor) -> None:
    with pytest.raises(ScheduleInvalid):
        schedules.every(target, "whenever it rains", actor=asker)
    with pytest.raises(ScheduleInvalid, match="no time zone"):
        schedules.every(target, 6, actor=asker, timezone="Mars/Base")
    assert not Schedule.objects.exists()


def test_a_line_of_another_schedule_is_refused(target: Target, asker: Actor) -> None:
    schedules.every(target, 6, actor=asker)
    daily = schedules.every(target, "daily", actor=asker)
    with pytest.raises(ScheduleInvalid, match="already"):
        schedules.change(daily, actor=asker, cron="0 */6 * * *")


def test_an_auditor_makes_and_stops_no_schedule(target: Target, auditor: Actor, asker: Actor) -> None:
    with pytest.raises(NotPermitted):
        schedules.every(target, 6, actor=auditor)
    row = schedules.every(target, 6, actor=asker)
    with pytest.raises(NotPermitted):
        schedules.disable(row, actor=auditor)


def test_the_database_refuses_an_enabled_schedule_without_a_next_run(target: Target) -> None:
    with pytest.raises(IntegrityError):
        Schedule.objects.create(target=target, cron="0 6 * * *")


def test_next_runs_are_shown_and_a_schedule_that_is_off_has_none(target: Target, asker: Actor) -> None:
    row = schedules.every(target, 12, actor=asker)
    assert [run.hour for run in schedules.next_runs(row, 3, after=NOW)] == [0, 12, 0]
    schedules.disable(row, actor=asker)
    assert schedules.next_runs(row) == []


# --- the scheduler's minute ---------------------------------------------------------------------------------------


def test_what_is_due_is_started_and_moves_on(target: Target, folder: Destination) -> None:
    row = due(target, prove=False, destinations=[folder])
    [backup] = schedules.start_due(NOW)
    assert (backup.kind, backup.schedule, backup.prove) == (BackupKind.SCHEDULED, row, False)
    assert (backup.asked_name, backup.asked_via) == ("tovgov", "scheduler")
    assert list(backup.wanted_destinations.all()) == [folder]
    before = row.next_run_at
    row.refresh_from_db()
    assert (row.last_due_at, row.last_run_at) == (before, NOW)
    assert row.next_run_at == datetime(2026, 11, 20, 18, tzinfo=UTC)
    assert schedules.start_due(NOW) == []


def test_what_is_not_due_yet_waits(target: Target) -> None:
    due(target, NOW + timedelta(seconds=1))
    assert schedules.start_due(NOW) == []


def test_after_a_long_downtime_there_is_one_run(target: Target) -> None:
    row = due(target, NOW - timedelta(days=9))
    assert len(schedules.start_due(NOW)) == 1
    row.refresh_from_db()
    assert row.next_run_at == datetime(2026, 11, 20, 18, tzinfo=UTC)


def test_a_backup_that_is_still_running_skips_the_run_with_a_note(target: Target) -> None:
    row = due(target)
    BackupFactory(target=target, running=True)
    assert schedules.start_due(NOW) == []
    row.refresh_from_db()
    assert row.last_note.startswith("Skipped: A backup of TovPlay")
    assert row.next_run_at > NOW
    assert actions() == ["schedule.add", "schedule.skip"]


def test_two_schedules_of_a_target_that_are_due_at_once_make_one_backup(target: Target) -> None:
    due(target, when=6)
    due(target, when=12)
    assert len(schedules.start_due(NOW)) == 1
    assert Backup.objects.count() == 1


def test_a_run_that_cannot_start_is_noted_and_the_others_start(target: Target) -> None:
    broken = due(TargetFactory(fresh=True), NOW - timedelta(minutes=1))
    due(target)
    assert [backup.target for backup in schedules.start_due(NOW)] == [target]
    broken.refresh_from_db()
    assert broken.last_note.startswith("Not started: The identity of")
    assert "schedule.fail" in actions()


def test_a_row_that_no_form_made_is_turned_off_and_blocks_nobody(target: Target) -> None:
    bad = due(TargetFactory(), NOW - timedelta(minutes=1))
    Schedule.objects.filter(pk=bad.pk).update(cron="every blue moon")
    due(target)
    assert [backup.target for backup in schedules.start_due(NOW)] == [target]
    bad.refresh_from_db()
    assert not bad.is_enabled
    assert bad.last_note.startswith("Turned off:")


def test_a_target_that_is_not_in_use_is_not_backed_up(target: Target) -> None:
    due(target)
    Target.objects.update(is_active=False)
    assert schedules.start_due(NOW) == []


@pytest.mark.django_db(transaction=True)
def test_two_schedulers_start_it_once(target: Target) -> None:
    rows = [due(target), due(TargetFactory())]
    start = threading.Barrier(4)
    started: list[Backup] = []

    def schedule() -> None:
        try:
            start.wait()
            started.extend(schedules.start_due(NOW))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=schedule) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(backup.schedule_id or 0 for backup in started) == sorted(row.pk for row in rows)
    assert Backup.objects.count() == OrmQ.objects.count() == 2
    assert "schedule.skip" not in actions()
