"""``manage.py actions``: the verbs from the command line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.management import call_command

from audit.models import ActionItem
from tests import factories
from tests.audit.notifications.places import Mailbox, mailbox
from tests.audit.test_reviews_command import run
from tests.cast import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def mails(settings: object) -> Iterator[Mailbox]:
    with mailbox() as there:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"  # type: ignore[attr-defined]
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", there.port  # type: ignore[attr-defined]
        yield there


def test_the_whole_way(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    incident = factories.IncidentFactory()
    words = ("--owner", "bob", "--due", "2026-01-02", "--priority", "high", "--incident", incident.code)
    made = run(capsys, "actions", "add", "Take DROP away", *words, "--as", "miriam")
    named = (made["owner"], made["due_on"], made["priority"], made["incident"], made["is_overdue"])
    assert named == ("bob", "2026-01-02", "high", incident.code, True)
    number = made["id"]
    changed = run(capsys, "actions", "change", number, "--due", "never", "--owner", "nobody", "--as", "alice")
    assert (changed["due_on"], changed["owner"], changed["title"]) == (None, None, "Take DROP away")
    assert run(capsys, "actions", "start", number, "--as", "bob")["owner"] == "bob"
    assert run(capsys, "actions", "done", number, "--note", "In 4.3.", "--as", "bob")["finish_note"] == "In 4.3."
    assert run(capsys, "actions", "reopen", number, "--reason", "Not yet.", "--as", "bob")["state"] == "open"
    assert run(capsys, "actions", "drop", number, "--reason", "No role.", "--as", "bob")["state"] == "dropped"


def test_the_list_is_narrowed(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    incident = factories.IncidentFactory()
    for title, *words in (
        ("late", "--owner", "bob", "--due", "2026-01-02"),
        ("later", "--owner", "alice", "--due", "2126-01-02"),
        ("told", "--incident", incident.code),
    ):
        run(capsys, "actions", "add", title, *words, "--as", "miriam")
    ActionItem.objects.get(title="told")
    run(capsys, "actions", "done", ActionItem.objects.get(title="later").pk, "--as", "alice")
    for words, titles in (
        ((), ["late", "told"]),
        (("--overdue",), ["late"]),
        (("--mine", "--as", "bob"), ["late"]),
        (("--owner", "alice", "--state", "all"), ["later"]),
        (("--state", "done"), ["later"]),
        (("--incident", incident.number), ["told"]),
    ):
        assert [row["title"] for row in run(capsys, "actions", "list", *words)] == titles, words


def test_a_person_reads_a_table(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "actions", "add", "Take DROP away", "--due", "2026-01-02", "--as", "miriam")
    call_command("actions", "list")
    said = capsys.readouterr().out
    assert "overdue" in said
    assert "2026-01-02" in said
    assert "nobody" in said


def test_reminders_are_sent_now_and_once_a_day(mails: Mailbox, cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "actions", "add", "Take DROP away", "--due", "2026-01-02", "--owner", "bob", "--as", "miriam")
    assert run(capsys, "actions", "remind", "--as", "alice") == {"sent": 1}
    assert run(capsys, "actions", "remind", "--as", "alice") == {"sent": 0}
    assert [mail["To"] for mail in mails.mails] == ["bob@example.org"]


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (("add", "Mend it", "--owner", "charlie", "--as", "miriam"), 2, "action.owner_unfit"),
        (("add", "Mend it", "--owner", "zoe", "--as", "miriam"), 2, "action.owner_unfit"),
        (("add", "Mend it", "--due", "tomorrow", "--as", "miriam"), 2, "action.invalid"),
        (("add", " ", "--as", "miriam"), 2, "action.invalid"),
        (("add", "Mend it", "--incident", "424242", "--as", "miriam"), 2, "incident.unknown"),
        (("add", "Mend it", "--as", "charlie"), 3, "actor.not_permitted"),
        (("done", "424242", "--as", "miriam"), 2, "action.unknown"),
        (("remind", "--as", "charlie"), 3, "actor.not_permitted"),
    ],
)
def test_what_does_not_fit_is_refused(
    words: tuple[str, ...], status: int, code: str, cast: Cast, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "actions", *words, status=status)["error"]["code"] == code
