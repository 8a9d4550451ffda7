"""Connections stored from several sources: each session counts once, whoever tells of it first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audit import clients
from audit.actors import Actor
from audit.imports.connections import End, Login, Stored, store
from audit.models import (
    ConnectionAuditLog,
    ConnectionGroup,
    ConnectionOutcome,
    ConnectionSource,
    ImportSource,
    KnownClient,
    Target,
)
from tests import factories
from tests.cast import Cast

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 12, 6, 0, 4, 123456, tzinfo=UTC)
LOG, TRIGGER, SAMPLE = ConnectionSource.SERVER_LOG, ConnectionSource.LOGIN_TRIGGER, ConnectionSource.SAMPLE
KINDS = {LOG: "folder", TRIGGER: "logins", SAMPLE: "samples"}


@pytest.fixture
def target() -> Target:
    return factories.TargetFactory()


def source_of(target: Target, kind: ConnectionSource) -> ImportSource:
    return ImportSource.objects.get_or_create(target=target, kind=KINDS[kind])[0]


def login(seconds: float = 0, **more: Any) -> Login:
    facts = {"pid": 4711, "role": "tovplay_app", "database": "TovPlay", "address": "10.0.0.7", "application": "web"}
    return Login(AT + timedelta(seconds=seconds), **(facts | more))


def told(target: Target, kind: ConnectionSource, *logins: Login, ends: list[End] | None = None) -> Stored:
    return store(source_of(target, kind), kind, logins, ends or [])


def shown(target: Target) -> list[ConnectionAuditLog]:
    return list(ConnectionAuditLog.objects.filter(target=target, same_as=None).order_by("at"))


def test_what_is_told_again_is_known(target: Target) -> None:
    for kind in (LOG, TRIGGER, SAMPLE):
        assert told(target, kind, login(session="a.1")).rows == 1
        again = told(target, kind, login(session="a.1"))
        assert (again.rows, again.known) == (0, 1)
    assert ConnectionAuditLog.objects.count() == 3
    assert ConnectionGroup.objects.get().count == 1


@pytest.mark.parametrize("order", [(LOG, TRIGGER, SAMPLE), (SAMPLE, TRIGGER, LOG), (TRIGGER, LOG, SAMPLE)])
def test_a_session_of_three_sources_counts_once_and_the_log_is_shown(
    target: Target, order: tuple[ConnectionSource, ...]
) -> None:
    moments = {LOG: 0.0, TRIGGER: 0.2, SAMPLE: -0.1}
    for kind in order:
        told(target, kind, login(moments[kind], tls=True if kind == LOG else None))
    (row,) = shown(target)
    assert (row.source, row.tls) == (LOG, True)
    assert ConnectionAuditLog.objects.filter(same_as=row.pk).count() == 2 or order == (SAMPLE, TRIGGER, LOG)
    assert {one.of_group_id for one in ConnectionAuditLog.objects.all()} == {ConnectionGroup.objects.get().pk}
    assert ConnectionGroup.objects.get().count == 1
    assert set(KnownClient.objects.values_list("times", flat=True)) == {1}


def test_two_sessions_of_one_process_number_are_two(target: Target) -> None:
    told(target, TRIGGER, login(), login(62))
    told(target, SAMPLE, login(), login(1, role="another"))
    assert ConnectionGroup.objects.get(role="tovplay_app").count == 2
    assert ConnectionGroup.objects.get(role="another").count == 1


def test_a_richer_source_moves_the_session_to_where_it_belongs(target: Target) -> None:
    """A look without pg_monitor does not see the address; a new one must not hide behind that."""
    told(target, SAMPLE, login(address=None))
    assert ConnectionGroup.objects.get().client_address is None
    told(target, LOG, login(address="203.0.113.9"))
    group = ConnectionGroup.objects.get()
    assert (group.client_address, group.count) == ("203.0.113.9", 1)
    assert "address" in group.new


def test_a_group_that_somebody_looked_at_stays(target: Target, cast: Cast) -> None:
    from audit import reviews

    told(target, SAMPLE, login(address=None))
    reviews.take([ConnectionGroup.objects.get()], actor=cast.actor("alice"))
    told(target, LOG, login())
    assert sorted(ConnectionGroup.objects.values_list("count", flat=True)) == [0, 1]


def test_an_end_is_written_on_every_row_of_its_session(target: Target) -> None:
    told(target, TRIGGER, login(0.2))
    told(target, LOG, login(session="a.1"))
    end = End(AT + timedelta(seconds=9), login(session="a.1"))
    assert told(target, LOG, ends=[end]).ended == 2
    assert {row.duration for row in shown(target)} == {timedelta(seconds=9)}
    assert told(target, LOG, ends=[end]).ended == 0


def test_an_end_that_came_before_its_richer_row_is_taken_over(target: Target) -> None:
    told(target, SAMPLE, login())
    told(target, SAMPLE, ends=[End(AT + timedelta(seconds=60), login())])
    told(target, LOG, login(0.1))
    assert [row.ended_at for row in shown(target)] == [AT + timedelta(seconds=60)]


def test_a_session_that_is_known_by_its_end_alone_is_stored(target: Target) -> None:
    told(target, LOG, ends=[End(AT + timedelta(seconds=9), login(session="a.1"))])
    (row,) = shown(target)
    assert (row.at, row.ended_at) == (AT, AT + timedelta(seconds=9))
    assert ConnectionGroup.objects.get().count == 1


def test_a_refusal_after_all_takes_the_place_of_what_was_let_in(target: Target) -> None:
    told(target, LOG, login(session="a.1", database="nowhere"))
    refused = login(0.01, session="a.1", database="nowhere", outcome=ConnectionOutcome.UNKNOWN_DATABASE)
    told(target, LOG, refused)
    (row,) = shown(target)
    assert row.outcome == "unknown database"
    assert [group.outcome for group in ConnectionGroup.objects.all()] == ["unknown database"]


def test_made_up_roles_make_no_group_each(target: Target) -> None:
    guesses = [
        login(n, pid=n, role=f"guess{n}", outcome=ConnectionOutcome.UNKNOWN_ROLE, database="x") for n in range(1, 30)
    ]
    told(target, LOG, *guesses)
    group = ConnectionGroup.objects.get()
    assert (group.count, group.role, group.is_noise) == (29, "", False)
    assert ConnectionAuditLog.objects.filter(of_group=group, role="guess7").exists()


def test_days_are_divided_in_utc(target: Target) -> None:
    midnight = datetime(2026, 3, 13, tzinfo=UTC)
    for n, seconds in enumerate((-1, 1)):
        told(target, TRIGGER, Login(midnight + timedelta(seconds=seconds), pid=n + 1, role="r", database="d"))
    assert [str(group.day) for group in ConnectionGroup.objects.order_by("day")] == ["2026-03-12", "2026-03-13"]


# --- known clients ---------------------------------------------------------------------------------------------------


def days(target: Target, count: int, each: int = 4, **more: Any) -> None:
    for day in range(count):
        told(target, TRIGGER, *[login(86_400 * day + 100 * n, pid=100 * day + n + 1, **more) for n in range(each)])


def test_what_is_seen_often_enough_is_learned_and_not_new_any_more(target: Target) -> None:
    days(target, 3)
    assert ConnectionGroup.objects.latest("day").new == ["address", "role", "application"]
    assert clients.learn() == 4
    learned = KnownClient.objects.filter(state="learned")
    assert {(row.part, row.value, row.times, row.days) for row in learned} == {
        ("address", "10.0.0.7", 12, 3),
        ("role", "tovplay_app", 12, 3),
        ("application", "web", 12, 3),
        ("hours", "06", 12, 3),
    }
    told(target, TRIGGER, login(86_400 * 5, pid=5))
    group = ConnectionGroup.objects.latest("day")
    assert (group.new, group.is_new, group.is_noise) == ([], False, False)


def test_two_days_are_not_enough_however_often(target: Target) -> None:
    days(target, 2, each=30)
    assert clients.learn() == 0


def test_confirmed_clients_are_noise_and_the_waiting_is_judged_anew(target: Target, manager: Actor) -> None:
    days(target, 1)
    rows = list(KnownClient.objects.exclude(part="hours"))
    assert clients.confirm(rows, actor=manager) == 3
    group = ConnectionGroup.objects.get()
    assert (group.is_noise, group.new) == (True, [])
    told(target, TRIGGER, login(5, pid=8))
    assert ConnectionGroup.objects.get().is_noise
    told(target, TRIGGER, login(6, pid=9, address="203.0.113.9"))
    assert ConnectionGroup.objects.get(client_address="203.0.113.9").new == ["address"]


def test_with_confirmed_hours_another_hour_is_new(target: Target, manager: Actor) -> None:
    days(target, 1)
    clients.confirm(list(KnownClient.objects.all()), actor=manager)
    told(target, TRIGGER, login(-3600 * 4, pid=8))
    group = ConnectionGroup.objects.get()
    assert (group.is_noise, group.new) == (False, ["hour"])
    clients.confirm([clients.give(target, "hours", "22-04", actor=manager)], actor=manager)
    group.refresh_from_db()
    assert (group.is_noise, group.new) == (True, [])


def test_a_range_is_given_by_a_person(target: Target, manager: Actor) -> None:
    wide = clients.give(target, "address", "10.0.0.0/8", actor=manager)
    clients.confirm([wide], actor=manager)
    days(target, 1)
    assert ConnectionGroup.objects.get().new == ["role", "application"]


def test_what_is_refused_stands_out_within_its_range_too(target: Target, manager: Actor) -> None:
    days(target, 1)
    clients.confirm(list(KnownClient.objects.all()), actor=manager)
    clients.confirm([clients.give(target, "address", "10.0.0.0/8", actor=manager)], actor=manager)
    clients.refuse([KnownClient.objects.get(part="address", value="10.0.0.7")], actor=manager)
    group = ConnectionGroup.objects.get()
    assert (group.is_noise, group.new) == (False, ["refused address"])


def test_refused_logins_are_never_noise(target: Target, manager: Actor) -> None:
    days(target, 1)
    clients.confirm(list(KnownClient.objects.all()), actor=manager)
    told(target, LOG, login(9, pid=9, outcome=ConnectionOutcome.FAILED_PASSWORD))
    assert not ConnectionGroup.objects.get(outcome="failed password").is_noise


def test_refused_logins_teach_nothing(target: Target) -> None:
    told(target, LOG, *[login(n, pid=n + 1, outcome=ConnectionOutcome.FAILED_PASSWORD) for n in range(20)])
    assert not KnownClient.objects.exists()


def test_what_was_reviewed_is_not_judged_anew(target: Target, manager: Actor, cast: Cast) -> None:
    from audit import reviews

    days(target, 1)
    reviews.accept([ConnectionGroup.objects.get()], actor=cast.actor("alice"))
    clients.confirm(list(KnownClient.objects.all()), actor=manager)
    assert ConnectionGroup.objects.get().new == ["address", "role", "application"]
