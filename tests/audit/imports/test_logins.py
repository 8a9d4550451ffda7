"""Logins of a real login trigger, and looks at real sessions: each once, whatever dies, is restored or is pruned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from audit import targets
from audit.actors import Actor
from audit.imports import connection_watch, logins, samples
from audit.models import ConnectionAuditLog, ImportSource, Protection, ProtectionPolicy, Purpose, Target
from audit.postgres.connect import ConnInfo, connect
from audit.protection.policies import complete
from tests.audit.protection.steps import attempt, install
from tests.audit.protection.steps import policy as unsaved
from tests.audit.servers import register
from tests.cast import Cast
from tests.conftest import MakeDatabase, MakeRole
from tests.horizon import others_have_ended
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)
newest = pytest.mark.parametrize("cluster", [18], indirect=True)
ACTOR = Actor.system("tests")
Visit = Callable[..., None]


def protected(info: ConnInfo, **settings: Any) -> Target:
    target = register(info, credentials={Purpose.OPERATE: (info.user, info.password)})
    rules = complete([{"rule": "connection_log", "settings": settings}])
    made = ProtectionPolicy.objects.create(name="seen", version=1, rules=rules, created_by="tests")
    Protection.objects.create(target=target, policy=made)
    return target


@pytest.fixture
def info(cluster: Cluster, make_database: MakeDatabase) -> ConnInfo:
    made = make_database(cluster)
    install(made, unsaved("connection_log"))
    return made


@pytest.fixture
def target(info: ConnInfo, cast: Cast) -> Target:
    return protected(info)


@pytest.fixture
def clerk(cluster: Cluster, roles: MakeRole, info: ConnInfo) -> ConnInfo:
    return roles(cluster).to(info.database)


def visit(clerk: ConnInfo, times: int = 1) -> None:
    for _ in range(times):
        with psycopg.connect(**clerk.keywords(), application_name="till"):  # type: ignore[arg-type]
            pass


def bring(target: Target) -> int | None:
    others_have_ended(targets.conninfo(target, Purpose.OPERATE))
    return logins.bring(target, actor=ACTOR)


def of(clerk: ConnInfo) -> list[ConnectionAuditLog]:
    return list(ConnectionAuditLog.objects.filter(role=clerk.user, same_as=None).order_by("at"))


@newest
def test_each_login_comes_once(target: Target, clerk: ConnInfo) -> None:
    visit(clerk, 3)
    bring(target)
    visit(clerk)
    bring(target)
    bring(target)
    rows = of(clerk)
    assert len(rows) == 4
    assert {(row.source, row.client_address, row.application_name) for row in rows} == {
        ("login trigger", "127.0.0.1", "till")
    }
    assert ImportSource.objects.get(kind="logins").heard_at >= rows[-1].at


@newest
def test_tovgovs_own_logins_are_counted_and_left_out(target: Target, clerk: ConnInfo, info: ConnInfo) -> None:
    with targets.connected(target, Purpose.OPERATE, actor=ACTOR):
        pass
    bring(target)
    assert ImportSource.objects.get(kind="logins").position["own"] == 1
    own = ConnectionAuditLog.objects.filter(role=info.user, application_name__startswith="tovgov")
    assert not own.exists()


@newest
def test_it_is_read_chunk_by_chunk(target: Target, clerk: ConnInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "CHUNK", 2)
    visit(clerk, 5)
    bring(target)
    assert len(of(clerk)) == 5


@newest
def test_an_import_that_dies_between_chunks_loses_and_doubles_nothing(
    target: Target, clerk: ConnInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "CHUNK", 2)
    visit(clerk, 5)
    stored, store = [], logins.store

    def die_at_the_second(*words: Any) -> Any:
        done = store(*words)
        stored.append(done)
        if len(stored) == 2:
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(logins, "store", die_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        bring(target)
    assert len(of(clerk)) < 5
    bring(target)
    assert len(of(clerk)) == 5


@newest
def test_a_login_that_took_its_number_early_and_ended_late_is_not_passed_by(
    target: Target, clerk: ConnInfo, info: ConnInfo
) -> None:
    row = (
        "INSERT INTO tovgov.\"ConnectionAuditLog\" (at, pid, role, database) VALUES (clock_timestamp(), 1, 'late', 'd')"
    )
    with connect(info, application_name="holder") as slow:
        slow.autocommit = False
        slow.execute(row)
        visit(clerk)
        logins.bring(target, actor=ACTOR)
        assert of(clerk) == []
        slow.commit()
    bring(target)
    assert len(of(clerk)) == 1
    assert ConnectionAuditLog.objects.filter(role="late").count() == 1


@newest
def test_after_a_restore_what_is_known_is_left_out(target: Target, clerk: ConnInfo, info: ConnInfo) -> None:
    visit(clerk, 2)
    bring(target)
    copy = 'CREATE TABLE kept AS SELECT * FROM tovgov."ConnectionAuditLog"'
    back = 'INSERT INTO tovgov."ConnectionAuditLog" OVERRIDING SYSTEM VALUE SELECT * FROM kept'
    assert attempt(info, copy, 'DELETE FROM tovgov."ConnectionAuditLog"', back) is None
    ImportSource.objects.filter(kind="logins").update(incarnation="another server")
    visit(clerk)
    bring(target)
    assert len(of(clerk)) == 3


@newest
def test_what_is_here_and_old_is_pruned_there(target: Target, clerk: ConnInfo, info: ConnInfo) -> None:
    visit(clerk, 2)
    older = "UPDATE tovgov.\"ConnectionAuditLog\" SET at = at - interval '31 days' WHERE role = '{}'"
    assert logins.prune(target, days=30, actor=ACTOR) == 0, "nothing was imported yet"
    assert attempt(info, older.format(clerk.user)) is None
    assert logins.prune(target, days=30, actor=ACTOR) == 0, "nothing was imported yet"
    bring(target)
    visit(clerk)
    assert attempt(info, older.format(clerk.user) + " AND id = (SELECT max(id) FROM tovgov.\"ConnectionAuditLog\"" +
                   f" WHERE role = '{clerk.user}')") is None  # fmt: skip
    assert logins.prune(target, days=30, actor=ACTOR) == 2, "the third was not imported"
    bring(target)
    assert len(of(clerk)) == 3
    assert logins.prune(target, days=30, actor=ACTOR) == 1


@newest
def test_without_the_table_nothing_is_read(cluster: Cluster, make_database: MakeDatabase, cast: Cast) -> None:
    target = protected(make_database(cluster))
    assert logins.bring(target, actor=ACTOR) is None
    assert logins.prune(target, days=0, actor=ACTOR) == 0


@newest
def test_the_minute_reads_the_trigger_and_does_not_look(target: Target, clerk: ConnInfo) -> None:
    visit(clerk)
    others_have_ended(targets.conninfo(target, Purpose.OPERATE))
    connection_watch.watch()
    assert len(of(clerk)) == 1
    assert not ImportSource.objects.filter(kind="samples").exists()


# --- looks at the sessions -------------------------------------------------------------------------------------------


def test_a_session_that_is_seen_is_kept_once_and_its_end_is_noticed(
    any_cluster: Cluster, make_database: MakeDatabase, roles: MakeRole, cast: Cast
) -> None:
    info = make_database(any_cluster)
    clerk = roles(any_cluster).to(info.database)
    target = protected(info)
    with psycopg.connect(**clerk.keywords(), application_name="till"):  # type: ignore[arg-type]
        connection_watch.watch()
        samples.sample(target, actor=ACTOR)
        (row,) = of(clerk)
        assert (row.source, row.client_address, row.tls, row.ended_at) == ("sample", "127.0.0.1", False, None)
    others_have_ended(clerk)
    samples.sample(target, actor=ACTOR)
    (row,) = of(clerk)
    assert row.duration is not None
    assert row.of_group.count == 1


def test_a_target_that_is_gone_does_not_stop_the_watch(
    cluster: Cluster, make_database: MakeDatabase, cast: Cast
) -> None:
    target = protected(make_database(cluster))
    Target.objects.filter(pk=target.pk).update(port=1)
    connection_watch.watch()
    assert not ConnectionAuditLog.objects.exists()


def test_who_wants_no_logins_recorded_is_not_looked_at(
    cluster: Cluster, make_database: MakeDatabase, cast: Cast
) -> None:
    protected(make_database(cluster), logins=False)
    connection_watch.watch()
    assert not ImportSource.objects.exists()
