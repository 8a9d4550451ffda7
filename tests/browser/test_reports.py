"""The pages of reports, on a desk and on a phone, in light and dark."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time

import pytest
from django.urls import reverse

from audit.actors import Actor
from audit.models import ReportSchedule, TargetAccess
from audit.reports import known, schedules
from audit.templatetags.tovgov import page_of
from tests import factories
from tests.browser import scenery
from tests.browser.test_every_page import wrong_with
from tests.browser.visitor import DESK, PHONE, Visitor

Visit = Callable[..., Visitor]


def pages() -> list[str]:
    """The list, every report, one that asks what cannot be asked, the ones by mail."""
    found = ["/admin/reports/", *(f"/admin/reports/{name}/" for name in known.every())]
    found += ["/admin/reports/deletes/?from=2026-03-31&to=2026-03-01", "/admin/reports/activity/?page=9999"]
    row = ReportSchedule.objects.get()
    return [*found, reverse("admin:audit_reportschedule_changelist"), reverse("admin:audit_reportschedule_add"),
            page_of(row), f"/admin/audit/reportschedule/act/remove/?ids={row.pk}"]  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("width", [DESK, PHONE])
def test_nothing_is_wrong_with_reports(transactional_db: None, visit: Visit, width: int) -> None:
    people = scenery.build()
    target = factories.TargetFactory(name="Club")
    role = {"role": "clerk", "attributes": ["LOGIN"], "superuser": False, "login": True, "member_of": [],
            "valid_until": None}  # fmt: skip
    grant = {"role": "clerk", "type": "table", "object": "public.User", "rights": "DELETE, SELECT"}
    TargetAccess.objects.create(target=target, read_at=target.created_at, roles=[role], grants=[grant] * 3)
    schedules.add(
        actor=Actor.person(people.miriam, "tests"), name="Monday", report="deletes", at=time(6),
        recipients=[people.charlie],
    )  # fmt: skip
    assert wrong_with(visit("miriam", width=width), pages()) == ""


def test_an_auditor_reads_a_report_and_takes_it_away(transactional_db: None, visit: Visit) -> None:
    scenery.build()
    auditor = visit("charlie")
    auditor.go("/admin/reports/")
    auditor.page.click("text=Deletes by actor and table")
    assert auditor.sees("What it cannot know")
    auditor.page.fill("#report_role_answer", "tovplay_admin")
    auditor.press("Show")
    assert auditor.sees("public.UserNotifications")
    auditor.page.click("text=Files")
    with auditor.page.expect_download() as coming:
        auditor.press("PDF")
    assert coming.value.suggested_filename.startswith("deletes-")
    auditor.go("/admin/reports/deletes/")
    auditor.page.locator("td.number a").first.click()
    assert auditor.page.url.split("?")[0].endswith("/admin/audit/deleteauditlog/")
    assert auditor.faults() == []
