"""Alarms: one a cause, counted when seen again, gone with their cause."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from audit import alerts, incidents
from audit.actors import Actor
from audit.alerts import KEPT, Cited
from audit.exceptions import AlertResolved, NotPermitted, ReasonMissing, SilenceInvalid
from audit.models import Alert, Incident, LedgerEntry, Severity
from tests.factories import TargetFactory

pytestmark = pytest.mark.django_db


def ring(actor: Actor, fingerprint: str = "target-1", title: str = "No backup", **facts: Any) -> Alert:
    return alerts.alert("backup.missed", fingerprint=fingerprint, title=title, actor=actor, **facts)


def actions() -> list[str]:
    return list(LedgerEntry.objects.order_by("number").values_list("action", flat=True))


def test_a_cause_that_is_seen_again_is_counted_not_repeated(tovgov: Actor) -> None:
    first = ring(tovgov)
    again = ring(tovgov, title="No backup for two days")
    assert first.pk == again.pk
    assert (again.times, again.title) == (2, "No backup for two days")
    assert again.seen_at > first.opened_at
    assert actions() == ["alert.open"]


def test_another_cause_is_another_alarm(tovgov: Actor) -> None:
    assert ring(tovgov).pk != ring(tovgov, "target-2").pk


def test_an_alarm_that_grows_worse_says_so(tovgov: Actor) -> None:
    ring(tovgov, severity=Severity.WARNING)
    assert ring(tovgov, severity=Severity.CRITICAL).severity == Severity.CRITICAL


def test_a_cause_that_is_gone_resolves_it_and_one_that_comes_back_opens_a_new_one(tovgov: Actor) -> None:
    first = ring(tovgov)
    assert alerts.resolve("backup.missed", fingerprint="target-1", actor=tovgov)
    assert not alerts.resolve("backup.missed", fingerprint="target-1", actor=tovgov)
    second = ring(tovgov)
    first.refresh_from_db()
    assert first.resolved_at is not None
    assert second.pk != first.pk
    assert actions() == ["alert.open", "alert.resolve", "alert.open"]


def test_who_acknowledges_is_kept_and_the_first_one_counts(tovgov: Actor, asker: Actor, approver: Actor) -> None:
    row = ring(tovgov)
    alerts.acknowledge(row, actor=asker)
    alerts.acknowledge(row, actor=approver)
    row.refresh_from_db()
    assert row.acknowledged_by == "alice"
    assert actions() == ["alert.open", "alert.acknowledge"]


def test_an_auditor_acknowledges_nothing(tovgov: Actor, auditor: Actor) -> None:
    with pytest.raises(NotPermitted):
        alerts.acknowledge(ring(tovgov), actor=auditor)


def test_a_long_title_is_cut(tovgov: Actor) -> None:
    assert len(ring(tovgov, title="x" * 300).title) == 255


# --- silence ---------------------------------------------------------------------------------------------------------


def hush(row: Alert, actor: Actor, hours: float = 4, reason: str = "We move house.") -> None:
    alerts.silence(row, until=timezone.now() + timedelta(hours=hours), reason=reason, actor=actor)


def test_a_silence_has_an_end_a_person_and_a_reason(tovgov: Actor, asker: Actor) -> None:
    row = ring(tovgov)
    hush(row, asker)
    assert row.is_silent()
    assert (row.silenced_by, row.silenced_why) == ("alice", "We move house.")
    entry = LedgerEntry.objects.get(action="alert.silence")
    assert (entry.actor, entry.reason) == ("alice", "We move house.")


def test_a_new_alert_of_a_silenced_cause_is_silent_too(tovgov: Actor, asker: Actor) -> None:
    hush(ring(tovgov), asker)
    alerts.resolve("backup.missed", fingerprint="target-1", actor=tovgov)
    assert ring(tovgov).is_silent()
    assert not ring(tovgov, "target-2").is_silent()


def test_a_silence_ends_by_itself(tovgov: Actor, asker: Actor) -> None:
    row = ring(tovgov)
    hush(row, asker)
    assert alerts.end_silences() == 0
    Alert.objects.update(silenced_until=timezone.now())
    assert alerts.end_silences() == 1
    assert alerts.end_silences() == 0
    assert actions() == ["alert.open", "alert.silence", "alert.unsilence"]


def test_a_silence_is_ended_by_hand(tovgov: Actor, asker: Actor) -> None:
    row = ring(tovgov)
    hush(row, asker)
    alerts.unsilence(row, actor=asker)
    assert row.silenced_until is None


def test_an_auditor_silences_nothing(tovgov: Actor, auditor: Actor, asker: Actor) -> None:
    row = ring(tovgov)
    with pytest.raises(NotPermitted):
        hush(row, auditor)
    hush(row, asker)
    with pytest.raises(NotPermitted):
        alerts.unsilence(row, actor=auditor)


def test_nothing_is_silenced_without_a_reason(tovgov: Actor, asker: Actor) -> None:
    with pytest.raises(ReasonMissing):
        hush(ring(tovgov), asker, reason="  ")


@pytest.mark.parametrize("hours", [-1, 24 * 31])
def test_a_silence_is_neither_over_already_nor_for_ever(tovgov: Actor, asker: Actor, hours: float) -> None:
    with pytest.raises(SilenceInvalid):
        hush(ring(tovgov), asker, hours=hours)


def test_what_is_over_is_not_silenced(tovgov: Actor, asker: Actor) -> None:
    row = ring(tovgov)
    alerts.resolve("backup.missed", fingerprint="target-1", actor=tovgov)
    with pytest.raises(AlertResolved):
        hush(row, asker)


# --- evidence --------------------------------------------------------------------------------------------------------


def entry(number: int) -> Cited:
    return Cited("serverlogentry", number, timezone.now(), f"DROP TABLE t{number}\n  CASCADE\0")


def test_the_first_entries_are_cited_and_all_are_counted(tovgov: Actor) -> None:
    row = ring(tovgov, evidence=[entry(n) for n in range(KEPT + 5)], cited=1_234_567)
    assert row.cited == 1_234_567
    assert row.evidence.count() == KEPT
    assert row.evidence.order_by("object_id")[0].line == "DROP TABLE t0 CASCADE"


def test_what_is_seen_again_is_cited_once(tovgov: Actor) -> None:
    ring(tovgov, evidence=[entry(1), entry(2)])
    row = ring(tovgov, evidence=[entry(2), entry(3)])
    assert row.cited == 3
    assert list(row.evidence.order_by("object_id").values_list("object_id", flat=True)) == [1, 2, 3]


# --- incidents -------------------------------------------------------------------------------------------------------


def test_alerts_of_one_cause_join_the_open_incident(tovgov: Actor, asker: Actor) -> None:
    first = ring(tovgov, incident="night", severity=Severity.WARNING)
    second = ring(tovgov, "target-2", incident="night", severity=Severity.CRITICAL)
    assert first.incident_id == second.incident_id
    incident = Incident.objects.get()
    assert (incident.severity, incident.opened_by) == (Severity.CRITICAL, "tovgov")
    incidents.close(incident, actor=asker, note="A drill.")
    ring(tovgov, "target-3", incident="night")
    assert Incident.objects.count() == 2


def test_what_is_seen_again_after_its_incident_was_closed_opens_another(tovgov: Actor, asker: Actor) -> None:
    row = ring(tovgov, incident="night")
    assert row.incident is not None
    incidents.close(row.incident, actor=asker, note="A drill.")
    ring(tovgov, incident="night")
    assert Incident.objects.filter(closed_at=None).count() == 1


def test_set_severities_open_an_incident_whatever_raised_them(tovgov: Actor, settings: Any) -> None:
    settings.TOVGOV_INCIDENTS_AT = ["critical"]
    assert ring(tovgov).incident is None
    assert ring(tovgov, severity=Severity.CRITICAL).incident is not None


@pytest.mark.django_db(transaction=True)
def test_many_who_see_the_same_open_one_alarm(tovgov: Actor) -> None:
    target = TargetFactory()

    def see() -> None:
        try:
            alerts.alert("target.identity", fingerprint="x", title="gone", target=target, actor=tovgov)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=see) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Alert.objects.get().times == 6
