"""The run: late entries, dedup, resolving, rules that are off, transactions that commit late; and that the dry run is
what the live run would have done."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import alerts, incidents, tasks
from audit.actors import Actor
from audit.anomalies import configure, run
from audit.anomalies.dry_run import dry_run
from audit.anomalies.fresh import Position, by_day, together
from audit.models import Alert, AnomalyFiring, AnomalySettings, DeleteAuditTransaction, Incident, Target
from tests import factories
from tests.audit.anomalies.worlds import alerts_of, at, deletes, firings, logged, login, look, only

pytestmark = pytest.mark.django_db


@pytest.fixture
def target() -> Target:
    made: Target = factories.TargetFactory(name="Club")
    return made


def test_what_goes_on_is_the_same_finding_and_counted(target: Target) -> None:
    only(target, "delete-burst")
    deletes(target, 0, 1000)
    look(target)
    deletes(target, 20, 1500)
    (firing,) = look(target)
    assert (firing.count, firing.weight) == (2, 2500)
    (alert,) = alerts_of("delete-burst")
    assert (alert.times, alert.cited) == (2, 2)
    assert "2,500 rows" in alert.title


def test_what_comes_much_later_is_another_finding_of_the_same_alert(target: Target) -> None:
    only(target, "delete-burst")
    deletes(target, 0, 1000)
    look(target)
    deletes(target, 90, 1000)
    look(target)
    assert AnomalyFiring.objects.count() == 2
    assert [alert.times for alert in alerts_of("delete-burst")] == [2]


def test_a_late_entry_joins_two_findings(target: Target) -> None:
    only(target, "delete-burst")
    deletes(target, 0, 1000)
    deletes(target, 90, 1000)
    look(target)
    assert AnomalyFiring.objects.count() == 2
    deletes(target, 45, 1000)
    look(target)
    assert [(count, weight) for *_, count, weight in firings()] == [(3, 3000)]


def test_a_late_entry_makes_a_burst_of_what_was_none(target: Target) -> None:
    only(target, "delete-burst")
    deletes(target, 0, 600)
    assert look(target) == []
    deletes(target, 60 * 5, 600)
    assert look(target) == []
    deletes(target, 4, 600)
    (firing,) = look(target)
    assert (firing.first_at, firing.count) == (at(0), 2)


def test_a_transaction_that_grows_with_a_later_import_is_seen(target: Target) -> None:
    only(target, "delete-burst")
    made = deletes(target, 0, 600)
    assert look(target) == []
    DeleteAuditTransaction.objects.filter(pk=made.pk).update(row_count=1200)
    factories.DeleteAuditLogFactory(of_transaction=made)
    (firing,) = look(target)
    assert firing.weight == 1200


def test_a_finding_resolves_by_itself_when_it_is_over(target: Target) -> None:
    only(target, "delete-burst")
    deletes(target, 0, 1000)
    look(target)
    run.resolve_over(now=timezone.now() + timedelta(minutes=59))
    assert alerts_of("delete-burst")[0].is_open
    run.resolve_over(now=timezone.now() + timedelta(minutes=61))
    assert not alerts_of("delete-burst")[0].is_open


def test_one_that_must_be_seen_waits_for_a_person(target: Target, asker: Actor) -> None:
    only(target, "surplus")
    factories.DeleteCountFactory(target=target, surplus=7, is_certain=True, since=at(0), at=at(5))
    look(target)
    run.resolve_over(now=timezone.now() + timedelta(days=3))
    (alert,) = alerts_of("surplus")
    assert alert.is_open
    alerts.acknowledge(alert, actor=asker)
    run.resolve_over(now=timezone.now() + timedelta(days=3))
    assert not alerts_of("surplus")[0].is_open


def test_a_rule_that_is_off_finds_nothing_and_its_alert_is_over(target: Target, manager: Actor) -> None:
    row = only(target, "delete-burst")
    deletes(target, 0, 1000)
    look(target)
    configure.change(row, actor=manager, is_active=False)
    run.resolve_over()
    assert not alerts_of("delete-burst")[0].is_open
    deletes(target, 100, 1000)
    assert look(target) == []


def test_the_thresholds_of_a_target_count(target: Target, manager: Actor) -> None:
    row = only(target, "delete-burst")
    configure.change(row, actor=manager, settings={"least": 100}, severity="info", opens_incident=False)
    deletes(target, 0, 100)
    look(target)
    (alert,) = alerts_of("delete-burst")
    assert (alert.severity, alert.incident) == ("info", None)


def test_findings_of_one_target_join_one_incident_until_it_is_closed(target: Target, asker: Actor) -> None:
    configure.ensure(target)
    for minute in range(6):
        deletes(target, minute, 400, tables={f"public.t{minute}": 400})
        logged(target, minute)
    look(target)
    assert len(Alert.objects.exclude(incident=None)) >= 3
    incident = Incident.objects.get()
    Incident.objects.update(kind="other")  # what lost rows is closed with a proof only
    incidents.close(incident, actor=asker, note="The sync script.")
    deletes(target, 200, 2000)
    look(target)
    assert Incident.objects.count() == 2


def test_what_is_old_is_kept_and_wakes_nobody(target: Target) -> None:
    only(target, "delete-burst")
    look(target)
    deletes(target, -60 * 24 * 20, 1000)
    assert len(look(target)) == 1
    assert not Alert.objects.exists()


def test_the_first_run_looks_back_a_week_and_no_further(target: Target) -> None:
    only(target, "delete-burst")
    deletes(target, -60 * 24 * 20, 1000)
    deletes(target, -60 * 24 * 3, 1000)
    assert len(look(target)) == 1


def test_a_long_key_is_told_too(target: Target) -> None:
    only(target, "new-application")
    factories.ConnectionGroupFactory(target=target, at=at(-60 * 24 * 10))
    made = factories.ConnectionGroupFactory(target=target, at=at(0), new=["application"], application_name="x" * 63)
    factories.ConnectionAuditLogFactory(target=target, at=at(0), of_group=made)
    assert len(look(target)) == 1
    assert len(run.fingerprint(target, "x" * 255)) <= 120


@pytest.mark.django_db(transaction=True)
def test_a_low_id_that_is_committed_after_higher_ones_is_not_missed(target: Target) -> None:
    only(target, "unknown-database")
    login(target, 0)
    look(target)
    parameters = {key: value for key, value in connection.get_connection_params().items() if key != "cursor_factory"}
    facts = "target_id, at, seen_at, source, pid, session, role, database, application_name, method, outcome, reason,"
    facts += " client_host"
    with psycopg.connect(**{k: v for k, v in parameters.items() if k != "context"}) as slow:
        slow.execute(
            f"INSERT INTO audit_connectionauditlog ({facts}) VALUES (%s, %s, now(), 'server log', 1, '', 'dana',"
            " 'tovplay', '', '', 'unknown database', '', '')",
            [target.pk, at(1)],
        )
        login(target, 2)
        for _ in range(3):
            assert look(target) == [], "it cannot be seen yet"
        login(target, 3)
        look(target)
        slow.commit()
    assert [firing.key for firing in look(target)] == ["tovplay"]
    for _ in range(3):
        assert look(target) == []


@pytest.mark.django_db(transaction=True)
def test_positions_move_on(target: Target) -> None:
    row = only(target, "unknown-database")
    for minute in range(4):
        login(target, minute)
        look(target)
    row.refresh_from_db()
    position = Position.read(row.positions["connections"])
    assert 0 < position.safe <= position.seen


def test_the_task_runs_every_target_and_resolves(target: Target) -> None:
    other: Target = factories.TargetFactory()
    only(target, "delete-burst")
    only(other, "delete-burst")
    deletes(target, 0, 1000)
    deletes(other, 0, 1000)
    tasks.run_anomalies()
    assert len(alerts_of("delete-burst")) == 2


def test_a_long_past_is_looked_at_day_by_day_and_what_is_left_the_next_time(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the logs of a month come at once: today first, each day once, and other rules between."""
    days = range(20)
    row = only(target, "delete-burst")
    look(target)
    for day in days:
        deletes(target, -day * 24 * 60, 1000)
    AnomalySettings.objects.filter(pk=row.pk).update(looked_at=at(-10_000))  # its turn
    clock = count()
    monkeypatch.setattr(run, "monotonic", lambda: next(clock))
    found = run.run(target, seconds=6)
    row.refresh_from_db()
    assert 0 < len(found) < len(days)
    assert max(one.first_at for one in found) == at(0)
    assert row.positions[run.LEFT]
    others = AnomalySettings.objects.filter(target=target).exclude(pk=row.pk)
    assert min(others.values_list("looked_at", flat=True)) < row.looked_at, "who was not reached is the next"
    for _ in days:
        run.run(target, seconds=1000)
    row.refresh_from_db()
    assert run.LEFT not in row.positions
    assert AnomalyFiring.objects.filter(rule="delete-burst").count() == len(days)
    assert run.run(target) == []


def test_days_are_cut_at_midnight() -> None:
    first, last = datetime(2026, 3, 1, 22, tzinfo=UTC), datetime(2026, 3, 3, 0, tzinfo=UTC)
    moment = timedelta(microseconds=1)
    assert list(by_day([(first, last)])) == [
        (first, datetime(2026, 3, 2, tzinfo=UTC) - moment),
        (datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC) - moment),
        (last, last),
    ]
    assert list(by_day([(first, first)])) == [(first, first)]


def test_a_target_that_is_not_in_use_is_not_looked_at(target: Target) -> None:
    only(target, "delete-burst")
    deletes(target, 0, 1000)
    Target.objects.update(is_active=False)
    assert run.run_all() == 0


def test_ranges_that_touch_are_one() -> None:
    margin = timedelta(minutes=5)
    ranges = [(at(0), at(10)), (at(60), at(61)), (at(12), at(13)), (at(2), at(3))]
    assert together(ranges, margin) == [(at(-5), at(18)), (at(55), at(66))]


# --- the dry run is what the live run would have done -----------------------------------------------------------------

ROLES = ("dana", "stray")
MINUTES = st.integers(min_value=-400, max_value=400)
DELETE = st.tuples(st.just("delete"), MINUTES, st.sampled_from(ROLES), st.integers(1, 60))
LOGIN = st.tuples(st.just("login"), MINUTES, st.sampled_from(ROLES), st.integers(1, 9))
DROP = st.tuples(st.just("drop"), MINUTES, st.sampled_from(ROLES), st.just(0))
PROPERTY = {
    "delete-burst": {"least": 80, "minutes": 10},
    "mass-deletes": {"least": 3, "minutes": 15},
    "many-addresses": {"least": 3, "minutes": 20},
    "failed-logins": {"least": 3, "minutes": 10},
    "mass-drops": {"least": 3, "minutes": 10},
    "off-hours": {"closes": "13:00"},
    "unknown-database": {"least": 2, "minutes": 30},
}


def write(target: Target, one: tuple[Any, ...]) -> None:
    kind, minute, role, number = one
    if kind == "delete":
        deletes(target, minute, number, role=role, tables={f"public.t{number % 5}": number})
    elif kind == "drop":
        logged(target, minute, role=role)
    else:
        outcome = ("failed password", "unknown database", "accepted")[number % 3]
        login(target, minute, role=role, client_address=f"10.0.0.{number}", outcome=outcome, database=f"d{number % 2}")


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    entries=st.lists(st.one_of(DELETE, LOGIN, DROP), max_size=40),
    batches=st.lists(st.integers(1, 12), min_size=1, max_size=8),
    order=st.randoms(use_true_random=False),
)
def test_the_dry_run_is_what_the_live_run_did_in_any_order(
    entries: list[tuple[Any, ...]], batches: list[int], order: random.Random
) -> None:
    target: Target = factories.TargetFactory()
    for code, thresholds in PROPERTY.items():
        row = configure.of_target(target, code)
        AnomalySettings.objects.filter(pk=row.pk).update(settings=thresholds, is_active=True)
    order.shuffle(entries)
    left = list(entries)
    while left:
        size = batches[len(left) % len(batches)]
        for one in left[:size]:
            write(target, one)
        left = left[size:]
        look(target)
    for code in PROPERTY:
        row = configure.of_target(target, code)
        tried = dry_run(row, {}, actor=Actor.system("tests"), days=3)
        fields = ("key", "first_at", "last_at", "count", "weight")
        live = AnomalyFiring.objects.filter(target=target, rule=code).values_list(*fields)
        would = [(e.key, e.first_at, e.last_at, e.count, e.weight) for e in tried.episodes]
        assert sorted(live) == sorted(would), code
    assert (
        len({(a.kind, a.fingerprint) for a in Alert.objects.filter(target=target)})
        == Alert.objects.filter(target=target).count()
    )


def test_tovgov_asking_for_a_database_that_is_gone_is_no_stranger(target: Target) -> None:
    """It asks once a minute; whoever only calls itself so is told."""
    only(target, "unknown-database")
    own = factories.CredentialFactory(target=target).user
    for minute in range(3):
        login(target, minute, outcome="unknown database", database="gone", role=own, application_name="tovgov watch")
    look(target)
    assert alerts_of("unknown-database") == []
    login(target, 3, outcome="unknown database", database="gone", role="mallory", application_name="tovgov watch")
    login(target, 4, outcome="unknown database", database="gone", role=own, application_name="psql")
    look(target)
    assert "asked 2 times" in alerts_of("unknown-database")[0].title


def test_a_finding_of_one_minute_names_it_once(target: Target) -> None:
    only(target, "failed-logins", least=2)
    for second in range(3):
        login(target, second / 60, outcome="failed password")
    look(target)
    title = alerts_of("failed-logins")[0].title
    assert title.count("UTC") == 1
    login(target, 2, outcome="failed password")
    look(target)
    assert alerts_of("failed-logins")[0].title.count("UTC") == 2
