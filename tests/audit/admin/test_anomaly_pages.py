"""Anomaly rules in the admin: tried on the past, kept, seen by all, changed by few."""

from __future__ import annotations

import pytest

from audit.anomalies import configure
from audit.anomalies.rules import ALL
from audit.models import AnomalyFiring, AnomalySettings, LedgerEntry, Target
from audit.templatetags.tovgov import page_of
from tests import factories
from tests.audit.admin.test_acts import signed_in
from tests.audit.anomalies.worlds import deletes, look
from tests.cast import Cast

pytestmark = pytest.mark.django_db
RULES = "/admin/audit/anomalysettings/"


@pytest.fixture
def burst() -> AnomalySettings:
    target: Target = factories.TargetFactory(name="Club")
    return configure.of_target(target, "delete-burst")


def form(**words: object) -> dict[str, object]:
    facts: dict[str, object] = {"is_active": "on", "severity": "warning", "least": 100, "minutes": 10}
    return facts | {"quiet_minutes": 60, "days": 30} | words


def test_the_list_shows_every_rule_of_every_target(cast: Cast) -> None:
    factories.TargetFactory()
    page = signed_in(cast.charlie).get(RULES).content.decode()
    assert all(rule.label in page for rule in ALL)


def test_a_rule_is_tried_and_nothing_is_written(cast: Cast, burst: AnomalySettings) -> None:
    deletes(burst.target, 0, 120)
    client = signed_in(cast.alice)
    page = client.post(page_of(burst), form(**{"try": "1"})).content.decode()
    assert "would have fired 1 time since" in page
    assert "120 rows were deleted by tovplay_admin" in page
    page = client.post(page_of(burst), form(**{"try": "1", "least": 121})).content.decode()
    assert "would have fired 0 times" in page
    burst.refresh_from_db()
    assert burst.settings == {}
    assert not AnomalyFiring.objects.exists()


def test_thresholds_are_kept_by_a_manager_with_her_name(cast: Cast, burst: AnomalySettings) -> None:
    signed_in(cast.miriam).post(page_of(burst), form(save="1"))
    burst.refresh_from_db()
    assert (burst.settings, burst.severity, burst.opens_incident) == ({"least": 100}, "warning", False)
    entry = LedgerEntry.objects.get(action="anomaly.change")
    assert entry.actor == "miriam"
    assert entry.detail["before"]["least"] == 1000


def test_the_staff_keeps_none(cast: Cast, burst: AnomalySettings) -> None:
    assert signed_in(cast.alice).post(page_of(burst), form(save="1")).status_code == 403
    burst.refresh_from_db()
    assert burst.settings == {}


def test_an_auditor_neither_tries_nor_keeps(cast: Cast, burst: AnomalySettings) -> None:
    client = signed_in(cast.charlie)
    assert client.post(page_of(burst), form(**{"try": "1"})).status_code == 403
    assert client.post(page_of(burst), form(save="1")).status_code == 403
    assert "Try it on the past" not in client.get(page_of(burst)).content.decode()


@pytest.mark.parametrize("words", [{"least": 0}, {"minutes": "soon"}, {"severity": "loud"}, {"days": 1000}])
def test_what_makes_no_sense_is_not_kept(cast: Cast, burst: AnomalySettings, words: dict[str, object]) -> None:
    page = signed_in(cast.miriam).post(page_of(burst), form(save="1") | words).content.decode()
    assert "Nothing was kept" in page
    burst.refresh_from_db()
    assert burst.settings == {}


def test_a_finding_leads_to_its_alert_and_rule(cast: Cast, burst: AnomalySettings) -> None:
    deletes(burst.target, 0, 2000)
    look(burst.target)
    firing = AnomalyFiring.objects.get(rule="delete-burst")
    assert firing.alert is not None
    client = signed_in(cast.charlie)
    page = client.get(page_of(firing)).content.decode()
    assert page_of(firing.alert) in page
    assert page_of(burst) in page
    assert page_of(firing) in client.get(page_of(burst)).content.decode()
    assert "tovplay_admin" in client.get("/admin/audit/anomalyfiring/").content.decode()
