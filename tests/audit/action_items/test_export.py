"""The list of action items as a file: what the page shows, in its order, to who may take it away."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit import action_items
from audit.actors import Actor
from audit.exceptions import FilterInvalid, NotPermitted
from audit.exports import request as exports
from audit.lists.action_items import ACTIONS
from audit.models import Incident, LedgerEntry, Priority
from tests import factories
from tests.audit.admin.test_acts import signed_in
from tests.cast import Cast

pytestmark = pytest.mark.django_db
LIST = reverse("admin:audit_actionitem_changelist")


@pytest.fixture(autouse=True)
def items(cast: Cast, asker: Actor) -> None:
    today = timezone.localdate()
    incident = factories.IncidentFactory(number=12, title="The release dropped it")
    action_items.add("No day", actor=asker, owner=cast.alice)
    action_items.add("Later", actor=asker, owner=cast.bob, due_on=today + timedelta(days=30), priority=Priority.URGENT)
    action_items.add("Late", actor=asker, owner=cast.bob, due_on=today - timedelta(days=1), incident=incident)
    action_items.add("Soon", actor=asker, due_on=today + timedelta(days=2))
    gone = action_items.add("=HYPERLINK(1)", actor=asker, due_on=today - timedelta(days=9))
    action_items.finish(gone, actor=asker, note="Done.")


def titles(query: str, actor: Actor) -> list[str]:
    with exports.direct(ACTIONS, query, "csv", actor=actor).file as file:
        return [row["title"] for row in csv.DictReader(io.StringIO(file.read().decode()))]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Late", "Soon", "Later", "No day"]), ("state=done", ["'=HYPERLINK(1)"]),
        ("state=all&q=hyper", ["'=HYPERLINK(1)"]), ("due=overdue", ["Late"]), ("due=soon", ["Soon"]),
        ("due=never", ["No day"]), ("whose=nobody", ["Soon"]), ("whose=%3Dbob", ["Late", "Later"]),
        ("priority=40", ["Later"]), ("q=release late", ["Late"]), ("q=nothing", []),
    ],
)  # fmt: skip
def test_it_holds_what_was_asked_in_the_order_of_the_list(auditor: Actor, query: str, expected: list[str]) -> None:
    assert titles(query, auditor) == expected


@pytest.mark.parametrize("query", ["state=lost", "due=never ever", "whose=bob", "priority=99", "target=x"])
def test_what_does_not_fit_exports_nothing(auditor: Actor, query: str) -> None:
    with pytest.raises(FilterInvalid):
        titles(query, auditor)


def test_an_approver_takes_nothing_away(approver: Actor, cast: Cast) -> None:
    with pytest.raises(NotPermitted):
        titles("", approver)
    client = signed_in(cast.bob)
    assert "Export" not in client.get(LIST).content.decode().partition('id="changelist"')[2]
    forged = client.post(reverse("admin:audit_export_start"), {"page": ACTIONS.page, "query": "", "format": "csv"})
    assert forged.status_code == 403


def press(client: Client, query: str) -> bytes:
    """What the page's export gives for the list as it is shown."""
    shown = client.get(f"{LIST}?{query}")
    facts = {"page": shown.context["export_page"], "query": shown.context["export_query"], "format": "csv"}
    return b"".join(client.post(reverse("admin:audit_export_start"), facts).streaming_content)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "query", ["", "state=all", "due=overdue", "whose=mine", "whose=nobody", "priority=40", "q=late", "due=soon&q=x"]
)
def test_the_page_and_its_file_hold_the_same(cast: Cast, query: str) -> None:
    client = signed_in(cast.alice)
    shown = [row.title for row in client.get(f"{LIST}?{query}").context["cl"].result_list]
    found = [row["title"].removeprefix("'") for row in csv.DictReader(io.StringIO(press(client, query).decode()))]
    assert found == shown
    entry = LedgerEntry.objects.get(action="export.direct")
    assert (entry.actor, entry.detail["page"], entry.detail["rows"]) == ("alice", ACTIONS.page, len(found))


def test_the_page_of_a_filter_that_does_not_fit_lists_nothing_and_says_why(cast: Cast) -> None:
    page = signed_in(cast.alice).get(f"{LIST}?due=yesterday")
    assert "is neither overdue nor soon nor never" in page.content.decode()
    assert list(page.context["cl"].result_list) == []


def test_of_one_target(auditor: Actor) -> None:
    target = Incident.objects.get(number=12).target
    assert target is not None
    assert titles(f"target={target.pk}", auditor) == ["Late"]
