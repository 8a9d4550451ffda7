"""A manager's day: what waits for her, whether it gets better, what happened in the night, and what she signs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from audit import incidents, postmortems
from audit.action_items import items
from audit.actors import Actor
from audit.models import Incident, PostMortem
from audit.templatetags.tovgov import page_of
from tests.browser import incident_scenery
from tests.browser.test_every_page import wrong_with
from tests.browser.visitor import DESK, PHONE, Visitor
from tests.cast import Cast
from tests.factories import ago

Visit = Callable[..., Visitor]


@pytest.fixture
def night(people: Cast) -> Incident:
    """Mended, resolved, its post-mortem put up for review; something is still owed."""
    alice = Actor.person(people.alice, "scenery")
    row = incident_scenery.build(people)
    items.add(
        "Take the sync script's rights away", incident=row, owner=people.alice, due_on=ago(days=2).date(), actor=alice
    )
    incidents.resolve(row, actor=alice, note="Every row is back.")
    written = postmortems.start(row, actor=alice)
    postmortems.ask_review(written, actor=alice)
    return row


def test_a_managers_day(night: Incident, visit: Visit) -> None:
    miriam = visit("miriam")
    miriam.go("/admin/")
    assert miriam.sees("Needs you")
    assert miriam.sees("All overdue actions")

    miriam.page.click("a:visible:text-is('Trends')")
    assert miriam.sees("Target by target")
    assert miriam.sees("Actions overdue now 1")
    assert miriam.sees("Missed"), "the restore took three hours, and half an hour of data was the goal"
    miriam.page.locator("tr", has_text="TovPlay night").locator("td.number a").first.click()
    miriam.page.click(f"text={night.title}")
    assert miriam.sees("Three tables emptied by the sync script")
    assert miriam.sees("restored and proved equal to the backup")

    miriam.go("/admin/")
    miriam.page.locator("dt", has_text="Post-mortems to be reviewed").locator("xpath=..").locator("a").click()
    miriam.page.click(f"text={night.code}")
    with miriam.page.expect_download() as coming:
        miriam.page.click("a:has-text('PDF')")
    assert coming.value.suggested_filename == f"post-mortem-{night.code}.pdf"
    miriam.press("Review")
    miriam.page.click("button:has-text('Review')")
    assert miriam.sees("Reviewed")
    assert PostMortem.objects.get().state == "reviewed"

    miriam.go("/admin/reports/incidents/")
    assert miriam.sees(night.code)
    assert miriam.faults() == []


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_nothing_is_wrong_with_trends(night: Incident, visit: Visit, width: int) -> None:
    miriam = visit("miriam", width=width)
    paths = ["/admin/", "/admin/trends/", f"/admin/trends/?months=24&target={night.target_id}", page_of(night)]
    assert wrong_with(miriam, paths) == ""
    for name, path in (("home", "/admin/"), ("trends", "/admin/trends/"), ("incident", page_of(night))):
        miriam.go(path)
        for scheme in ("light", "dark"):
            miriam.page.emulate_media(color_scheme=scheme)
            miriam.shot(f"day-{name}-{width}-{scheme}")
