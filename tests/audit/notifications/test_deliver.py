"""Messages: one a change and channel, in order, tried again with pauses, never twice."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import connections, transaction
from django.utils import timezone
from django_q.models import OrmQ

from audit import alerts, tasks
from audit.actors import Actor
from audit.alerts import outbox
from audit.models import Alert, Change, Delivery, DeliveryState, NotificationChannel, Severity
from audit.notifications import channels, deliver
from tests.audit.notifications.places import Hook, webhook
from tests.factories import TargetFactory

pytestmark = pytest.mark.django_db


def ring(actor: Actor, severity: Severity = Severity.WARNING, title: str = "No backup", **facts: object) -> Alert:
    return alerts.alert("backup.missed", fingerprint="x", title=title, severity=severity, actor=actor, **facts)  # type: ignore[arg-type]


def over(actor: Actor) -> None:
    assert alerts.resolve("backup.missed", fingerprint="x", actor=actor)


def let_time_pass(**much: float) -> None:
    """As if the pauses were over."""
    for row in Delivery.objects.all():
        Delivery.objects.filter(pk=row.pk).update(next_at=row.next_at - timedelta(**much))


def states() -> list[str]:
    return list(Delivery.objects.order_by("id").values_list("state", flat=True))


def test_each_change_is_told_once(channel: NotificationChannel, hook: Hook, tovgov: Actor) -> None:
    target = TargetFactory(name="Club")
    ring(tovgov, target=target)
    ring(tovgov, target=target)
    ring(tovgov, Severity.CRITICAL, target=target)
    ring(tovgov, Severity.CRITICAL, target=target)
    over(tovgov)
    ring(tovgov, target=target)
    assert deliver.send_due() == 4
    assert deliver.send_due() == 0
    assert hook.titles == [
        "[Warning] No backup", "[Worse] No backup", "[Resolved] No backup", "[Back again] No backup",
    ]  # fmt: skip
    assert "Target: Club (Staging)" in hook.taken[0]["message"]


def test_what_is_rolled_back_is_not_told(channel: NotificationChannel, hook: Hook, tovgov: Actor) -> None:
    with transaction.atomic():
        ring(tovgov)
        transaction.set_rollback(True)
    assert deliver.send_due() == 0
    assert hook.taken == []


def test_below_the_channels_severity_nothing_is_told(hook: Hook, manager: Actor, tovgov: Actor) -> None:
    channels.add("Loud ones", hook.url, minimum_severity="critical", actor=manager)
    ring(tovgov)
    assert deliver.send_due() == 0
    ring(tovgov, Severity.CRITICAL)
    over(tovgov)
    deliver.send_due()
    assert hook.titles == ["[Worse] No backup", "[Resolved] No backup"]


def test_an_end_is_told_only_to_who_knows_of_the_beginning(hook: Hook, manager: Actor, tovgov: Actor) -> None:
    channels.add("Loud ones", hook.url, minimum_severity="critical", actor=manager)
    ring(tovgov)
    over(tovgov)
    assert Delivery.objects.count() == 0


def test_other_targets_are_not_told(channel: NotificationChannel, manager: Actor, tovgov: Actor) -> None:
    club, shop = TargetFactory(), TargetFactory()
    channels.change(channel, actor=manager, targets=[club, TargetFactory()])
    ring(tovgov, target=shop)
    alerts.alert("k", fingerprint="none", title="Concerns no target", actor=tovgov)
    assert Delivery.objects.count() == 0
    alerts.alert("k", fingerprint="club", title="Concerns the club", target=club, actor=tovgov)
    assert Delivery.objects.count() == 1


def test_a_channel_not_in_use_is_told_nothing(
    channel: NotificationChannel, hook: Hook, manager: Actor, tovgov: Actor
) -> None:
    ring(tovgov)
    channels.change(channel, actor=manager, is_active=False)
    over(tovgov)
    deliver.send_due()
    assert hook.taken == []
    assert states() == [DeliveryState.DROPPED]


# --- silence ---------------------------------------------------------------------------------------------------------


def test_a_silenced_alert_is_counted_and_not_told(
    channel: NotificationChannel, hook: Hook, asker: Actor, tovgov: Actor
) -> None:
    row = ring(tovgov)
    alerts.silence(row, until=timezone.now() + timedelta(hours=1), reason="We know.", actor=asker)
    ring(tovgov, Severity.CRITICAL)
    row.refresh_from_db()
    assert (row.times, row.severity) == (2, Severity.CRITICAL)
    over(tovgov)
    again = ring(tovgov)
    assert again.is_silent()
    deliver.send_due()
    assert hook.taken == []


def test_what_is_still_open_after_its_silence_is_told(
    channel: NotificationChannel, hook: Hook, asker: Actor, tovgov: Actor
) -> None:
    row = ring(tovgov)
    alerts.silence(row, until=timezone.now() + timedelta(hours=1), reason="We know.", actor=asker)
    assert alerts.end_silences() == 0
    Alert.objects.update(silenced_until=timezone.now())
    deliver.tend()
    deliver.tend()
    deliver.send_due()
    assert hook.titles == ["[Still open after its silence] No backup"]


# --- quiet hours -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-03-12T20:30", "2026-03-13T05:00"),  # 22:30 in Jerusalem, until 7:00 there
        ("2026-03-12T04:59", "2026-03-12T05:00"),
        ("2026-03-12T05:00", None),
        ("2026-03-12T19:59", None),
    ],
)
def test_quiet_hours_follow_the_clock_of_their_place(now: str, end: str | None) -> None:
    row = NotificationChannel(quiet_from=time(22), quiet_until=time(7), quiet_zone="Asia/Jerusalem")
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    expected = datetime.fromisoformat(end).replace(tzinfo=UTC) if end else None
    assert outbox.quiet_end(row, Severity.WARNING, at) == expected
    assert outbox.quiet_end(row, Severity.CRITICAL, at) is None


def quiet_now(channel: NotificationChannel, manager: Actor) -> None:
    now = timezone.now()
    begins, ends = (now - timedelta(hours=2)).time(), (now + timedelta(hours=2)).time()
    channels.change(channel, actor=manager, quiet_from=begins, quiet_until=ends)


def test_what_began_and_ended_in_quiet_hours_wakes_nobody(
    channel: NotificationChannel, hook: Hook, manager: Actor, tovgov: Actor
) -> None:
    quiet_now(channel, manager)
    ring(tovgov)
    assert deliver.send_due() == 0
    over(tovgov)
    let_time_pass(days=1)
    assert deliver.send_due() == 0
    assert states() == [DeliveryState.DROPPED]


def test_what_is_still_open_is_told_when_quiet_ends(
    channel: NotificationChannel, hook: Hook, manager: Actor, tovgov: Actor
) -> None:
    quiet_now(channel, manager)
    ring(tovgov)
    let_time_pass(days=1)
    assert deliver.send_due() == 1


def test_what_is_critical_breaks_the_quiet(
    channel: NotificationChannel, hook: Hook, manager: Actor, tovgov: Actor
) -> None:
    quiet_now(channel, manager)
    ring(tovgov, Severity.CRITICAL)
    assert deliver.send_due() == 1


# --- trouble ---------------------------------------------------------------------------------------------------------


def test_it_is_tried_again_after_a_pause_and_arrives_once(
    channel: NotificationChannel, hook: Hook, tovgov: Actor
) -> None:
    hook.status = 500
    ring(tovgov)
    deliver.send_due()
    row = Delivery.objects.get()
    assert (row.state, row.attempts) == (DeliveryState.WAITING, 1)
    assert "fault just now" in row.error
    assert "sekrit-token" not in row.error
    assert deliver.send_due() == 0
    assert hook.asked == 1
    hook.status = 200
    let_time_pass(seconds=deliver.PAUSES[0])
    assert deliver.send_due() == 1
    let_time_pass(days=1)
    assert deliver.send_due() == 0
    assert len(hook.taken) == 1


def test_an_end_waits_for_its_beginning(channel: NotificationChannel, hook: Hook, tovgov: Actor) -> None:
    hook.status = 500
    ring(tovgov)
    deliver.send_due()
    over(tovgov)
    hook.status = 200
    assert deliver.send_due() == 0
    let_time_pass(seconds=deliver.PAUSES[0])
    assert deliver.send_due() == 2
    assert hook.titles == ["[Warning] No backup", "[Resolved] No backup"]


def test_after_the_last_attempt_the_other_channels_are_told(
    channel: NotificationChannel, hook: Hook, manager: Actor, tovgov: Actor
) -> None:
    hook.status = 404
    with webhook() as other:
        channels.add("Other", other.url, minimum_severity="critical", actor=manager)
        ring(tovgov)
        for _ in range(len(deliver.PAUSES) + 1):
            deliver.send_due()
            let_time_pass(days=1)
    row = Delivery.objects.filter(alert__kind="backup.missed").get()
    assert (row.state, row.attempts) == (DeliveryState.FAILED, len(deliver.PAUSES) + 1)
    about = Alert.objects.get(kind=outbox.CANNOT_SEND)
    assert "Night watch" in about.title
    assert other.titles == [f"[Critical] {about.title}"]


def test_one_whose_worker_died_is_not_sent_again(channel: NotificationChannel, hook: Hook, tovgov: Actor) -> None:
    ring(tovgov)
    long_ago = timezone.now() - timedelta(minutes=5)
    Delivery.objects.update(state=DeliveryState.SENDING, claimed_at=long_ago, attempts=1)
    deliver.tend()
    assert states() == [DeliveryState.UNSURE]
    assert deliver.send_due() == 0
    assert hook.taken == []


def test_one_that_is_being_sent_is_left_alone(channel: NotificationChannel, tovgov: Actor) -> None:
    ring(tovgov)
    Delivery.objects.update(state=DeliveryState.SENDING, claimed_at=timezone.now(), attempts=1)
    assert deliver.settle() == 0


@pytest.mark.django_db(transaction=True)
def test_many_workers_send_each_message_once(channel: NotificationChannel, hook: Hook, tovgov: Actor) -> None:
    for number in range(12):
        alerts.alert("k", fingerprint=str(number), title=f"Number {number}", actor=tovgov)

    def work() -> None:
        try:
            deliver.send_due()
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(hook.titles) == sorted(f"[Warning] Number {number}" for number in range(12))


# --- who sends -------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_change_wakes_a_worker_and_sends_nothing_itself(
    channel: NotificationChannel, hook: Hook, tovgov: Actor
) -> None:
    ring(tovgov)
    assert hook.taken == []
    assert [task.func() for task in OrmQ.objects.all()] == [outbox.TASK]
    tasks.send_notifications()
    assert len(hook.taken) == 1


@pytest.mark.django_db(transaction=True)
def test_without_a_channel_no_worker_is_woken(tovgov: Actor) -> None:
    ring(tovgov)
    assert not OrmQ.objects.exists()


def test_the_minute_wakes_a_worker_for_what_waits(channel: NotificationChannel, tovgov: Actor) -> None:
    deliver.tend()
    assert not OrmQ.objects.exists()
    ring(tovgov)
    deliver.tend()
    assert OrmQ.objects.count() == 1


def test_the_title_of_each_change_fits() -> None:
    for change in Change:
        assert len(outbox._title(Alert(title="x" * 255), change)) <= 255
