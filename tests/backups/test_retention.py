"""Retention at work: real files in real folders go or stay, and a destination that is away loses nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from audit.actors import Actor
from audit.exceptions import NotPermitted
from audit.models import Alert, LedgerEntry, Target
from backups import holds, retention, tasks
from backups.exceptions import NoPolicy, RetentionInvalid, ScheduleInvalid
from backups.models import Backup, BackupCopy, BackupKind, CopyState, Destination, RetentionPolicy
from tests.backups.house import folder
from tests.factories import (
    BackupFactory,
    RestoreFactory,
    RetentionPolicyFactory,
    TargetFactory,
    VerificationFactory,
    ago,
)

pytestmark = pytest.mark.django_db
ONE = {"keep_last": 1, "keep_daily": 0, "keep_weekly": 0, "keep_monthly": 0}


@pytest.fixture
def target() -> Target:
    return TargetFactory()


@pytest.fixture
def policy(target: Target) -> RetentionPolicy:
    """Keeps the newest one, and what must never go."""
    return RetentionPolicyFactory(target=target, **ONE)


@pytest.fixture
def place(tmp_path: Path, db: None) -> Destination:
    return folder(tmp_path / "copies")


def stored(target: Target, place: Destination, **facts: Any) -> Backup:
    """A proved backup, ``days`` old, with a file in ``place``."""
    made = BackupFactory(target=target, proved=True, queued_at=ago(days=facts.pop("days", 1)), **facts)
    return copied(made, place)


def copied(backup: Backup, place: Destination) -> Backup:
    path = Path(place.settings["folder"]) / backup.name
    path.mkdir()
    (path / "dump").write_text("bytes")
    now = timezone.now()
    BackupCopy.objects.create(
        backup=backup, destination=place, state="stored", path=backup.name, stored_at=now, read_back_at=now
    )
    return backup


def files(place: Destination) -> set[str]:
    return {path.name for path in Path(place.settings["folder"]).iterdir()}


def actions() -> list[str]:
    found = LedgerEntry.objects.filter(action__startswith="retention.").order_by("number")
    return list(found.values_list("action", flat=True))


# --- what would go ------------------------------------------------------------------------------------------------


def test_a_plan_says_what_goes_and_why_and_changes_nothing(
    target: Target, policy: RetentionPolicy, place: Destination
) -> None:
    new, old = stored(target, place, days=1), stored(target, place, days=2)
    decisions = retention.plan(target)
    assert [(d.backup, d.keep, d.why) for d in decisions] == [
        (new, True, "the newest proved one; the newest one; number 1 of the last 1"),
        (old, False, "no rule keeps it"),
    ]
    assert files(place) == {new.name, old.name}
    assert actions() == []


@pytest.mark.parametrize("trait", ["failed", "cancelled", "running", "removed"])
def test_what_is_no_backup_never_counts(
    target: Target, policy: RetentionPolicy, place: Destination, trait: str
) -> None:
    good = stored(target, place, days=5)
    BackupFactory(target=target, **{trait: True})
    assert [(d.backup, d.keep) for d in retention.plan(target)] == [(good, True)]


def test_backups_of_another_target_do_not_count(target: Target, policy: RetentionPolicy, place: Destination) -> None:
    mine = stored(target, place, days=5)
    stored(TargetFactory(), place, days=1)
    assert [(d.backup, d.keep) for d in retention.plan(target)] == [(mine, True)]


def test_without_a_policy_that_is_on_nothing_goes(target: Target, tovgov: Actor) -> None:
    for act in (retention.plan, lambda target: retention.apply(target, actor=tovgov)):
        with pytest.raises(NoPolicy):
            act(target)
    RetentionPolicyFactory(target=target, is_enabled=False)
    with pytest.raises(NoPolicy):
        retention.plan(target)


def test_what_a_job_reads_stays(target: Target, policy: RetentionPolicy, place: Destination) -> None:
    stored(target, place, days=1)
    restoring, verifying, free = (stored(target, place, days=days) for days in (2, 3, 4))
    RestoreFactory(backup=restoring, target=TargetFactory())
    VerificationFactory(backup=verifying, running=True)
    RestoreFactory(backup=free, done=True)
    keeps = {d.backup.pk: d.keep for d in retention.plan(target)}
    assert (keeps[restoring.pk], keeps[verifying.pk], keeps[free.pk]) == (True, True, False)


def test_the_safety_backup_of_a_recent_restore_stays(
    target: Target, policy: RetentionPolicy, place: Destination, settings: Any
) -> None:
    settings.TOVGOV_KEEP_FORMER_DAYS = 7
    stored(target, place, days=1)
    recent = stored(target, place, days=6, kind=BackupKind.BEFORE_RESTORE)
    past = stored(target, place, days=8, kind=BackupKind.BEFORE_RESTORE)
    keeps = {d.backup.pk: d.keep for d in retention.plan(target)}
    assert (keeps[recent.pk], keeps[past.pk]) == (True, False)


# --- doing it -----------------------------------------------------------------------------------------------------


def test_apply_removes_the_files_and_marks_the_backup(
    target: Target, policy: RetentionPolicy, place: Destination, manager: Actor
) -> None:
    new, old = stored(target, place, days=1), stored(target, place, days=2)
    [removal] = retention.apply(target, actor=manager)
    old.refresh_from_db()
    assert (removal.backup, removal.is_done) == (old, True)
    assert old.removed_at is not None
    assert old.removed_why == "no rule keeps it"
    assert [copy.state for copy in old.copies.all()] == [CopyState.REMOVED]
    assert files(place) == {new.name}
    entry = LedgerEntry.objects.get(action="retention.remove")
    assert (entry.actor, entry.object_label, entry.detail["why"]) == ("miriam", old.name, "no rule keeps it")
    assert retention.apply(target, actor=manager) == []


def test_who_may_not_is_refused_and_nothing_goes(
    target: Target, policy: RetentionPolicy, place: Destination, asker: Actor
) -> None:
    stored(target, place, days=1)
    old = stored(target, place, days=2)
    with pytest.raises(NotPermitted):
        retention.apply(target, actor=asker)
    assert old.name in files(place)


def test_a_held_backup_stays_until_it_is_released(
    target: Target, policy: RetentionPolicy, place: Destination, tovgov: Actor
) -> None:
    stored(target, place, days=1)
    old = stored(target, place, days=900)
    holds.hold(old, actor=tovgov, reason="the audit of June")
    assert retention.apply(target, actor=tovgov) == []
    holds.release(old, actor=tovgov, reason="it is over")
    assert [removal.backup for removal in retention.apply(target, actor=tovgov)] == [old]


def test_one_that_is_held_after_the_plan_was_made_stays(
    target: Target, policy: RetentionPolicy, place: Destination, tovgov: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(target, place, days=1)
    old = stored(target, place, days=2)
    planned = retention.plan(target)
    holds.hold(old, actor=tovgov, reason="wait")
    monkeypatch.setattr(retention, "plan", lambda target, now=None: planned)
    assert retention.apply(target, actor=tovgov) == []
    assert old.name in files(place)


def test_a_destination_that_is_away_keeps_the_backup_listed_and_raises_an_alarm(
    target: Target, policy: RetentionPolicy, place: Destination, tmp_path: Path, tovgov: Actor
) -> None:
    stored(target, place, days=1)
    old = stored(target, place, days=2)
    away = tmp_path / "away"
    Path(place.settings["folder"]).rename(away)
    [removal] = retention.apply(target, actor=tovgov)
    old.refresh_from_db()
    assert (removal.left, removal.is_done, old.removed_at) == (["folder"], False, None)
    assert Backup.objects.usable().filter(pk=old.pk).exists()
    alarm = Alert.objects.get()
    assert (alarm.kind, alarm.target) == ("retention.unreachable", target)
    assert "folder" in alarm.title
    assert actions() == ["retention.postpone"]
    away.rename(place.settings["folder"])
    assert [r.is_done for r in retention.apply(target, actor=tovgov)] == [True]
    alarm.refresh_from_db()
    assert alarm.resolved_at is not None


def test_of_two_copies_the_one_that_answers_goes(
    target: Target, policy: RetentionPolicy, place: Destination, tmp_path: Path, tovgov: Actor
) -> None:
    second = folder(tmp_path / "second", "second")
    stored(target, place, days=1)
    old = copied(stored(target, place, days=2), second)
    Path(second.settings["folder"]).rename(tmp_path / "away")
    [removal] = retention.apply(target, actor=tovgov)
    assert removal.left == ["second"]
    assert {copy.destination.name: copy.state for copy in old.copies.all()} == {
        "folder": CopyState.REMOVED,
        "second": CopyState.STORED,
    }


def test_what_a_process_that_died_left_behind_is_removed_the_next_time(
    target: Target, policy: RetentionPolicy, place: Destination, tovgov: Actor
) -> None:
    stored(target, place, days=1)
    old = stored(target, place, days=2)
    Backup.objects.filter(pk=old.pk).update(removed_at=timezone.now(), removed_why="no rule keeps it")
    assert retention.apply(target, actor=tovgov) == []
    assert old.name not in files(place)


# --- policies, and once a day -------------------------------------------------------------------------------------


def test_a_policy_is_set_and_changed_with_its_record(target: Target, manager: Actor) -> None:
    retention.set_policy(target, actor=manager, keep_last=3)
    policy = retention.set_policy(target, actor=manager, max_age_days=90, timezone="Europe/Berlin")
    assert (policy.keep_last, policy.keep_daily, policy.max_age_days) == (3, 7, 90)
    assert actions() == ["retention.set", "retention.set"]


def test_a_new_or_changed_policy_is_not_applied_before_a_day_has_passed(target: Target, manager: Actor) -> None:
    policy = retention.set_policy(target, actor=manager, keep_last=3)
    assert retention.start_due() == []
    assert retention.start_due(timezone.now() + timedelta(hours=24)) == [policy]
    RetentionPolicy.objects.update(applied_at=ago(days=3), changed_at=ago(days=9))
    retention.set_policy(target, actor=manager, keep_last=2)
    assert retention.start_due() == []
    assert retention.start_due(timezone.now() + timedelta(hours=24)) == [policy]


@pytest.mark.parametrize(
    "rules", [{"keep_last": 0}, {"keep_daily": -1}, {"keep_last": "many"}, {"keep_forever": 1}, {"max_bytes": -5}]
)
def test_a_policy_that_makes_no_sense_is_refused(target: Target, manager: Actor, rules: dict[str, Any]) -> None:
    with pytest.raises(RetentionInvalid):
        retention.set_policy(target, actor=manager, **rules)
    assert not RetentionPolicy.objects.exists()


def test_a_policy_of_an_unknown_time_zone_is_refused(target: Target, manager: Actor) -> None:
    with pytest.raises(ScheduleInvalid, match="no time zone"):
        retention.set_policy(target, actor=manager, timezone="Mars/Base")


def test_staff_make_no_policy(target: Target, asker: Actor) -> None:
    with pytest.raises(NotPermitted):
        retention.set_policy(target, actor=asker, keep_last=1)


def test_once_a_day_each_policy_is_applied(target: Target, policy: RetentionPolicy, place: Destination) -> None:
    stored(target, place, days=1)
    old = stored(target, place, days=2)
    now = timezone.now()
    assert retention.start_due(now) == [policy]
    assert retention.start_due(now + timedelta(hours=23)) == []
    message = OrmQ.objects.get().task
    assert (message["func"], message["args"]) == (retention.TASK, (policy.pk,))
    tasks.apply_retention(policy.pk)
    assert old.name not in files(place)
    assert retention.start_due(now + timedelta(hours=24)) == [policy]


def test_a_policy_that_is_off_is_not_applied(policy: RetentionPolicy) -> None:
    RetentionPolicy.objects.update(is_enabled=False)
    assert retention.start_due() == []
