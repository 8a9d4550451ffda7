"""Reminders: one mail a person a day, told once for each reason, tried again, and given up aloud. The mail server is
a real one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from audit import action_items, tasks
from audit.action_items import reminders
from audit.actors import Actor
from audit.exceptions import NotPermitted
from audit.models import ActionItem, ActionReminder, Alert, ReminderState
from tests.audit.notifications.places import Mailbox, mailbox
from tests.cast import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def mails(settings: object) -> Iterator[Mailbox]:
    """The mail server that Django's settings name."""
    with mailbox() as there:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"  # type: ignore[attr-defined]
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", there.port  # type: ignore[attr-defined]
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""  # type: ignore[attr-defined]
        settings.TOVGOV_URL = "https://tovgov.example.org"  # type: ignore[attr-defined]
        yield there


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What workers were woken for."""
    found: list[str] = []
    monkeypatch.setattr(reminders, "async_task", found.append)
    return found


def owed(actor: Actor, owner: User | None, days: int, title: str = "Take DROP away") -> ActionItem:
    return action_items.add(title, owner=owner, due_on=timezone.localdate() + timedelta(days=days), actor=actor)


def another_day(days: int) -> None:
    """As if so many days had gone by since the last mail."""
    for row in ActionReminder.objects.all():
        ActionReminder.objects.filter(pk=row.pk).update(day=row.day - timedelta(days=days))
    for item in ActionItem.objects.exclude(overdue_told_on=None):
        ActionItem.objects.filter(pk=item.pk).update(overdue_told_on=_earlier(item.overdue_told_on, days))


def _earlier(day: date | None, days: int) -> date:
    assert day is not None
    return day - timedelta(days=days)


def remind() -> int:
    reminders.note_today()
    return reminders.send_due()


def text(mail: object) -> str:
    return str(mail.get_content())  # type: ignore[attr-defined]


def test_an_owner_is_told_of_all_in_one_mail(mails: Mailbox, asker: Actor, cast: Cast) -> None:
    late, soon = owed(asker, cast.bob, -2, "Take DROP away"), owed(asker, cast.bob, 3, "Test the alarm")
    owed(asker, cast.bob, 4, "Far away")
    assert remind() == 1
    (mail,) = mails.mails
    assert mail["To"] == "bob@example.org"
    assert mail["Subject"] == "tovgov: action items, 1 overdue, 1 due soon"
    said = text(mail)
    assert f"{late.due_on}  Take DROP away" in said
    assert f"{soon.due_on}  Test the alarm" in said
    assert "Far away" not in said
    assert "https://tovgov.example.org/admin/audit/actionitem/" in said
    row = ActionReminder.objects.get()
    assert (row.state, row.overdue, row.soon, row.attempts) == (ReminderState.SENT, 1, 1, 1)


def test_each_owner_is_told_of_their_own(mails: Mailbox, asker: Actor, cast: Cast) -> None:
    owed(asker, cast.bob, 0, "Bob's")
    owed(asker, cast.alice, -1, "Alice's")
    assert remind() == 2
    told = {mail["To"]: text(mail) for mail in mails.mails}
    assert "Bob's" in told["bob@example.org"]
    assert "Bob's" not in told["alice@example.org"]


def test_there_is_never_a_second_mail_on_one_day(mails: Mailbox, asker: Actor, cast: Cast) -> None:
    owed(asker, cast.bob, -1)
    remind()
    owed(asker, cast.bob, -1, "Another that is late")
    for _ in range(3):
        assert remind() == 0
    assert len(mails.mails) == 1


def test_what_is_due_soon_is_told_once_and_again_for_another_day(mails: Mailbox, asker: Actor, cast: Cast) -> None:
    row = owed(asker, cast.bob, 3)
    remind()
    another_day(1)
    assert remind() == 0
    row.refresh_from_db()
    action_items.change(row, version=row.version, due_on=timezone.localdate() + timedelta(days=1), actor=asker)
    assert remind() == 1


def test_what_is_overdue_is_told_again_after_a_week(mails: Mailbox, asker: Actor, cast: Cast) -> None:
    owed(asker, cast.bob, -20)
    assert remind() == 1
    another_day(reminders.AGAIN_DAYS - 1)
    assert remind() == 0
    another_day(1)
    assert remind() == 1


def test_what_is_done_dropped_or_nobodys_is_not_told(mails: Mailbox, asker: Actor, cast: Cast) -> None:
    action_items.finish(owed(asker, cast.bob, -1), actor=asker)
    action_items.drop(owed(asker, cast.bob, -1), actor=asker, reason="Not needed.")
    owed(asker, None, -1)
    assert remind() == 0
    assert not ActionReminder.objects.exists()


def test_who_left_or_has_no_address_is_not_told(mails: Mailbox, asker: Actor, cast: Cast) -> None:
    owed(asker, cast.bob, -1)
    owed(asker, cast.alice, -1)
    User.objects.filter(pk=cast.bob.pk).update(is_active=False)
    User.objects.filter(pk=cast.alice.pk).update(email="")
    assert remind() == 0
    assert mails.mails == []


def test_what_was_done_meanwhile_is_not_told(mails: Mailbox, asker: Actor, cast: Cast) -> None:
    row = owed(asker, cast.bob, -1)
    reminders.note_today()
    action_items.finish(row, actor=asker)
    assert reminders.send_due() == 0
    assert ActionReminder.objects.get().state == ReminderState.DROPPED


def test_yesterdays_mail_is_not_sent_today(mails: Mailbox, asker: Actor, cast: Cast) -> None:
    owed(asker, cast.bob, -1)
    reminders.note_today()
    another_day(1)
    assert remind() == 1
    assert sorted(ActionReminder.objects.values_list("state", flat=True)) == ["dropped", "sent"]
    assert len(mails.mails) == 1


def test_a_title_of_any_kind_stays_in_its_line(mails: Mailbox, asker: Actor, cast: Cast) -> None:
    owed(asker, cast.bob, -1, "Bcc: everybody@example.org <script>alert(1)</script> ✓")
    remind()
    (mail,) = mails.mails
    assert mail["Bcc"] is None
    assert "<script>alert(1)</script> ✓" in text(mail)


# --- trouble ----------------------------------------------------------------------------------------------------------


def test_a_mail_that_is_not_taken_is_tried_again_after_a_pause(mails: Mailbox, asker: Actor, cast: Cast) -> None:
    owed(asker, cast.bob, -1)
    mails.refuses = "451 Try again later"
    assert remind() == 0
    row = ActionReminder.objects.get()
    assert (row.state, row.attempts) == (ReminderState.WAITING, 1)
    assert row.error == "The mail server refused the owner's address."
    assert row.next_at > timezone.now()
    mails.refuses = ""
    assert reminders.send_due() == 0  # its pause is not over
    ActionReminder.objects.update(next_at=timezone.now())
    assert reminders.send_due() == 1


def test_no_mail_server_is_said_aloud_when_the_days_attempts_are_over(
    mails: Mailbox, settings: object, asker: Actor, cast: Cast
) -> None:
    owed(asker, cast.bob, -1)
    good, settings.EMAIL_PORT = settings.EMAIL_PORT, 1  # type: ignore[attr-defined]
    reminders.note_today()
    for _ in range(len(reminders.PAUSES) + 1):
        assert reminders.send_due() == 0
        ActionReminder.objects.update(next_at=timezone.now())
    assert ActionReminder.objects.get().state == ReminderState.FAILED
    assert reminders.send_due() == 0
    alert = Alert.objects.get(kind=reminders.CANNOT_SEND)
    assert "ConnectionRefusedError" in alert.title
    assert alert.is_open
    settings.EMAIL_PORT = good  # type: ignore[attr-defined]
    another_day(1)
    assert remind() == 1
    alert.refresh_from_db()
    assert not alert.is_open


def test_a_mail_whose_worker_died_is_not_repeated(mails: Mailbox, asker: Actor, cast: Cast) -> None:
    owed(asker, cast.bob, -1)
    reminders.note_today()
    ActionReminder.objects.update(state="sending", claimed_at=timezone.now() - timedelta(hours=1), attempts=1)
    assert reminders.settle() == 1
    assert reminders.send_due() == 0
    assert ActionReminder.objects.get().state == ReminderState.UNSURE
    assert mails.mails == []


def test_what_another_worker_holds_is_left_to_it(mails: Mailbox, asker: Actor, cast: Cast) -> None:
    owed(asker, cast.bob, -1)
    reminders.note_today()
    ActionReminder.objects.update(state="sending", claimed_at=timezone.now(), attempts=1)
    assert reminders.settle() == 0
    assert reminders.send_due() == 0


# --- the clock --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hour", "told"), [(reminders.FROM_HOUR - 1, 0), (reminders.FROM_HOUR, 1)])
def test_a_worker_is_woken_from_the_morning_on(
    asker: Actor, cast: Cast, woken: list[str], monkeypatch: pytest.MonkeyPatch, hour: int, told: int
) -> None:
    owed(asker, cast.bob, -1)
    moment = timezone.localtime().replace(hour=hour)
    monkeypatch.setattr(timezone, "localtime", lambda *args: moment)
    reminders.tend()
    assert ActionReminder.objects.count() == told
    assert woken == [reminders.TASK] * told


def test_with_nothing_due_nobody_is_woken(woken: list[str], asker: Actor, cast: Cast) -> None:
    owed(asker, cast.bob, 30)
    reminders.tend()
    assert woken == []


def test_the_task_sends(mails: Mailbox, asker: Actor, cast: Cast) -> None:
    owed(asker, cast.bob, -1)
    reminders.note_today()
    tasks.send_reminders()
    assert len(mails.mails) == 1


def test_a_person_sends_at_any_hour_and_an_auditor_does_not(
    mails: Mailbox, asker: Actor, auditor: Actor, cast: Cast
) -> None:
    owed(asker, cast.bob, -1)
    with pytest.raises(NotPermitted):
        reminders.remind_now(actor=auditor)
    assert reminders.remind_now(actor=asker) == 1
    assert reminders.remind_now(actor=asker) == 0
