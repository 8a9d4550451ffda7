"""The watch: a dropped, swapped, emptied or silent target is noticed, told once, and forgotten when it is back."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg import sql

from audit import targets
from audit.actors import Actor
from audit.exceptions import (
    ConnectionLost,
    DatabaseMissing,
    NotIdentified,
    TargetUnreachable,
    WrongIncarnation,
    WrongName,
)
from audit.models import Alert, LedgerEntry, Purpose, Severity, Target
from audit.postgres.connect import ConnInfo, translate_connect
from audit.targets import watch
from audit.targets.reach import explain
from tests.audit.servers import register
from tests.conftest import MakeDatabase, run
from tests.factories import TargetFactory
from tests.waiting import wait_until
from tovgov.embedded import Cluster, free_port

pytestmark = pytest.mark.django_db


@pytest.fixture
def info(cluster: Cluster, make_database: MakeDatabase) -> ConnInfo:
    return make_database(cluster)


@pytest.fixture
def target(info: ConnInfo) -> Target:
    return register(info)


def drop(cluster: Cluster, name: str) -> None:
    run(cluster.conninfo(), sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def create(cluster: Cluster, name: str) -> None:
    run(cluster.conninfo(), sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def rename(cluster: Cluster, old: str, new: str) -> None:
    run(cluster.conninfo(), sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*map(sql.Identifier, (old, new))))


def mismatches() -> int:
    return LedgerEntry.objects.filter(action="target.mismatch").count()


def test_a_target_that_is_as_it_was_is_fine(target: Target, tovgov: Actor) -> None:
    assert targets.confirm_all(actor=tovgov) == {target.name: None}
    target.refresh_from_db()
    assert (target.check_error, target.check_error_code) == ("", "")
    assert target.checked_at is not None
    assert not Alert.objects.exists()


def test_a_dropped_database_is_an_alarm_that_says_what_to_do(target: Target, cluster: Cluster, tovgov: Actor) -> None:
    drop(cluster, target.database)
    error = targets.confirm_all(actor=tovgov)[target.name]
    assert isinstance(error, DatabaseMissing)
    alarm = Alert.objects.get()
    assert (alarm.kind, alarm.severity, alarm.target) == ("target.identity", Severity.CRITICAL, target)
    assert alarm.title == f'{target}: The database "{target.database}" is gone: it was dropped.'
    assert "Recover" in alarm.hint
    target.refresh_from_db()
    assert target.check_error_code == "target.database_missing"


def test_it_is_told_once_and_not_every_minute(target: Target, cluster: Cluster, tovgov: Actor) -> None:
    drop(cluster, target.database)
    for _ in range(3):
        targets.confirm_all(actor=tovgov)
    assert mismatches() == 1
    assert Alert.objects.get().times == 1


def test_a_database_that_was_made_again_is_another_one(target: Target, cluster: Cluster, tovgov: Actor) -> None:
    drop(cluster, target.database)
    targets.confirm_all(actor=tovgov)
    create(cluster, target.database)
    assert isinstance(targets.confirm_all(actor=tovgov)[target.name], WrongIncarnation)
    assert mismatches() == 2
    assert Alert.objects.get().times == 2


def test_a_renamed_database_is_named(target: Target, cluster: Cluster, tovgov: Actor) -> None:
    other = f"{target.database} old"
    rename(cluster, target.database, other)
    error = targets.check(target, actor=tovgov)
    rename(cluster, other, target.database)
    assert isinstance(error, DatabaseMissing)
    assert error.message == f'The database "{target.database}" was renamed to "{other}".'


def test_the_alarm_ends_when_the_database_is_back(target: Target, cluster: Cluster, tovgov: Actor) -> None:
    rename(cluster, target.database, "away")
    targets.confirm_all(actor=tovgov)
    rename(cluster, "away", target.database)
    assert targets.confirm_all(actor=tovgov) == {target.name: None}
    target.refresh_from_db()
    assert (target.check_error, Alert.objects.get().resolved_at is None) == ("", False)


def test_an_emptied_sentinel_is_an_alarm(info: ConnInfo, tovgov: Actor) -> None:
    run(info, 'CREATE TABLE "User" (id int)', 'INSERT INTO "User" SELECT generate_series(1, 23)')
    target = register(info, sentinels=[("public", "User", 20)])
    assert targets.check(target, actor=tovgov) is None
    run(info, 'DELETE FROM "User"')
    targets.confirm_all(actor=tovgov)
    assert "public.User has 0 rows of at least 20" in Alert.objects.get().title


def test_a_corrected_name_is_refused_until_it_is_confirmed(
    target: Target, manager: Actor, cluster: Cluster, make_database: MakeDatabase
) -> None:
    other = make_database(cluster)
    target = targets.update(target, actor=manager, database=other.database)
    assert isinstance(targets.check(target, actor=manager), WrongName)


def test_an_act_that_meets_a_dropped_database_records_it(target: Target, cluster: Cluster, tovgov: Actor) -> None:
    drop(cluster, target.database)
    with pytest.raises(DatabaseMissing, match="is gone"), targets.connected(target, Purpose.BACKUP, actor=tovgov):
        pass
    assert mismatches() == 1
    assert Alert.objects.get().kind == "target.identity"


def test_an_error_inside_of_an_act_is_not_taken_for_a_missing_target(target: Target, tovgov: Actor) -> None:
    def act() -> None:
        with targets.connected(target, Purpose.BACKUP, actor=tovgov):
            raise DatabaseMissing("another one")

    with pytest.raises(DatabaseMissing, match="another one"):
        act()
    assert not Alert.objects.exists()


def test_a_target_without_an_identity_is_not_touched(tovgov: Actor) -> None:
    fresh = TargetFactory(fresh=True)
    with pytest.raises(NotIdentified):
        targets.check(fresh, actor=tovgov)
    with pytest.raises(NotIdentified), targets.connected(fresh, Purpose.BACKUP, actor=tovgov):
        pass
    assert targets.confirm_all(actor=tovgov) == {}


def test_a_target_that_is_not_active_is_left_alone(target: Target, manager: Actor) -> None:
    targets.update(target, actor=manager, is_active=False)
    assert targets.confirm_all(actor=manager) == {}


# --- silence ------------------------------------------------------------------------------------------------------


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port where somebody takes the call and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def silent(port: int, count: int) -> list[Target]:
    return [TargetFactory(host="127.0.0.1", port=port, sslmode="disable") for _ in range(count)]


def test_silent_hosts_do_not_delay_the_others(
    target: Target, cluster: Cluster, black_hole: int, tovgov: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "CONNECT_SECONDS", 2)
    mute = silent(black_hole, 60)
    drop(cluster, target.database)
    began = time.monotonic()
    outcomes = targets.confirm_all(actor=tovgov)
    assert time.monotonic() - began < 60  # one after the other they would take 120
    assert isinstance(outcomes[target.name], DatabaseMissing)
    assert all(isinstance(outcomes[row.name], TargetUnreachable) for row in mute)


def test_whoever_does_not_answer_by_the_deadline_is_left_behind(
    target: Target, black_hole: int, tovgov: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "DEADLINE_SECONDS", 1)
    monkeypatch.setattr(watch, "CONNECT_SECONDS", 120)
    [mute] = silent(black_hole, 1)
    began = time.monotonic()
    outcomes = targets.confirm_all(actor=tovgov)
    assert time.monotonic() - began < 60
    assert outcomes[target.name] is None
    assert str(outcomes[mute.name]) == f"{mute} did not answer within 1 seconds."


def test_silence_is_an_alarm_the_second_time(tovgov: Actor) -> None:
    mute = TargetFactory(host="127.0.0.1", port=free_port())
    targets.confirm_all(actor=tovgov)
    assert not Alert.objects.exists()
    targets.confirm_all(actor=tovgov)
    alarm = Alert.objects.get()
    assert (alarm.kind, alarm.target, alarm.severity) == ("target.unreachable", mute, Severity.WARNING)
    assert mismatches() == 0


def test_a_secret_that_cannot_be_read_does_not_hide_the_others(
    target: Target, tovgov: Actor, make_database: MakeDatabase, cluster: Cluster
) -> None:
    other = register(make_database(cluster), name="Other")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE audit_credential SET password = %s WHERE target_id = %s", ["written with a lost key", other.pk]
        )
    outcomes = targets.confirm_all(actor=tovgov)
    assert outcomes[target.name] is None
    assert getattr(outcomes["Other"], "code", "") == "key.secret_unreadable"


# --- a server that goes away --------------------------------------------------------------------------------------


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Cluster]:
    """A server that this test may stop."""
    tmp_path.chmod(0o711)
    server = Cluster(data=tmp_path / "pg", major=16, port=free_port(), tcp=True, password="a-password", durable=False)
    server.start()
    yield server
    server.stop(immediately=True)


def lets_in(server: Cluster) -> bool:
    try:
        psycopg.connect(**server.keywords()).close()  # type: ignore[arg-type]
    except psycopg.OperationalError:
        return False
    return True


def test_a_server_that_restarts_is_no_mismatch_and_is_forgotten_when_it_is_back(
    own_server: Cluster, tovgov: Actor
) -> None:
    create(own_server, "TovPlay")
    target = register(own_server.conninfo("TovPlay"))
    process = own_server.process()
    assert process is not None
    with psycopg.connect(**own_server.keywords()):  # type: ignore[arg-type]
        process.terminate()  # a smart shutdown waits for this session and turns new ones away
        wait_until(lambda: not lets_in(own_server))
        error = targets.check(target, actor=tovgov)
        assert isinstance(error, TargetUnreachable)
        assert "shutting down" in error.message
    process.wait(60)
    targets.confirm_all(actor=tovgov)
    assert [alarm.kind for alarm in Alert.objects.all()] == ["target.unreachable"]
    own_server.start()
    assert targets.confirm_all(actor=tovgov) == {target.name: None}
    assert not Alert.objects.filter(resolved_at=None).exists()


def test_a_server_that_goes_down_in_the_middle_is_a_lost_connection(own_server: Cluster, tovgov: Actor) -> None:
    create(own_server, "TovPlay")
    target = register(own_server.conninfo("TovPlay"))

    def act() -> None:
        with targets.connected(target, Purpose.BACKUP, actor=tovgov) as connection:
            own_server.stop(immediately=True)
            connection.execute("SELECT 1")

    with pytest.raises(ConnectionLost) as caught:
        act()
    assert not caught.value.permanent


# --- words --------------------------------------------------------------------------------------------------------


def test_a_server_that_speaks_german_is_asked_what_it_means(cluster: Cluster, info: ConnInfo) -> None:
    head = f'connection to server at "127.0.0.1", port {info.port} failed: '
    gone = info.to("TovPlay")
    error = translate_connect(psycopg.OperationalError(head + "FATAL:  Datenbank »TovPlay« existiert nicht"), gone)
    assert (error.code, error.detail) == ("target.unreachable", {"server_spoke": True})
    assert isinstance(explain(error, gone, "postgres"), DatabaseMissing)
    assert explain(error, info, "postgres") is error, "the database is there: it was something else"


def test_a_database_whose_name_looks_like_another_error_is_still_missing(cluster: Cluster, tovgov: Actor) -> None:
    for name in ('role "x" does not exist', "password authentication failed", "SSL error"):
        with pytest.raises(DatabaseMissing):
            register(cluster.conninfo(name))


def test_words_of_the_client_are_not_taken_for_the_servers() -> None:
    error: Any = translate_connect(
        psycopg.OperationalError('connection to server at "::1", port 1 failed: Connection refused\n\tIs it running?'),
        ConnInfo(host="::1", port=1),
    )
    assert error.detail == {"server_spoke": False}
