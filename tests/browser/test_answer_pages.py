"""Runbooks, action items and lessons in a browser: a night's checklist is walked, and every page is looked at."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from audit.admin.base import act_url
from audit.models import ActionItem, Lesson, Runbook, RunbookStep, Target
from audit.templatetags.tovgov import page_of
from tests import factories
from tests.browser import answer_scenery
from tests.browser.test_every_page import wrong_with
from tests.browser.visitor import DESK, PHONE, Visitor
from tests.cast import Cast

Visit = Callable[..., Visitor]


@pytest.fixture
def target(people: Cast) -> Target:
    """One that can be recovered."""
    found: Target = factories.TargetFactory(name="TovPlay production", production=True)
    factories.BackupFactory(target=found, proved=True, queued_at=factories.ago(hours=9))
    return found


@pytest.mark.timeout(900)
@pytest.mark.parametrize("width", [DESK, PHONE])
def test_nothing_is_wrong_with_answers(people: Cast, target: Target, visit: Visit, width: int) -> None:
    incident = answer_scenery.build(people, target)
    item, lesson = ActionItem.objects.overdue()[0], Lesson.objects.get(retired_at=None)
    rows = [incident, *Runbook.objects.all(), item, ActionItem.objects.get(state="dropped"), lesson]
    paths = [page_of(row) for row in rows]
    paths += [reverse(f"admin:audit_{name}_changelist") for name in ("runbook", "actionitem", "lesson")]
    paths += [f"{reverse('admin:audit_actionitem_add')}?incident={incident.pk}", act_url(item, "drop", item.pk)]
    paths.append(reverse("admin:audit_lesson_edit", args=[lesson.pk]))
    visitor = visit("miriam", width=width)
    assert wrong_with(visitor, paths) == ""
    shown = {"incident": page_of(incident), "runbook": page_of(Runbook.objects.get(book="dropped-database"))}
    shown |= {"actions": "/admin/audit/actionitem/?state=all", "lessons": "/admin/audit/lesson/"}
    shown["lesson-form"] = reverse("admin:audit_lesson_add")
    for name, path in shown.items():
        visitor.go(path)
        visitor.shot(f"answers-{name}-{width}")
    assert wrong_with(visit("charlie", width=width), [page_of(incident)]) == ""


def test_a_night_is_walked_step_by_step(people: Cast, target: Target, visit: Visit) -> None:
    """Alice begins the runbook, ticks with a note, goes where a step leads, and takes a tick back. No script runs."""
    incident = factories.IncidentFactory(target=target, kind="dropped database", began_at=factories.ago(hours=1))
    alice = visit("alice", script=False)
    alice.go(page_of(incident))
    alice.page.get_by_role("button", name="Begin", exact=True).click()
    steps = alice.page.locator(".book-step")
    expect(steps).to_have_count(12)
    steps.nth(0).locator("input[name=note]").fill("The release is stopped.")
    steps.nth(0).locator("button:has-text('Tick')").click()
    assert alice.sees("The release is stopped.")
    assert alice.sees("of 12 steps done")
    steps.nth(0).locator("summary").click()
    steps.nth(0).locator("input[name=reason]").fill("It was staging.")
    steps.nth(0).locator("button:has-text('Take the tick back')").click()
    assert alice.sees("took the tick back")
    assert RunbookStep.objects.filter(done_at=None).count() == 12
    alice.page.click("text=Recover from the last proved backup before it >> nth=0")
    assert "/admin/backups/restore/add/" in alice.page.url
    assert alice.sees("TovPlay production")
