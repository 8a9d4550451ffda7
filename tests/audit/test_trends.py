"""Trends: each incident in its month and on its day, means over what is known, and every number leads to its list."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from audit import trends
from audit.models import ActionItem, Incident, Target
from tests import factories
from tests.audit.admin.test_acts import signed_in
from tests.cast import Cast

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 20)


@pytest.fixture
def manager_client(cast: Cast) -> Client:
    return signed_in(cast.miriam)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def one(began: str, **more: Any) -> Incident:
    begin = at(began)
    facts = {"began_at": begin, "detected_at": begin + timedelta(minutes=10)} | more
    row: Incident = factories.IncidentFactory(**facts)
    return row


def seen(**more: Any) -> trends.Trends:
    return trends.of(**({"months": 3, "today": TODAY} | more))


def test_each_is_counted_in_the_month_its_impact_began() -> None:
    one("2026-10-31T23:59:59")
    one("2026-11-01T00:00:00", severity="critical")
    one("2026-08-31T23:59:59")  # before the three months
    found = seen()
    assert [(month.first, month.number, month.critical) for month in found.months] == [
        (date(2026, 9, 1), 0, 0),
        (date(2026, 10, 1), 1, 0),
        (date(2026, 11, 1), 1, 1),
    ]
    assert {day.day: day.worst for day in found.days if day.number} == {
        date(2026, 10, 31): "warning",
        date(2026, 11, 1): "critical",
    }
    assert (found.days[0].day, found.days[-1].day) == (date(2026, 9, 1), TODAY)


def test_means_are_over_what_is_known() -> None:
    one("2026-11-01T00:00:00", resolved_at=at("2026-11-01T01:10:00"), status="resolved")
    one("2026-11-02T00:00:00", detected_at=at("2026-11-02T00:30:00"))
    found = seen()
    assert (found.to_detect.seconds, found.to_detect.of) == (20 * 60, 2)
    assert (found.to_resolve.seconds, found.to_resolve.of) == (3600, 1)
    assert (found.to_mitigate.seconds, found.to_mitigate.of) == (None, 0)


def test_lost_rows_are_summed_and_unknown_ones_are_said() -> None:
    one("2026-11-01T00:00:00", kind="data loss", lost_rows=40, returned_rows=36)
    one("2026-11-02T00:00:00", kind="sync")
    month = seen().months[-1]
    assert (month.lost, month.returned, month.unknown) == (40, 36, 1)


def test_a_cause_that_came_again_names_its_incidents() -> None:
    first = one("2026-11-01T00:00:00", causes=["script", "rights"])
    second = one("2026-11-05T00:00:00", causes=["script"])
    (again,) = seen().repeated
    assert (again.cause, list(again.incidents)) == ("script", [second, first])


def test_each_target_is_held_to_its_goals() -> None:
    target: Target = factories.TargetFactory(rpo_goal_minutes=60, rto_goal_minutes=5)
    quiet: Target = factories.TargetFactory()
    one("2026-11-01T00:00:00", target=target, rpo_seconds=3600, rto_seconds=301)
    one("2026-11-03T00:00:00", target=target, rpo_seconds=3601, rto_seconds=300)
    fared = {row.target: row for row in seen().targets}
    found = fared[target]
    assert (found.rpo_kept, found.rpo_missed, found.rto_kept, found.rto_missed) == (1, 1, 1, 1)
    assert (found.between, found.unresolved) == (timedelta(days=2), 2)
    assert (fared[quiet].number, fared[quiet].between) == (0, None)


@pytest.mark.parametrize(
    ("today", "months", "first"),
    [
        (date(2026, 1, 31), 3, date(2025, 11, 1)),
        (date(2026, 12, 1), 12, date(2026, 1, 1)),
        (date(2028, 2, 29), 24, date(2026, 3, 1)),
    ],
)
def test_the_stretch_is_of_whole_months(today: date, months: int, first: date) -> None:
    assert trends.first_day(today, months) == first
    assert len(trends.months_between(first, today)) == months


# --- the page ---------------------------------------------------------------------------------------------------------


def test_a_day_leads_to_exactly_its_incidents(manager_client: Client) -> None:
    began = factories.ago(days=2)
    there = factories.IncidentFactory(title="The day itself", began_at=began, detected_at=began)
    factories.IncidentFactory(title="Another day", began_at=factories.ago(days=9))
    page = manager_client.get("/admin/trends/")
    day = began.astimezone(UTC).date().isoformat()
    url = f"/admin/audit/incident/?from={day}&to={day}"
    assert url.replace("&", "&amp;") in page.content.decode()
    found = manager_client.get(url).content.decode()
    assert there.title in found
    assert "Another day" not in found


@pytest.mark.parametrize("query", ["months=5", "months=x", "target=999999", "target=%00", "months=12&target=-1"])
def test_what_is_no_choice_is_not_found(manager_client: Client, query: str) -> None:
    assert manager_client.get(f"/admin/trends/?{query}").status_code == 404


@pytest.mark.parametrize("query", ["from=2026-99-99", "from=%00&to=x", "to=", "from=2026-11-01"])
def test_a_list_with_an_odd_period_is_still_a_list(manager_client: Client, query: str) -> None:
    assert manager_client.get(f"/admin/audit/incident/?{query}", follow=True).status_code == 200


def test_without_a_right_it_is_refused(client: Client, django_user_model: Any) -> None:
    client.force_login(django_user_model.objects.create_user("dora", is_staff=True))
    assert client.get("/admin/trends/").status_code == 403


def test_overdue_actions_are_counted_and_lead_to_their_list(manager_client: Client) -> None:
    row = factories.IncidentFactory()
    facts = {"incident": row, "made_by": "alice", "due_on": factories.ago(days=2).date()}
    ActionItem.objects.create(title="Take the rights away", **facts)
    ActionItem.objects.create(title="Buy a disk", **(facts | {"incident": factories.IncidentFactory()}))
    page = manager_client.get(f"/admin/trends/?target={row.target_id}")
    assert page.context["overdue"] == 1
    found = manager_client.get(page.context["overdue_url"]).content.decode()
    assert "Take the rights away" in found
    assert "Buy a disk" not in found


def test_the_history_leads_to_trends_and_to_its_export(manager_client: Client) -> None:
    page = manager_client.get("/admin/audit/incident/").content.decode()
    assert 'href="/admin/trends/"' in page
    assert 'href="/admin/reports/incidents/"' in page
    assert manager_client.get("/admin/reports/incidents/").status_code == 200


def test_with_no_incident_at_all_it_says_so(manager_client: Client) -> None:
    assert "No incident in these months" in manager_client.get("/admin/trends/").content.decode()
