"""Alarms: one a cause, counted when seen again, gone with their cause."""

from __future__ import annotations

import threading

import pytest
from django.db import connections

from audit import alerts
from audit.actors import Actor
from audit.exceptions import NotPermitted
from audit.models import Alert, LedgerEntry, Severity
from tests.factories import TargetFactory

pytestmark = pytest.mark.django_db


def ring(actor: Actor, fingerprint: str = "target-1", title: str = "No backup", **facts: Severity) -> Alert:
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
