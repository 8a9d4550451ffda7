"""Dropping a database while somebody is in it whom its owner may not end: autovacuum, a superuser's monitor.

The owners here are what tovgov asks for: no superuser, and without pg_signal_backend.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest

from audit.exceptions import DatabaseBusy, RightsMissing
from audit.postgres.connect import ConnInfo, connect
from audit.postgres.databases import drop, exists, read_facts, rename
from tests import environment
from tests.conftest import MakeDatabase, MakeRole, run
from tests.waiting import wait_until
from tovgov.embedded import Cluster, free_port

RUNNING = r"SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND rtrim(query, E'\n') = %s"


@contextmanager
def passing_by(info: ConnInfo) -> Iterator[None]:
    """A superuser's session in ``info`` that goes once a DROP DATABASE waits for it."""
    drops = f'DROP DATABASE "{info.database}"'

    def leave() -> None:
        with closing(session), connect(info.to("postgres")) as watch:
            wait_until(lambda: watch.execute(RUNNING, [drops]).fetchone() == (1,))

    with psycopg.connect(**info.keywords()) as session:  # type: ignore[arg-type]
        thread = threading.Thread(target=leave)
        thread.start()
        try:
            yield
        finally:
            thread.join()


def test_who_cannot_be_ended_and_goes_by_itself_is_waited_for(
    any_cluster: Cluster, make_database: MakeDatabase, roles: MakeRole
) -> None:
    owner = roles(any_cluster)
    info = make_database(any_cluster, owner=owner.user)
    with passing_by(info), connect(owner) as conn:
        assert drop(conn, info.database)
        assert not exists(conn, info.database)


def test_who_cannot_be_ended_and_stays_is_named(cluster: Cluster, make_database: MakeDatabase, roles: MakeRole) -> None:
    owner = roles(cluster)
    info = make_database(cluster, owner=owner.user)
    run(cluster.conninfo(), f'ALTER DATABASE "{info.database}" IS_TEMPLATE true')
    with connect(info, application_name="monitor") as boss, connect(owner) as conn:
        with pytest.raises(DatabaseBusy, match=r"Still connected: postgres \(monitor\)"):
            drop(conn, info.database, even_template=True, patience=0)
        assert boss.execute("SELECT 1").fetchone() == (1,)
        assert read_facts(conn, info.database).is_template


def test_an_owner_ends_his_own_sessions_beside_one_that_he_may_not(
    cluster: Cluster, make_database: MakeDatabase, roles: MakeRole
) -> None:
    owner = roles(cluster)
    info = make_database(cluster, owner=owner.user)
    with (
        passing_by(info),
        connect(owner) as conn,
        psycopg.connect(**owner.to(info.database).keywords()) as client,  # type: ignore[arg-type]
    ):
        assert drop(conn, info.database)
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")


def test_who_does_not_own_a_database_ends_nobody_in_it(
    cluster: Cluster, make_database: MakeDatabase, roles: MakeRole
) -> None:
    owner, stranger = roles(cluster), roles(cluster)
    run(cluster.conninfo(), f'GRANT pg_signal_backend TO "{stranger.user}"')
    info = make_database(cluster, owner=owner.user)
    with psycopg.connect(**owner.to(info.database).keywords()) as client:  # type: ignore[arg-type]
        with pytest.raises(RightsMissing, match="owner"), connect(stranger) as conn:
            drop(conn, info.database)
        assert client.execute("SELECT 1").fetchone() == (1,)


# --- autovacuum ------------------------------------------------------------------------------------------------------

SLOWLY = "autovacuum_vacuum_threshold = 1, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1"


@pytest.fixture(scope="module")
def eager() -> Iterator[Cluster]:
    """A server whose autovacuum looks every second."""
    data = environment.folder() / f"eager-{secrets.token_hex(4)}"
    server = Cluster(
        data=data,
        major=16,
        port=free_port(),
        tcp=True,
        password=secrets.token_hex(8),
        settings={"autovacuum_naptime": "1s"},
        durable=False,
    )
    server.start()
    yield server
    server.stop(immediately=True)


@pytest.fixture
def vacuumed(eager: Cluster, make_database: MakeDatabase, roles: MakeRole) -> ConnInfo:
    """The owner's way into a database in which autovacuum has long been at work: one page in a tenth of a second."""
    owner = roles(eager, "CREATEDB")
    info = make_database(eager, owner=owner.user)
    run(
        owner.to(info.database),
        "CREATE SCHEMA farm",
        f"CREATE TABLE farm.goat WITH ({SLOWLY}) AS "
        "SELECT id, repeat('milk', 500) AS words FROM generate_series(1, 4000) AS id",
        "DELETE FROM farm.goat WHERE id % 2 = 0",
    )
    with connect(info.to("postgres")) as watch:
        wait_until(lambda: vacuums(watch, info.database))
    return owner.to(info.database)


def vacuums(conn: psycopg.Connection, name: str) -> bool:
    words = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker' AND datname = %s"
    return conn.execute(words, [name]).fetchone() != (0,)


def test_autovacuum_does_not_keep_an_owner_from_dropping(vacuumed: ConnInfo) -> None:
    with connect(vacuumed.to("postgres")) as conn:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="terminate process"):
            conn.execute(f'DROP DATABASE "{vacuumed.database}" WITH (FORCE)'.encode())
        assert drop(conn, vacuumed.database)


def test_autovacuum_does_not_keep_an_owner_from_renaming(vacuumed: ConnInfo) -> None:
    with connect(vacuumed.to("postgres")) as conn:
        rename(conn, vacuumed.database, f"{vacuumed.database}_2")
        rename(conn, f"{vacuumed.database}_2", vacuumed.database)
