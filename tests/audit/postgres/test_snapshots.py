"""Snapshots that several connections share, and what could make one lie."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest

from audit.exceptions import LockTimeout, QueryFailed, RightsMissing
from audit.postgres import snapshots
from audit.postgres.connect import connect
from audit.postgres.rows import table_states
from audit.postgres.snapshots import adopt, export_snapshot
from tests.conftest import MakeDatabase, MakeRole, run
from tovgov.embedded import Cluster


def test_a_snapshot_knows_its_moment_and_place(any_cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(any_cluster)
    with connect(info) as conn, export_snapshot(conn) as snapshot:
        assert snapshot.at.utcoffset() is not None
        assert "/" in snapshot.lsn
        with connect(info) as other, adopt(other, snapshot):
            row = other.execute("SHOW transaction_isolation").fetchone()
            assert row == ("repeatable read",)
    assert conn.closed


def test_a_snapshot_that_is_no_longer_held_is_refused(any_cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(any_cluster)
    with connect(info) as conn, export_snapshot(conn) as snapshot:
        pass
    with pytest.raises(QueryFailed, match="no longer held"):
        table_states(info, snapshot)


def test_truncate_waits_until_the_snapshot_is_released(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    run(info, "CREATE TABLE t AS SELECT generate_series(1, 10) AS id")
    with connect(info) as conn, export_snapshot(conn) as snapshot:
        with connect(info, lock_timeout=200) as other, pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute("TRUNCATE public.t")
        assert table_states(info, snapshot)[0].rows == 10
    run(info, "TRUNCATE t")


def test_a_truncate_between_snapshot_and_lock_gives_a_new_snapshot(
    cluster: Cluster, make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the second look, the dump and the counts would agree on an empty table that never was empty."""
    info = make_database(cluster)
    run(info, "CREATE TABLE t AS SELECT generate_series(1, 10) AS id")
    taken, real = [], snapshots._take

    def take_and_meddle(conn: psycopg.Connection) -> snapshots.Snapshot:
        taken.append(real(conn))
        if len(taken) == 1:
            with psycopg.connect(**info.keywords()) as other:  # type: ignore[arg-type]
                other.execute("TRUNCATE t")
                other.execute("INSERT INTO t SELECT generate_series(1, 7)")
        return taken[-1]

    monkeypatch.setattr(snapshots, "_take", take_and_meddle)
    with connect(info) as conn, export_snapshot(conn) as snapshot:
        assert len(taken) == 2
        assert snapshot == taken[1]
        assert table_states(info, snapshot)[0].rows == 7


def test_a_drop_between_snapshot_and_lock_gives_a_new_snapshot(
    cluster: Cluster, make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = make_database(cluster)
    run(info, "CREATE TABLE t (id int)", "CREATE TABLE u (id int)")
    real = snapshots._take

    def take_and_meddle(conn: psycopg.Connection) -> snapshots.Snapshot:
        snapshot = real(conn)
        run(info, "DROP TABLE IF EXISTS u")
        return snapshot

    monkeypatch.setattr(snapshots, "_take", take_and_meddle)
    with connect(info) as conn, export_snapshot(conn) as snapshot:
        assert [state.name for state in table_states(info, snapshot)] == ["t"]


def test_a_table_that_somebody_holds_is_a_lock_timeout(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    run(info, "CREATE TABLE t (id int)")
    with psycopg.connect(**info.keywords()) as holder:  # type: ignore[arg-type]
        holder.execute("LOCK TABLE t")
        with pytest.raises(LockTimeout), connect(info, lock_timeout=200) as conn, export_snapshot(conn):
            pass


def test_a_table_that_may_not_be_read_is_named_before_anything_is_locked(
    cluster: Cluster, make_database: MakeDatabase, roles: MakeRole
) -> None:
    info, watcher = make_database(cluster), roles(cluster)
    run(info, "CREATE SCHEMA shut", "CREATE TABLE shut.t (id int)", "CREATE TABLE u (id int)",
        f"GRANT SELECT ON shut.t, u TO {watcher.user}")  # fmt: skip
    with (
        pytest.raises(RightsMissing, match=r'"shut"\."t"'),
        connect(watcher.to(info.database)) as conn,
        export_snapshot(conn),
    ):
        pass


def test_the_server_does_not_end_a_snapshot_for_being_idle(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    run(
        info,
        f'ALTER DATABASE "{info.database}" SET idle_in_transaction_session_timeout = 200',
        "CREATE TABLE t (id int)",
    )
    with connect(info) as conn, export_snapshot(conn) as snapshot:
        time.sleep(0.5)
        assert len(table_states(info, snapshot)) == 1


def test_the_transaction_is_over_when_the_block_is_left_by_an_error(
    cluster: Cluster, make_database: MakeDatabase
) -> None:
    info = make_database(cluster)
    with connect(info) as conn:
        with pytest.raises(ZeroDivisionError), export_snapshot(conn):
            raise ZeroDivisionError
        assert conn.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    assert threading.active_count() < 50
