"""The swap: all or nothing, in milliseconds, whoever hammers at the door."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import psycopg
import pytest

from audit.exceptions import DatabaseBusy, DatabaseExists, DatabaseMissing, NameInvalid, RightsMissing
from audit.postgres.connect import ConnInfo, connect
from audit.postgres.databases import create_like, read_facts, rename, sessions, swap
from audit.postgres.identity import find_database
from tests.conftest import MakeDatabase, MakeRole, drop_database, run
from tests.waiting import wait_until
from tovgov.embedded import Cluster


@pytest.fixture
def pair(any_cluster: Cluster, make_database: MakeDatabase) -> Iterator[tuple[ConnInfo, ConnInfo, str]]:
    """A live database with a table ``live``, a side one with ``side``, and a name to keep the live one under."""
    live, side = make_database(any_cluster), make_database(any_cluster)
    run(live, "CREATE TABLE live (id int)")
    run(side, "CREATE TABLE side (id int)")
    kept = f"{live.database} (kept)"
    yield live, side, kept
    drop_database(any_cluster, kept)


def oids(cluster: Cluster, *names: str) -> list[int | None]:
    with connect(cluster.conninfo()) as conn:
        return [find_database(conn, name) for name in names]


class Client:
    """Connects to ``info`` again and again, as an application with a pool does, and notes what it meets."""

    def __init__(self, info: ConnInfo) -> None:
        self.info, self.tables, self.errors = info, list[str](), list[str]()
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                with psycopg.connect(**self.info.keywords(), autocommit=True) as conn:  # type: ignore[arg-type]
                    while not self.stop.is_set():
                        row = conn.execute("SELECT relname FROM pg_stat_user_tables").fetchone()
                        self.tables.append(row[0] if row else "")
            except psycopg.Error as error:
                self.errors.append(str(error))


def all_see(clients: list[Client], table: str) -> bool:
    return all(client.tables and client.tables[-1] == table for client in clients)


@contextmanager
def hammering(info: ConnInfo, number: int) -> Iterator[list[Client]]:
    clients = [Client(info) for _ in range(number)]
    threads = [threading.Thread(target=client.run) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield clients
    finally:
        for client in clients:
            client.stop.set()
        for thread in threads:
            thread.join()


def test_a_swap_puts_side_in_the_place_of_live_and_an_undo_puts_it_back(
    any_cluster: Cluster, pair: tuple[ConnInfo, ConnInfo, str]
) -> None:
    live, side, kept = pair
    before = oids(any_cluster, live.database, side.database)
    with connect(any_cluster.conninfo()) as conn:
        milliseconds = swap(conn, live.database, side.database, kept)
        assert oids(any_cluster, kept, live.database, side.database) == [*before, None]
        undo = swap(conn, live.database, kept, side.database)
        assert oids(any_cluster, live.database, side.database, kept) == [*before, None]
    assert milliseconds > 0
    assert undo > 0


def test_a_swap_under_hammering_clients(any_cluster: Cluster, pair: tuple[ConnInfo, ConnInfo, str]) -> None:
    live, side, kept = pair
    with hammering(live, 6) as clients, connect(any_cluster.conninfo()) as conn:
        for _ in range(3):
            wait_until(lambda: all_see(clients, "live"))
            swap(conn, live.database, side.database, kept)
            wait_until(lambda: all_see(clients, "side"))
            swap(conn, live.database, kept, side.database)
        wait_until(lambda: all_see(clients, "live"))
        assert len(sessions(conn, live.database)) >= 6
    for client in clients:
        changes = [a for a, b in zip(client.tables, client.tables[1:], strict=False) if a != b]
        assert changes == ["live", "side"] * 3


def test_the_lock_against_drop_stays_with_the_live_name(
    any_cluster: Cluster, pair: tuple[ConnInfo, ConnInfo, str]
) -> None:
    live, side, kept = pair
    run(any_cluster.conninfo(), f'ALTER DATABASE "{live.database}" IS_TEMPLATE true')
    with connect(any_cluster.conninfo()) as conn:
        swap(conn, live.database, side.database, kept)
        assert read_facts(conn, live.database).is_template
        assert not read_facts(conn, kept).is_template
        swap(conn, live.database, kept, side.database)
        assert read_facts(conn, live.database).is_template
        assert not read_facts(conn, side.database).is_template


def test_an_owner_swaps_without_superuser_when_only_his_own_sessions_are_there(
    any_cluster: Cluster, make_database: MakeDatabase, roles: MakeRole
) -> None:
    owner = roles(any_cluster, "CREATEDB")
    live = make_database(any_cluster, owner=owner.user)
    side = make_database(any_cluster, owner=owner.user)
    kept = make_database(any_cluster).database
    drop_database(any_cluster, kept)
    before = oids(any_cluster, live.database, side.database)
    with connect(owner.to(live.database)), connect(owner) as conn:
        swap(conn, live.database, side.database, kept)
    assert oids(any_cluster, kept, live.database) == before


# --- refusals: everything is as it was -------------------------------------------------------------------------------


@contextmanager
def unchanged(cluster: Cluster, *names: str) -> Iterator[None]:
    def facts() -> list[object]:
        with connect(cluster.conninfo()) as conn:
            found = [read_facts(conn, name) if find_database(conn, name) else None for name in names]
            return [*oids(cluster, *names), *(fact and (fact.is_template, fact.allow_connections) for fact in found)]

    before = facts()
    yield
    assert facts() == before
    with connect(cluster.conninfo(names[0])) as conn:
        assert conn.execute("SELECT 1").fetchone() == (1,)


def test_a_swap_without_the_right_to_end_a_session_is_refused(
    any_cluster: Cluster, make_database: MakeDatabase, roles: MakeRole
) -> None:
    owner = roles(any_cluster, "CREATEDB")
    live, side = (make_database(any_cluster, owner=owner.user).database for _ in range(2))
    with (
        unchanged(any_cluster, live, side, "kept"),
        connect(any_cluster.conninfo(live)) as boss,
        connect(owner) as conn,
    ):
        with pytest.raises(RightsMissing, match="postgres"):
            swap(conn, live, side, "kept", patience=0)
        assert boss.execute("SELECT 1").fetchone() == (1,)


def test_a_swap_waits_for_a_session_that_it_may_not_end_and_that_goes_by_itself(
    any_cluster: Cluster, make_database: MakeDatabase, roles: MakeRole
) -> None:
    """A superuser's monitor looks in for a moment."""
    owner = roles(any_cluster, "CREATEDB")
    live, side = (make_database(any_cluster, owner=owner.user).database for _ in range(2))
    kept = f"{live} (kept)"
    before = oids(any_cluster, live, side)
    with psycopg.connect(**any_cluster.keywords(live)) as monitor, connect(owner) as conn:  # type: ignore[arg-type]
        leave = threading.Timer(0.2, monitor.close)
        leave.start()
        swap(conn, live, side, kept)
        leave.join()
    assert oids(any_cluster, kept, live) == before
    drop_database(any_cluster, kept)


def test_a_swap_by_someone_who_does_not_own_the_databases_is_refused(
    any_cluster: Cluster, pair: tuple[ConnInfo, ConnInfo, str], roles: MakeRole
) -> None:
    live, side, kept = pair
    stranger = roles(any_cluster, "CREATEDB")
    with (
        unchanged(any_cluster, live.database, side.database, kept),
        pytest.raises(RightsMissing),
        connect(stranger) as conn,
    ):
        swap(conn, live.database, side.database, kept)


def test_a_swap_with_a_prepared_transaction_is_refused_by_name(
    any_cluster: Cluster, pair: tuple[ConnInfo, ConnInfo, str]
) -> None:
    live, side, kept = pair
    with psycopg.connect(**live.keywords()) as client:  # type: ignore[arg-type]
        client.execute("INSERT INTO live VALUES (1)")
        client.execute("PREPARE TRANSACTION 'order 17'")
    try:
        with (
            unchanged(any_cluster, live.database, side.database, kept),
            connect(any_cluster.conninfo()) as conn,
            pytest.raises(DatabaseBusy, match='"order 17" of postgres'),
        ):
            swap(conn, live.database, side.database, kept)
    finally:
        run(live, "ROLLBACK PREPARED 'order 17'")


def test_a_swap_gives_up_when_the_lock_cannot_be_had(
    any_cluster: Cluster, pair: tuple[ConnInfo, ConnInfo, str]
) -> None:
    """A renaming transaction in the middle holds the database's lock and cannot be seen inside of it."""
    live, side, kept = pair
    with (
        unchanged(any_cluster, live.database, side.database, kept),
        psycopg.connect(**any_cluster.keywords()) as holder,  # type: ignore[arg-type]
        connect(any_cluster.conninfo(), lock_timeout=100) as conn,
    ):
        holder.execute(f'ALTER DATABASE "{side.database}" RENAME TO "{kept} 2"')
        with pytest.raises(DatabaseBusy):
            swap(conn, live.database, side.database, kept, patience=0.3)
        holder.rollback()


def test_a_swap_that_fails_half_way_leaves_both_names(
    any_cluster: Cluster,
    pair: tuple[ConnInfo, ConnInfo, str],
    make_database: MakeDatabase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    live, side, kept = pair
    monkeypatch.setattr("audit.postgres.databases.renames.PAUSE", 0.001)
    monkeypatch.setattr("audit.postgres.databases.renames._check", lambda conn, pairs: None)
    with (
        unchanged(any_cluster, live.database, side.database, kept),
        pytest.raises(Exception, match="does not exist"),
        connect(any_cluster.conninfo()) as conn,
    ):
        swap(conn, live.database, "no such side", kept)


def test_a_process_that_dies_in_the_middle_of_a_swap_leaves_everything_as_it_was(
    any_cluster: Cluster, pair: tuple[ConnInfo, ConnInfo, str]
) -> None:
    """It is killed when live has its new name in the open transaction, while side is held by somebody."""
    live, side, kept = pair
    code = (
        "import json, os\n"
        "from audit.postgres.connect import ConnInfo, connect\n"
        "from audit.postgres.databases import swap\n"
        "info, names = ConnInfo(**json.loads(os.environ['INFO'])), json.loads(os.environ['NAMES'])\n"
        "with connect(info, lock_timeout=60000) as conn: swap(conn, *names)"
    )
    words = {
        "INFO": json.dumps(asdict(any_cluster.conninfo())),
        "NAMES": json.dumps([live.database, side.database, kept]),
    }
    with (
        unchanged(any_cluster, live.database, side.database, kept),
        psycopg.connect(**any_cluster.keywords()) as holder,  # type: ignore[arg-type]
    ):
        holder.execute(f'ALTER DATABASE "{side.database}" RENAME TO "{kept} 2"')
        with subprocess.Popen([sys.executable, "-c", code], env=os.environ | words) as process:
            wait_for_lock(any_cluster, f'ALTER DATABASE "{side.database}" RENAME%')
            process.kill()
        assert process.returncode == -signal.SIGKILL
        holder.rollback()


def wait_for_lock(cluster: Cluster, statement: str) -> None:
    """Until somebody waits for a lock in ``statement``."""
    words = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s"
    with connect(cluster.conninfo()) as conn:
        wait_until(lambda: conn.execute(words, [statement]).fetchone() == (1,))


def test_a_swap_over_a_taken_name_is_refused(
    any_cluster: Cluster, pair: tuple[ConnInfo, ConnInfo, str], make_database: MakeDatabase
) -> None:
    live, side, kept = pair
    make_database(any_cluster, kept)
    with (
        unchanged(any_cluster, live.database, side.database, kept),
        connect(any_cluster.conninfo()) as conn,
        pytest.raises(DatabaseExists),
    ):
        swap(conn, live.database, side.database, kept)


def test_a_swap_with_a_missing_side_is_refused_before_anyone_is_sent_away(
    any_cluster: Cluster, pair: tuple[ConnInfo, ConnInfo, str]
) -> None:
    live, _, kept = pair
    with connect(live) as client, connect(any_cluster.conninfo()) as conn:
        with pytest.raises(DatabaseMissing, match="no such side"):
            swap(conn, live.database, "no such side", kept)
        assert client.execute("SELECT 1").fetchone() == (1,)


def test_a_rename_to_a_name_that_would_be_cut_is_refused(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    with connect(cluster.conninfo()) as conn, pytest.raises(NameInvalid):
        rename(conn, info.database, "é" * 32)


def test_a_new_database_is_renamed_to_the_name_of_a_dropped_one(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    drop_database(cluster, info.database)
    with connect(cluster.conninfo()) as conn:
        create_like(conn, "beside", read_facts(conn, "postgres"))
        rename(conn, "beside", info.database)
        assert find_database(conn, info.database) is not None
        assert find_database(conn, "beside") is None
