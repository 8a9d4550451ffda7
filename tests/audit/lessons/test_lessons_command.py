"""``manage.py lessons``: the verbs from the command line."""

from __future__ import annotations

import pytest

from audit.models import LedgerEntry, Lesson
from tests import factories
from tests.audit.test_reviews_command import run
from tests.cast import Cast

pytestmark = pytest.mark.django_db
Printed = pytest.CaptureFixture[str]


def test_the_whole_way(cast: Cast, capsys: Printed) -> None:
    incident = factories.IncidentFactory(kind="sync")
    words = ("--cause", "One role.", "--tags", "sync, roles", "--incident", incident.code, "--as", "alice")
    made = run(capsys, "lessons", "add", "The sync deleted bookings.", "No DELETE.", *words)
    assert (made["kind"], made["target"], made["incident"], made["tags"]) == (
        "sync", incident.target.name, incident.code, ["roles", "sync"],
    )  # fmt: skip
    number = made["id"]
    changed = run(capsys, "lessons", "change", number, "--kind", "any", "--target", "any", "--as", "bob")
    assert (changed["kind"], changed["target"], changed["version"]) == ("", None, 2)
    assert run(capsys, "lessons", "show", number)["solution"] == "No DELETE."
    assert run(capsys, "lessons", "retire", number, "--reason", "It is gone.", "--as", "bob")["is_retired"]
    refused = run(capsys, "lessons", "change", number, "--cause", "No.", "--as", "bob", status=3)
    assert refused["error"]["code"] == "lesson.retired"
    assert not run(capsys, "lessons", "restore", number, "--reason", "It is back.", "--as", "bob")["is_retired"]
    acts = LedgerEntry.objects.filter(action__startswith="lesson.").order_by("number")
    assert [entry.action for entry in acts] == ["lesson.add", "lesson.change", "lesson.retire", "lesson.restore"]


def test_it_is_listed_and_searched_as_on_the_page(cast: Cast, capsys: Printed) -> None:
    for problem, kind in (("The sync deleted bookings.", "sync"), ("The disk was full.", "failed backup")):
        run(capsys, "lessons", "add", problem, "Mend it.", "--kind", kind, "--as", "alice")
    assert len(run(capsys, "lessons", "list")) == 2
    assert len(run(capsys, "lessons", "list", "--limit", 1)) == 1
    assert [one["kind"] for one in run(capsys, "lessons", "list", "--where", "kind=sync")] == ["sync"]
    assert [one["kind"] for one in run(capsys, "lessons", "search", "deletes")] == ["sync"]
    assert run(capsys, "lessons", "search", "deletes", "--where", "kind=other") == []
    assert run(capsys, "lessons", "list", "--where", "kind=flood", status=2)["error"]["code"] == "list.filter_invalid"


def test_what_resembles_an_incident_says_why(cast: Cast, capsys: Printed) -> None:
    target = factories.TargetFactory()
    former = factories.IncidentFactory(target=target, kind="sync")
    new = factories.IncidentFactory(target=target, kind="sync", title="Bookings are gone")
    (one,) = run(capsys, "lessons", "like", new.code)
    assert (one["what"], one["reasons"]) == (former.code, ["the same kind, sync", "the same target"])


def test_an_auditor_reads_and_writes_none(cast: Cast, capsys: Printed) -> None:
    assert run(capsys, "lessons", "list", "--as", "charlie") == []
    run(capsys, "lessons", "add", "A problem.", "A solution.", "--as", "charlie", status=3)
    assert not Lesson.objects.exists()


def test_one_that_is_not_there(cast: Cast, capsys: Printed) -> None:
    assert run(capsys, "lessons", "show", "7", status=2)["error"]["code"] == "lesson.unknown"
