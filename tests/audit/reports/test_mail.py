"""Reports by mail: when, of which period, to whom, through a real mail server."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from django.utils import timezone

from audit import tasks
from audit.actors import Actor
from audit.exceptions import NotPermitted, RecipientRefused, ReportScheduleInvalid, ReportScheduleOff, TovgovError
from audit.models import Alert, Export, LedgerEntry, ReportMail, ReportSchedule
from audit.reports import calendar, mail, schedules
from tests.audit.admin.test_acts import signed_in
from tests.audit.notifications.places import Mailbox, mailbox
from tests.audit.reports.conftest import Month
from tests.audit.test_reviews_command import run as command
from tests.cast import Cast

pytestmark = pytest.mark.django_db(transaction=True)

MONDAY = datetime(2026, 3, 16, 7, 0, tzinfo=UTC)


@pytest.fixture
def mails(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """A mail server that listens, and tovgov set to it."""
    monkeypatch.setattr(mail, "async_task", lambda *given, **more: None)
    with mailbox() as there:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", there.port
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        yield there


def weekly(cast: Cast, *, actor: str = "miriam", **more: Any) -> ReportSchedule:
    """Deletes, each Monday at 06:00 UTC, to Charlie."""
    facts = {"name": "Deletes of the week", "report": "deletes", "format": "csv", "rhythm": "weekly", "at": time(6),
             "weekday": 0, "recipients": [cast.charlie]} | more  # fmt: skip
    row = schedules.add(actor=cast.actor(actor), **facts)
    return _due(row, datetime(2026, 3, 16, 6, tzinfo=UTC))


def _due(row: ReportSchedule, at: datetime) -> ReportSchedule:
    """Set it back to the day on which its first mail was due."""
    row.next_at, row.covered_until = at, calendar.begins(row, at)
    row.save()
    return row


def run(now: datetime = MONDAY) -> int:
    """One minute of the workers; how many mails were taken."""
    for export in schedules.start_due(now):
        tasks.run_export(export.pk)
    mail.tend()
    return mail.send_due()


def attached(message: EmailMessage) -> bytes:
    (part,) = message.iter_attachments()
    data = part.get_payload(decode=True)
    assert isinstance(data, bytes)
    return data


def test_a_report_arrives_with_its_period_and_its_file(month: Month, cast: Cast, mails: Mailbox) -> None:
    weekly(cast)
    assert run() == 1
    (message,) = mails.mails
    assert message["To"] == "charlie@example.org"
    assert message["Subject"] == "tovgov: Deletes of the week, 2026-03-09 to 2026-03-15"
    body = message.get_body(("plain",))
    assert body is not None
    assert "Period: from 2026-03-09 00:00 to before 2026-03-16 00:00, UTC." in body.get_content()
    data = attached(message)
    assert b"Club,public.User,clerk,dan,200" in data
    row = ReportMail.objects.get()
    assert (row.state, row.export.sha256) == ("sent", hashlib.sha256(data).hexdigest())
    entry = LedgerEntry.objects.get(action="report.mailed")
    assert (entry.detail["to"], entry.detail["sha256"]) == ("charlie@example.org", row.export.sha256)
    assert run() == 0, "once"
    assert len(mails.mails) == 1


def test_two_workers_start_it_once(month: Month, cast: Cast, mails: Mailbox) -> None:
    weekly(cast)
    stale = ReportSchedule.objects.get()
    assert schedules._start(ReportSchedule.objects.get(), MONDAY) is not None
    assert schedules._start(stale, MONDAY) is None
    assert Export.objects.count() == 1


def test_after_an_outage_one_mail_is_for_all(month: Month, cast: Cast, mails: Mailbox) -> None:
    weekly(cast, rhythm="daily")
    assert run(MONDAY + timedelta(days=5)) == 1
    (message,) = mails.mails
    body = message.get_body(("plain",))
    assert body is not None
    assert "from 2026-03-15 00:00 to before 2026-03-21 00:00" in body.get_content()
    assert "5 mails before this one were not sent" in body.get_content()
    row = ReportSchedule.objects.get()
    assert row.next_at == datetime(2026, 3, 22, 6, tzinfo=UTC)
    assert run(MONDAY + timedelta(days=6)) == 1
    assert mails.mails[1]["Subject"].endswith(", 2026-03-21"), "and the next goes on where it ended"


def test_a_mail_server_that_refuses_is_tried_again_and_told(month: Month, cast: Cast, mails: Mailbox) -> None:
    weekly(cast)
    mails.refuses = "451 come back later"
    assert run() == 0
    row = ReportMail.objects.get()
    assert (row.state, row.attempts) == ("waiting", 1)
    assert row.next_at > timezone.now()
    assert "come back later" in row.error
    for _ in range(2):
        ReportMail.objects.update(next_at=timezone.now())
        assert mail.send_due() == 0
    assert Alert.objects.filter(kind="report.not_sent", resolved_at=None).count() == 1
    mails.refuses = ""
    ReportMail.objects.update(next_at=timezone.now())
    assert mail.send_due() == 1
    assert len(mails.mails) == 1
    assert not Alert.objects.filter(kind="report.not_sent", resolved_at=None).exists()


def test_it_is_given_up_after_the_last_pause(month: Month, cast: Cast, mails: Mailbox) -> None:
    weekly(cast)
    mails.refuses = "550 nobody here"
    run()
    ReportMail.objects.update(attempts=len(mail.PAUSES), next_at=timezone.now())
    assert mail.send_due() == 0
    assert ReportMail.objects.get().state == "failed"


def test_a_large_file_is_named_not_attached(month: Month, cast: Cast, mails: Mailbox, settings: Any) -> None:
    settings.TOVGOV_REPORT_MAIL_MB, settings.TOVGOV_URL = 0, "https://tovgov.example.org"
    weekly(cast)
    assert run() == 1
    (message,) = mails.mails
    assert list(message.iter_attachments()) == []
    body = message.get_body(("plain",))
    assert body is not None
    assert f"https://tovgov.example.org/admin/audit/export/{Export.objects.get().pk}/change/" in body.get_content()


def test_who_may_see_it_no_more_gets_none(month: Month, cast: Cast, mails: Mailbox) -> None:
    weekly(cast, recipients=[cast.charlie, cast.alice])
    cast.charlie.groups.clear()
    assert run() == 1
    assert [message["To"] for message in mails.mails] == ["alice@example.org"]
    entry = LedgerEntry.objects.get(action="report.not_mailed")
    assert entry.detail["user"] == "charlie"


def test_who_may_see_it_no_more_in_the_last_moment_gets_none(month: Month, cast: Cast, mails: Mailbox) -> None:
    weekly(cast)
    for export in schedules.start_due(MONDAY):
        tasks.run_export(export.pk)
    cast.charlie.is_active = False
    cast.charlie.save()
    assert mail.send_due() == 0
    row = ReportMail.objects.get()
    assert (row.state, row.error) == ("dropped", "the user is locked out.")
    assert mails.mails == []


def test_a_mail_whose_worker_died_is_not_repeated(month: Month, cast: Cast, mails: Mailbox) -> None:
    weekly(cast)
    for export in schedules.start_due(MONDAY):
        tasks.run_export(export.pk)
    ReportMail.objects.update(state="sending", claimed_at=timezone.now() - timedelta(hours=1))
    mail.tend()
    assert mail.send_due() == 0
    assert ReportMail.objects.get().state == "unsure"


def test_a_report_that_was_not_made_is_told(month: Month, cast: Cast, mails: Mailbox) -> None:
    weekly(cast)
    (export,) = schedules.start_due(MONDAY)
    Export.objects.filter(pk=export.pk).update(
        state="failed", finished_at=timezone.now(), error_code="export.folder_unusable", error="The disk is full."
    )
    mail.tend()
    assert (ReportMail.objects.get().state, Alert.objects.get(kind="report.not_sent").severity) == ("failed", "warning")


# --- sent now ---------------------------------------------------------------------------------------------------------


def test_one_is_sent_now_of_the_period_that_is_over(month: Month, cast: Cast, mails: Mailbox) -> None:
    row = weekly(cast, query="role=clerk")
    last = calendar.due_before(row, timezone.now())
    export = schedules.send_now(row, actor=cast.actor("alice"), reason="The board asks.")
    tasks.run_export(export.pk)
    assert mail.send_due() == 1
    (message,) = mails.mails
    assert message["To"] == "charlie@example.org"
    told = ReportMail.objects.get()
    assert (told.state, told.missed, told.export.asked_name) == ("sent", 0, "alice")
    assert (told.period_start, told.period_end) == (calendar.begins(row, last), calendar.ends(row, last))
    asked, sent = (LedgerEntry.objects.get(action=f"report.{act}") for act in ("send_now", "mailed"))
    assert (asked.actor, asked.reason, asked.object_id) == ("alice", "The board asks.", str(row.pk))
    assert sent.detail["sha256"] == told.export.sha256


def test_what_the_schedule_owes_stays_as_it_was(month: Month, cast: Cast, mails: Mailbox) -> None:
    row = weekly(cast)
    owed = row.next_at, row.covered_until
    schedules.send_now(row, actor=cast.actor("miriam"))
    assert (row.next_at, row.covered_until) == owed
    assert run() == 1, "the schedule's own; the other has no file yet"
    assert mails.mails[0]["Subject"] == "tovgov: Deletes of the week, 2026-03-09 to 2026-03-15"


def test_what_is_sent_now_and_not_taken_is_tried_again_and_told(month: Month, cast: Cast, mails: Mailbox) -> None:
    row = weekly(cast)
    mails.refuses = "451 come back later"
    tasks.run_export(schedules.send_now(row, actor=cast.actor("miriam")).pk)
    for _ in range(3):
        ReportMail.objects.update(next_at=timezone.now())
        assert mail.send_due() == 0
    assert ReportMail.objects.get().state == "waiting"
    assert Alert.objects.filter(kind="report.not_sent", resolved_at=None).count() == 1
    mails.refuses = ""
    ReportMail.objects.update(next_at=timezone.now())
    assert mail.send_due() == 1
    assert not Alert.objects.filter(kind="report.not_sent", resolved_at=None).exists()


@pytest.mark.parametrize("name", ["charlie", "bob"])
def test_who_may_not_change_it_does_not_send_it_now(cast: Cast, name: str) -> None:
    row = weekly(cast)
    with pytest.raises(NotPermitted):
        schedules.send_now(row, actor=cast.actor(name))
    client = signed_in(getattr(cast, name))
    assert client.post(f"/admin/audit/reportschedule/act/send-now/?ids={row.pk}", {}).status_code == 403
    assert not Export.objects.exists()


def test_who_may_not_export_the_report_does_not_send_it_now(cast: Cast) -> None:
    row = weekly(cast, report="access-tovgov")
    with pytest.raises(NotPermitted, match="review_access"):
        schedules.send_now(row, actor=cast.actor("alice"))


def test_what_is_turned_off_is_not_sent_now(cast: Cast, manager: Actor) -> None:
    row = weekly(cast)
    schedules.change(row, actor=manager, is_active=False)
    with pytest.raises(ReportScheduleOff):
        schedules.send_now(row, actor=manager)
    assert not Export.objects.exists()


def test_nobody_left_to_be_sent_it_is_refused_and_leaves_nothing(cast: Cast, manager: Actor) -> None:
    row = weekly(cast)
    cast.charlie.groups.clear()
    with pytest.raises(RecipientRefused):
        schedules.send_now(row, actor=manager)
    assert not Export.objects.exists()
    assert not LedgerEntry.objects.filter(action="report.send_now").exists()


def test_on_its_page_it_is_sent_now(month: Month, cast: Cast, mails: Mailbox) -> None:
    row = weekly(cast)
    client = signed_in(cast.miriam)
    url = f"/admin/audit/reportschedule/act/send-now/?ids={row.pk}"
    assert url in client.get(f"/admin/audit/reportschedule/{row.pk}/change/").content.decode()
    assert "mailed to charlie" in client.get(url).content.decode()
    assert client.post(url, {"reason": ""}).status_code == 302
    tasks.run_export(Export.objects.get().pk)
    assert mail.send_due() == 1


def test_on_the_command_line_it_is_sent_now(
    month: Month, cast: Cast, mails: Mailbox, capsys: pytest.CaptureFixture[str]
) -> None:
    row = weekly(cast)
    told = command(capsys, "reports", "send", row.name, "--as", "alice")
    assert (told["state"], told["mails"]) == ("succeeded", [
        {"address": "charlie@example.org", "state": "sent", "error": ""},
    ])  # fmt: skip
    assert len(mails.mails) == 1
    mails.refuses = "451 come back later"
    told = command(capsys, "reports", "send", row.pk, "--as", "alice")
    assert [(one["state"], "come back later" in one["error"]) for one in told["mails"]] == [("waiting", True)]
    unknown = command(capsys, "reports", "send", "Nothing", "--as", "alice", status=2)
    assert unknown["error"]["code"] == "report.schedule_unknown"


# --- who may keep them -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["charlie", "bob"])
def test_auditors_and_approvers_have_nothing_sent(cast: Cast, name: str) -> None:
    with pytest.raises(NotPermitted):
        weekly(cast, actor=name)


def test_staff_sends_to_users_alone(cast: Cast) -> None:
    weekly(cast, actor="alice")
    with pytest.raises(NotPermitted, match="allow_address"):
        weekly(cast, actor="alice", name="Another", addresses=["board@example.org"])
    row = weekly(cast, name="A third", addresses=["board@example.org"])
    assert schedules.change(row, actor=cast.actor("alice"), is_active=False).addresses == ["board@example.org"]


def test_who_may_not_see_a_report_cannot_have_it_sent(cast: Cast) -> None:
    with pytest.raises(NotPermitted, match="review_access"):
        weekly(cast, actor="alice", report="access-tovgov")


@pytest.mark.parametrize(
    ("who", "report", "says"), [("bob", "deletes", "may not see and export"), ("alice", "access-tovgov", "may not see")]
)
def test_a_recipient_who_may_not_see_it_is_refused(cast: Cast, who: str, report: str, says: str) -> None:
    with pytest.raises(RecipientRefused, match=says):
        weekly(cast, report=report, recipients=[getattr(cast, who)])


def test_a_recipient_without_an_address_is_refused(cast: Cast) -> None:
    cast.charlie.email = ""
    cast.charlie.save()
    with pytest.raises(RecipientRefused, match="no mail address"):
        weekly(cast)


@pytest.mark.parametrize(
    "more",
    [
        {"recipients": []}, {"zone": "Mars"}, {"format": "proof"}, {"day": 31}, {"weekday": 9}, {"name": ""},
        {"addresses": ["no address"]}, {"report": "salaries"}, {"query": "target=424242"}, {"rhythm": "hourly"},
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_words(cast: Cast, more: dict[str, Any]) -> None:
    with pytest.raises(TovgovError):
        weekly(cast, **more)
    assert not ReportSchedule.objects.exists()


def test_a_name_is_given_once(cast: Cast) -> None:
    weekly(cast)
    with pytest.raises(ReportScheduleInvalid, match="already"):
        weekly(cast)


def test_turned_on_again_it_owes_nothing(cast: Cast, manager: Actor) -> None:
    row = weekly(cast, rhythm="daily")
    schedules.change(row, actor=manager, is_active=False)
    assert schedules.start_due() == []
    schedules.change(row, actor=manager, is_active=True)
    assert row.next_at is not None
    assert row.next_at > timezone.now()
    assert calendar.ends(row, row.next_at) - row.covered_until == timedelta(days=1)


# --- the calendar ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "after", "due"),
    [
        ({"rhythm": "daily", "zone": "UTC"}, "2026-03-12T05:59:00+00:00", "2026-03-12T06:00:00+00:00"),
        ({"rhythm": "daily", "zone": "UTC"}, "2026-03-12T06:00:00+00:00", "2026-03-13T06:00:00+00:00"),
        ({"rhythm": "weekly", "weekday": 6, "zone": "UTC"}, "2026-03-12T06:00:00+00:00", "2026-03-15T06:00:00+00:00"),
        ({"rhythm": "monthly", "day": 28, "zone": "UTC"}, "2026-02-28T07:00:00+00:00", "2026-03-28T06:00:00+00:00"),
        ({"rhythm": "daily", "zone": "Asia/Jerusalem"}, "2026-03-26T23:00:00+00:00", "2026-03-27T03:00:00+00:00"),
        # 27 March 2026 the clocks of Jerusalem skip 02:00 to 03:00; 25 October they show 01:00 to 02:00 twice
        ({"rhythm": "daily", "zone": "Asia/Jerusalem", "at": time(2, 30)}, "2026-03-26T12:00:00+00:00",
         "2026-03-27T00:30:00+00:00"),
        ({"rhythm": "daily", "zone": "Asia/Jerusalem", "at": time(1, 30)}, "2026-10-24T12:00:00+00:00",
         "2026-10-24T22:30:00+00:00"),
        ({"rhythm": "daily", "zone": "Pacific/Auckland"}, "2026-03-12T06:00:00+00:00", "2026-03-12T17:00:00+00:00"),
    ],
)  # fmt: skip
def test_it_is_due_on_the_clocks_of_its_zone(facts: dict[str, Any], after: str, due: str) -> None:
    row = ReportSchedule(**{"at": time(6), **facts})
    found = calendar.due_after(row, datetime.fromisoformat(after))
    assert found == datetime.fromisoformat(due)
    assert calendar.due_before(row, found) == found


def test_periods_leave_no_gap_and_do_not_overlap() -> None:
    for facts in ({"rhythm": "daily"}, {"rhythm": "weekly", "weekday": 2}, {"rhythm": "monthly", "day": 15}):
        row = ReportSchedule(at=time(2, 30), zone="Asia/Jerusalem", **facts)
        due = datetime(2026, 1, 1, tzinfo=UTC)
        end = None
        for _ in range(30):
            due = calendar.due_after(row, due)
            assert end is None or calendar.begins(row, due) == end
            end = calendar.ends(row, due)


# --- its pages -------------------------------------------------------------------------------------------------------


def test_a_manager_makes_and_removes_one_in_the_admin(cast: Cast) -> None:
    client = signed_in(cast.miriam)
    form = {
        "name": "Monday", "report": "deletes", "query": "role=clerk", "format": "pdf", "is_active": "on",
        "rhythm": "weekly", "at": "06:00", "zone": "Asia/Jerusalem", "weekday": "0", "day": "1",
        "recipients": [cast.charlie.pk], "extra": "board@example.org",
    }  # fmt: skip
    answer = client.post("/admin/audit/reportschedule/add/", form)
    assert answer.status_code == 302, answer.content.decode()
    row = ReportSchedule.objects.get()
    assert (list(row.recipients.all()), row.addresses, row.query) == (
        [cast.charlie],
        ["board@example.org"],
        "role=clerk",
    )
    page = f"/admin/audit/reportschedule/{row.pk}/change/"
    assert client.get(page).status_code == 200
    client.post(page, form | {"extra": "", "rhythm": "daily"})
    row.refresh_from_db()
    assert (row.addresses, row.rhythm) == ([], "daily")
    client.post(f"/admin/audit/reportschedule/act/remove/?ids={row.pk}", {})
    assert not ReportSchedule.objects.exists()


def test_others_look_and_change_nothing(month: Month, cast: Cast, mails: Mailbox) -> None:
    row = weekly(cast)
    run()
    for person in (cast.charlie, cast.bob):
        client = signed_in(person)
        page = client.get(f"/admin/audit/reportschedule/{row.pk}/change/")
        assert page.status_code == 200
        assert "charlie@example.org" in page.content.decode()
        assert client.get("/admin/audit/reportschedule/add/").status_code == 403
        assert client.post(f"/admin/audit/reportschedule/act/remove/?ids={row.pk}", {}).status_code == 403


def test_a_recipient_who_may_not_is_named_in_the_form(cast: Cast) -> None:
    form = {
        "name": "Monday", "report": "deletes", "format": "pdf", "is_active": "on", "rhythm": "weekly", "at": "06:00",
        "zone": "UTC", "weekday": "0", "day": "1", "recipients": [cast.bob.pk],
    }  # fmt: skip
    answer = signed_in(cast.miriam).post("/admin/audit/reportschedule/add/", form, follow=True)
    assert "bob: the user may not see and export" in answer.content.decode()
    assert not ReportSchedule.objects.exists()
