"""``manage.py runbooks``: the verbs from the command line."""

from __future__ import annotations

import pytest

from audit.models import LedgerEntry, Runbook
from audit.runbooks.books import BOOKS
from tests import factories
from tests.audit.test_reviews_command import run
from tests.cast import Cast

pytestmark = pytest.mark.django_db
Printed = pytest.CaptureFixture[str]


def test_the_whole_way(cast: Cast, capsys: Printed) -> None:
    incident = factories.IncidentFactory(kind="dropped database", title="The release dropped it")
    offered = run(capsys, "runbooks", "books", "--incident", incident.code)
    assert (offered[0]["name"], len(offered)) == ("dropped-database", len(BOOKS))
    begun = run(capsys, "runbooks", "begin", incident.code, "dropped-database", "--as", "alice")
    assert (begun["incident"], begun["done"], begun["started_by"]) == (incident.code, 0, "alice")
    assert len(run(capsys, "runbooks", "books", "--incident", incident.code)) == len(BOOKS) - 1
    number = begun["id"]
    ticked = run(capsys, "runbooks", "tick", number, 2, "--note", "Dana knows.", "--as", "bob")
    assert (ticked["done"], ticked["steps"][1]["done_by"], ticked["steps"][1]["note"]) == (1, "bob", "Dana knows.")
    again = run(capsys, "runbooks", "tick", number, 2, "--as", "alice", status=3)
    assert again["error"]["code"] == "runbook.step_ticked"
    back = run(capsys, "runbooks", "untick", number, 2, "--reason", "That was staging.", "--as", "alice")
    assert (back["done"], back["steps"][1]["undone_why"]) == (0, "That was staging.")
    words = ("--why", "They open at nine.", "--with-whom", "Dana")
    longer = run(capsys, "runbooks", "add", number, "Call the club", *words, "--as", "alice")["steps"]
    assert (len(longer), longer[-1]["title"], longer[-1]["with_whom"]) == (
        len(begun["steps"]) + 1, "Call the club", "Dana",
    )  # fmt: skip
    acts = LedgerEntry.objects.filter(action__startswith="runbook.").order_by("number")
    assert [entry.action.split(".")[1] for entry in acts] == ["begin", "tick", "untick", "add_step"]


def test_what_was_begun_is_listed_and_searched(cast: Cast, capsys: Printed) -> None:
    first, second = (factories.IncidentFactory(title=title) for title in ("The release dropped it", "Guesses"))
    begun = run(capsys, "runbooks", "begin", first.code, "lost-key", "--as", "alice")
    run(capsys, "runbooks", "begin", second.code, "protection-gap", "--as", "alice")
    for place in range(len(begun["steps"])):
        run(capsys, "runbooks", "tick", begun["id"], place + 1, "--as", "alice")
    for words, expected in (
        (("list",), ["protection-gap", "lost-key"]), (("list", "--limit", 1), ["protection-gap"]),
        (("list", "--incident", first.code), ["lost-key"]), (("list", "--book", "lost-key"), ["lost-key"]),
        (("list", "--open"), ["protection-gap"]), (("search", "release"), ["lost-key"]),
        (("search", "attack it"), ["protection-gap"]), (("search", "earthquake"), []),
    ):  # fmt: skip
        assert [one["book"] for one in run(capsys, "runbooks", *words)] == expected, words


def test_a_template_is_shown_by_its_name(capsys: Printed) -> None:
    shown = run(capsys, "runbooks", "show", "lost-key")
    assert [step["title"] for step in shown["steps"]] == [step.title for step in BOOKS["lost-key"].steps]
    assert {one["name"] for one in run(capsys, "runbooks", "books")} == set(BOOKS)


def test_an_auditor_reads_and_ticks_nothing(cast: Cast, capsys: Printed) -> None:
    incident = factories.IncidentFactory()
    run(capsys, "runbooks", "begin", incident.code, "lost-key", "--as", "charlie", status=3)
    assert not Runbook.objects.exists()
    number = run(capsys, "runbooks", "begin", incident.code, "lost-key", "--as", "alice")["id"]
    run(capsys, "runbooks", "tick", number, 1, "--as", "charlie", status=3)
    assert run(capsys, "runbooks", "show", number, "--as", "charlie")["done"] == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("show", "7"), "runbook.unknown"), (("show", "no-such-book"), "runbook.unknown"),
        (("tick", "{}", "99", "--as", "alice"), "runbook.step_unknown"),
        (("tick", "{}", "x", "--as", "alice"), "runbook.step_unknown"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_said(cast: Cast, capsys: Printed, words: tuple[str, ...], code: str) -> None:
    incident = factories.IncidentFactory()
    number = run(capsys, "runbooks", "begin", incident.code, "lost-key", "--as", "alice")["id"]
    said = run(capsys, "runbooks", *(word.format(number) for word in words), status=2)
    assert said["error"]["code"] == code
