"""A review day in a browser: the queue, a day, a moment, an incident that a second person closes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, timedelta

from django.utils import timezone

from audit.models import ConnectionGroup, Incident, ServerLogGroup, Target
from audit.templatetags.tovgov import page_of
from tests import factories
from tests.browser.visitor import Visitor
from tests.cast import Cast

Visit = Callable[..., Visitor]


def night() -> tuple[Target, ConnectionGroup]:
    """At six in the morning of yesterday a stranger came, guessed, got in and deleted; the application came too."""
    target: Target = factories.TargetFactory(name="TovPlay production", production=True)
    at = timezone.now().astimezone(UTC).replace(hour=6, minute=0, second=4, microsecond=0) - timedelta(days=1)

    def login(seconds: int, **more: object) -> ConnectionGroup:
        moment = at + timedelta(seconds=seconds)
        group: ConnectionGroup = factories.ConnectionGroupFactory(target=target, at=moment, **more)
        who = {name: more[name] for name in ("role", "client_address", "outcome") if name in more}
        factories.ConnectionAuditLogFactory(target=target, at=moment, of_group=group, source="server log", **who)
        return group

    for number in range(4):
        login(60 * number, application_name=f"web {number}", is_noise=True, new=[])
    login(5, application_name="worker", new=[])
    login(6, application_name="report", new=[])
    stranger = {"role": "tovplay_admin", "client_address": "203.0.113.9"}
    login(30, **stranger, outcome="failed password", new=["address"])
    came = login(40, **stranger, new=["address", "role"])
    lines = factories.ServerLogGroupFactory(
        target=target, at=at + timedelta(seconds=55), kind="privilege-denied", severity=40,
        title="permission denied for table User",
    )  # fmt: skip
    factories.GroupedLogEntryFactory(of_group=lines)
    quiet = factories.ServerLogGroupFactory(
        target=target, at=at, kind="checkpoint", severity=10, is_noise=True, count=1
    )
    factories.GroupedLogEntryFactory(of_group=quiet)
    deletes = factories.DeleteAuditTransactionFactory(
        target=target, at=at + timedelta(seconds=70), session_role="tovplay_admin", client_address="203.0.113.9"
    )
    factories.DeleteAuditLogFactory(of_transaction=deletes)
    return target, came


def test_a_review_day(people: Cast, visit: Visit) -> None:
    _, came = night()
    alice, bob = visit("alice"), visit("bob", width=390, dark=True)

    # The queue says what waits and how much is hidden; what is new stands first.
    alice.go("/admin/reviews/")
    assert alice.sees("new: ")
    first = alice.page.locator("section[aria-labelledby=connectiongroup] ul.lines a").first
    assert "203.0.113.9" in (first.text_content() or "")
    alice.page.click("section[aria-labelledby=connectiongroup] >> text=All unreviewed")
    assert alice.sees("4 are hidden: known clients.")

    # What is usual is filtered and accepted at once; what is hidden stays as it is.
    alice.page.fill("#filter_role", "tovplay_app")
    alice.press("Show")
    alice.page.click("summary:has-text('Review all')")
    alice.page.click("text=Accept …")
    assert alice.sees("Accept: 2 connection groups?")
    alice.press("Accept")
    assert alice.sees("Accepted: 2.")
    assert ConnectionGroup.objects.filter(state="unreviewed", is_noise=True).count() == 4

    # The day: a bar leads to its entries, an entry to everything around it.
    alice.page.click("nav.rail >> text=Day")
    assert alice.sees("By class and hour")
    assert alice.sees("Hidden: 1 log line that is noise and 4 connections of known clients.")
    alice.page.locator("svg.day-chart a[aria-label*='refused']").click()
    assert alice.sees("1 connection")
    alice.page.click("text=tovplay_admin in TovPlay")
    alice.page.click("text=Everything around this moment")
    assert alice.sees("permission denied for table User")
    assert alice.sees("tovplay_admin deleted 1 row")
    assert alice.page.locator("ol.line-of-time li").count() == 7  # six entries and the moment itself
    alice.page.click("text=Show them too")
    assert alice.page.locator("ol.line-of-time li").count() == 12
    alice.page.click("text=tovplay_admin deleted 1 row")

    # She finds the stranger suspicious; the incident takes the login and the log line.
    alice.go(page_of(came))
    alice.press("Suspicious")
    alice.page.fill("#act_reason", "Nobody of us works from there.")
    alice.page.fill("#act_title", "A stranger at six in the morning")
    alice.press("Suspicious")
    assert alice.sees("alice found it suspicious")
    line = ServerLogGroup.objects.get(kind="privilege-denied")
    alice.go(page_of(line))
    alice.press("Suspicious")
    alice.page.fill("#act_reason", "The same stranger.")
    alice.page.select_option("#act_incident", label=str(Incident.objects.get()))
    alice.press("Suspicious")

    # Bob, on his phone in the dark, is the second person.
    incident = Incident.objects.get()
    bob.go(page_of(incident))
    assert bob.sees("Connection groups in it")
    assert bob.sees("Server log groups in it")
    for row in (came, line):
        bob.go(page_of(row))
        bob.press("Close")
        bob.page.fill("#act_reason", "A contractor with a forgotten account; it is gone.")
        bob.press("Close")
        assert bob.sees("bob closed it")
    bob.go(page_of(incident))
    bob.press("Close the incident")
    bob.page.fill("#act_reason", "The account is gone, the rows are back.")
    bob.press("Close the incident")
    incident.refresh_from_db()
    assert not incident.is_open
    assert alice.faults() == bob.faults() == []
