"""An incident in a browser: what a frightened manager sees, and a night worked from its opening to its end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from audit import postmortems
from audit.admin.base import act_url
from audit.admin.incidents import story_url
from audit.models import Incident, TimelineLine
from audit.templatetags.tovgov import page_of
from tests import factories
from tests.browser import incident_scenery
from tests.browser.test_every_page import wrong_with
from tests.browser.visitor import DESK, PHONE, Visitor
from tests.cast import Cast
from tests.factories import ago

Visit = Callable[..., Visitor]


@pytest.mark.parametrize(("width", "dark"), [(DESK, False), (PHONE, True)])
def test_nothing_is_wrong_with_incidents(people: Cast, visit: Visit, width: int, dark: bool) -> None:
    row = incident_scenery.build(people)
    fresh = factories.IncidentFactory(kind="data loss")
    line = TimelineLine.objects.filter(kind="note").latest("pk")
    hidden = TimelineLine.objects.exclude(hidden_at=None).latest("pk")
    paths = [page_of(row), f"{page_of(row)}?hidden=1&kind=connection", page_of(fresh), "/admin/audit/incident/"]
    paths += ["/admin/audit/incident/add/", story_url(row), page_of(line), page_of(row.loss_counts.get())]
    paths += [act_url(row, slug, row.pk) for slug in ("resolve", "stamps", "classify", "prove", "note", "count-loss")]
    paths += [act_url(line, "hide", line.pk), act_url(hidden, "show", hidden.pk), "/admin/audit/timelineline/"]
    visitor = visit("miriam", width=width, dark=dark)
    assert wrong_with(visitor, paths) == ""
    visitor.go(page_of(row))
    visitor.page.emulate_media(color_scheme="dark" if dark else "light")
    visitor.shot(f"incident-{width}-{'dark' if dark else 'light'}")


def test_a_night_from_its_opening_to_its_end(people: Cast, visit: Visit) -> None:
    target = factories.TargetFactory(name="Club", database="club")
    factories.DeleteAuditTransactionFactory(target=target, at=ago(minutes=20), row_count=182)
    alice, miriam = visit("alice"), visit("miriam", width=PHONE)

    alice.go("/admin/audit/incident/add/")
    alice.page.fill("#incident_title", "Users are gone")
    alice.page.select_option("#incident_target", label="Club")
    alice.page.select_option("#incident_severity", "critical")
    alice.page.click("button:has-text('Open it')")
    assert alice.sees("is open.")
    row = Incident.objects.get()
    assert alice.sees("Nobody leads it.")

    alice.page.click(".buttons a:has-text('I take it')")
    alice.page.fill("#act_reason", "I read the log.")
    alice.page.click("button:has-text('I take it')")
    assert alice.sees("is in your hands.")

    alice.go(act_url(row, "assemble", row.pk))
    alice.page.click("button:has-text('Assemble')")
    assert alice.sees("182 rows were deleted")
    alice.go(act_url(row, "note", row.pk))
    alice.page.fill("#act_text", "The phone rang.")
    alice.page.click("button:has-text('Add a note')")
    assert alice.sees("The phone rang.")

    # Two write the story at once: the second sees both texts.
    miriam.go(story_url(row))
    alice.go(story_url(row))
    alice.page.fill("#story_summary", "The sync ran twice.")
    alice.page.click("button:has-text('Save')")
    assert alice.sees("The sync ran twice.")
    miriam.page.fill("#story_summary", "A script emptied the users.")
    miriam.page.click("button:has-text('Save')")
    assert miriam.sees("Both texts")
    assert miriam.faults() == []
    assert miriam.sees("The sync ran twice.")
    miriam.page.fill("#story_summary", "The sync ran twice and emptied the users.")
    miriam.page.click("button:has-text('Save')")
    assert miriam.sees("The story is saved.")

    alice.go(act_url(row, "resolve", row.pk))
    alice.page.fill("#act_reason", "The rows were test data.")
    alice.page.click("button:has-text('Resolve')")
    assert alice.sees("is resolved.")
    miriam.go(page_of(row))
    assert miriam.sees("waits for its review")
    assert miriam.sees("A reviewed post-mortem is expected")
    miriam.page.click(".buttons a:has-text('Review')")
    assert miriam.sees("this will be refused")
    assert miriam.faults() == []
    written = postmortems.start(row, actor=people.actor("alice"))
    postmortems.ask_review(written, actor=people.actor("alice"))
    postmortems.review(written, version=written.version, actor=people.actor("bob"))
    miriam.go(page_of(row))
    miriam.page.click(".buttons a:has-text('Review')")
    miriam.page.click("button:has-text('Review')")
    assert miriam.sees("is reviewed.")
    row.refresh_from_db()
    assert (row.status, row.reviewed_by, row.summary) == (
        "reviewed", "miriam", "The sync ran twice and emptied the users.",
    )  # fmt: skip
