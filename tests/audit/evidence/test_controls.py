"""The control map: populations and samples are counted, gaps are found, and nothing is called compliant."""

from __future__ import annotations

import json
import re
import zipfile
from typing import Any

import pytest

from audit.evidence import controls, readme
from audit.evidence.checks import changes, clients, incidents, logs, record, responses, separation
from audit.evidence.held import Held
from audit.evidence.scope import Scope
from audit.models import EvidencePack, Target
from audit.registry import Checked
from tests import factories
from tests.audit.evidence.conftest import END, START, Make, file_of
from tests.factories import ago

pytestmark = pytest.mark.django_db

OURS = re.compile(r"complian|compliant|conform|fulfil", re.I)


def scope(*targets: Target) -> Scope:
    return Scope(START, END, targets, ago(minutes=0), 10**9)


def found(module: Any, target: Target, *, held: Held | None = None) -> tuple[list[str], list[str]]:
    """All exceptions and all gaps of one check."""
    checked = list(module.check(scope(target), held or Held()))
    return [one for c in checked for one in c.exceptions], [gap for c in checked for gap in c.gaps]


@pytest.fixture
def target(db: None) -> Target:
    return factories.TargetFactory(name="Club")


def test_ids_are_those_that_the_checks_bear_on() -> None:
    soc2 = {one for topic in controls.TOPICS for one in topic.soc2}
    iso = {one for topic in controls.TOPICS for one in topic.iso}
    assert soc2 == {"CC6.1", "CC7.2", "CC7.3", "CC7.4", "CC7.5", "CC8.1", "A1.2", "A1.3"}
    assert iso == {f"A.5.{n}" for n in (24, 25, 26, 27, 28, 33)} | {f"A.8.{n}" for n in (2, 9, 13, 15, 16, 31, 32)}


def test_a_population_of_none_shows_nothing() -> None:
    (topic,) = [one for one in controls.mapped([Checked("backup", "backups", 0, 0)]) if one["topic"] == "backup"]
    assert topic["gaps"] == ["Nothing of this kind was recorded in the period: that shows nothing."]


def test_what_was_not_checked_is_a_gap() -> None:
    assert all("Nothing was checked for this." in topic["gaps"] for topic in controls.mapped([]))


def test_a_topic_that_no_control_has_is_a_bug() -> None:
    with pytest.raises(ValueError, match="no topic"):
        controls.mapped([Checked("luck", "dice", 1, 1)])


def test_a_target_without_logs_has_gaps(target: Target) -> None:
    exceptions, gaps = found(logs, target)
    assert exceptions == []
    assert any("no server log is read" in gap for gap in gaps)
    assert any("deletes are not captured" in gap for gap in gaps)


def test_a_log_that_is_paused_unread_or_silent_is_a_gap(target: Target) -> None:
    factories.ImportSourceFactory(target=target, kind="folder", name="pg", is_active=False, looked_at=None)
    factories.ImportSourceFactory(target=target, looked_at=ago(days=9))
    gaps = found(logs, target, held=Held(proved=[]))[1]
    for words in ("is paused", "was never read", "was last read on", "told nothing in the period"):
        assert any(words in gap for gap in gaps), words


def test_deletes_that_were_counted_and_not_captured_are_an_exception(target: Target) -> None:
    factories.DeleteCountFactory(target=target, surplus=7, is_certain=True)
    factories.DeleteCountFactory(target=target, surplus=2)
    exceptions, gaps = found(logs, target)
    assert any("7 deletes before" in one for one in exceptions)
    assert any("a rollback explains" in gap for gap in gaps)


def test_alerts_that_nobody_acknowledged_are_exceptions(target: Target) -> None:
    factories.AlertFactory(target=target, title="The log is silent")
    exceptions, gaps = found(responses, target)
    assert any("Nobody acknowledged “The log is silent”" in one for one in exceptions)
    assert any("No channel carries alerts" in gap for gap in gaps)
    assert any("no anomaly rule is on" in gap for gap in gaps)


def test_a_review_that_waits_is_an_exception_and_noise_is_a_gap(target: Target) -> None:
    factories.DeleteAuditTransactionFactory(target=target)
    factories.ServerLogGroupFactory(target=target, is_noise=True)
    exceptions, gaps = found(responses, target)
    assert any("unreviewed" in one for one in exceptions)
    assert any("1 of 1 groups were hidden as noise" in gap for gap in gaps)


def test_an_incident_without_end_lead_or_numbers_is_named(target: Target) -> None:
    row = factories.IncidentFactory(target=target, kind="data loss")
    exceptions, gaps = found(incidents, target)
    assert f"{row.code} is not resolved (open)." in exceptions
    assert f"{row.code} has no lead." in exceptions
    assert f"{row.code}: how many rows were lost is not known." in gaps
    assert "Club: no goal for RTO is set." in gaps


def test_a_goal_that_was_missed_is_an_exception(target: Target) -> None:
    Target.objects.filter(pk=target.pk).update(rto_goal_minutes=30, rpo_goal_minutes=60)
    target.refresh_from_db()
    row = factories.IncidentFactory(target=target, status="resolved", resolved_at=ago(minutes=1), rto_seconds=3600.0,
                                    rpo_seconds=60.0)  # fmt: skip
    exceptions, _ = found(incidents, target)
    assert f"{row.code}: RTO was 60 minutes, the goal is 30." in exceptions
    assert not [one for one in exceptions if "RPO" in one]
    assert f"{row.code} was not reviewed." in exceptions


def test_ddl_outside_of_a_window_is_an_exception(target: Target) -> None:
    factories.ServerLogEntryFactory(target=target, at=ago(hours=5))
    factories.MaintenanceWindowFactory(target=target)
    factories.ServerLogEntryFactory(target=target, at=ago(minutes=-1))
    exceptions, gaps = found(changes, target)
    assert len([one for one in exceptions if "outside" in one]) == 1
    assert any("without an approval" in one for one in exceptions)
    assert any("no protection policy is installed" in gap for gap in gaps)


def test_entries_without_a_seal_are_an_exception(target: Target) -> None:
    factories.ConnectionAuditLogFactory(target=target)
    exceptions, gaps = found(record, target)
    assert any("1 entries are not sealed" in one for one in exceptions)
    assert any("did not read all sealed entries again" in gap for gap in gaps)


def test_connections_that_only_a_look_sees_are_a_gap(target: Target) -> None:
    factories.ImportSourceFactory(target=target, kind="samples")
    factories.ConnectionGroupFactory(target=target)
    exceptions, gaps = found(clients, target)
    assert len(exceptions) == 1
    assert any("a look once a minute alone" in gap for gap in gaps)


def test_a_server_that_two_environments_share_is_an_exception(target: Target) -> None:
    other = factories.TargetFactory(production=True, system_identifier=target.system_identifier)
    exceptions, _ = found(separation, target)
    assert exceptions == [f"Club ({target.environment}) shares its server with a target of production."]
    assert other.environment != target.environment


@pytest.mark.django_db(transaction=True)
def test_the_map_is_in_the_pack_and_calls_nothing_compliant(make: Make, club: Target) -> None:
    row: EvidencePack = make(club)
    with zipfile.ZipFile(file_of(row)) as pack:
        topics = json.loads(pack.read("controls.json"))
        page = pack.read("README.md").decode()
    assert [topic["topic"] for topic in topics] == [topic.code for topic in controls.TOPICS]
    assert not OURS.search(json.dumps(topics))
    assert not OURS.search(page)
    for topic in topics:
        assert topic["controls"]
        assert all({"what", "population", "sample", "exceptions"} == set(one) for one in topic["checked"])
    assert any("no checkpoint was published outside" in gap for gap in row.gaps)
    assert all(readme._cell(gap) in page for gap in row.gaps if "time stamp" not in gap)
