"""Test connection: every line can pass and can fail, and what could not be asked is UNKNOWN, never a pass."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from audit.exceptions import TovgovError
from audit.postgres import disk, probes
from audit.postgres.catalog import schema_fingerprint
from audit.postgres.connect import ConnInfo, connect
from audit.postgres.disk import Disk, read_disk
from audit.postgres.identity import read_identity
from audit.postgres.preflight import PROBES, Line, Purpose, preflight
from audit.postgres.probes import Status
from audit.postgres.rows import large_objects, states_now, table_states
from audit.postgres.snapshots import export_snapshot
from tests import environment
from tests.audit.postgres.conftest import needs_debian
from tests.conftest import MakeDatabase, MakeRole, run
from tests.waiting import wait_until
from tovgov.embedded import Cluster, free_port

PASS, FAIL, UNKNOWN = Status.PASS, Status.FAIL, Status.UNKNOWN


def lines(info: ConnInfo, purpose: Purpose) -> dict[str, Line]:
    return {line.check: line for line in preflight(info, purpose)}


# --- all of it -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", Purpose)
def test_a_superuser_on_a_healthy_server_passes(
    any_cluster: Cluster, make_database: MakeDatabase, purpose: Purpose
) -> None:
    found = lines(make_database(any_cluster), purpose)
    assert list(found) == ["Reachable", *PROBES[purpose]]
    assert {line.status for line in found.values()} == {PASS}
    assert all(line.detail for line in found.values())


def test_a_role_without_rights_fails_where_it_must(
    any_cluster: Cluster, make_database: MakeDatabase, roles: MakeRole
) -> None:
    info, weak = make_database(any_cluster), roles(any_cluster, name='weak "role"')
    run(
        info,
        "CREATE TABLE shut (id serial)",
        "CREATE TABLE ruled (id int)",
        "ALTER TABLE ruled ENABLE ROW LEVEL SECURITY",
        'GRANT SELECT ON ruled TO "weak ""role"""',
        "SELECT lo_from_bytea(0, 'x')",
    )
    backup = lines(weak.to(info.database), Purpose.BACKUP)
    failed = {check for check, line in backup.items() if line.status is FAIL}
    assert failed == {"Tables", "Sequences", "Row security", "Large objects"}
    assert '"public"."shut"' in backup["Tables"].detail
    assert '"public"."shut_id_seq"' in backup["Sequences"].detail
    assert '"public"."ruled"' in backup["Row security"].detail
    assert backup["Row security"].hint == 'ALTER ROLE "weak ""role""" BYPASSRLS;'
    operate = lines(weak.to(info.database), Purpose.OPERATE)
    assert {check for check, line in operate.items() if line.status is FAIL} == {
        "Create databases",
        "Rename the database",
    }
    assert operate["Free disk"].status is UNKNOWN
    assert "Could not be asked" in operate["Free disk"].detail


def test_the_hints_help(any_cluster: Cluster, make_database: MakeDatabase, roles: MakeRole) -> None:
    """What a line advises is done; then the line passes, and the dump it promises works."""
    info, weak = make_database(any_cluster), roles(any_cluster)
    run(info, "CREATE TABLE shut (id serial)", "CREATE TABLE ruled (id int)", "INSERT INTO ruled VALUES (1)",
        "ALTER TABLE ruled ENABLE ROW LEVEL SECURITY")  # fmt: skip
    before = lines(weak.to(info.database), Purpose.BACKUP)
    for check in ("Tables", "Row security"):
        run(any_cluster.conninfo(), before[check].hint)
    after = lines(weak.to(info.database), Purpose.BACKUP)
    assert {line.status for line in after.values()} == {PASS}
    operate = lines(weak.to(info.database), Purpose.OPERATE)
    assert operate["Rename the database"].status is FAIL
    for statement in operate["Rename the database"].hint.split("; "):
        run(any_cluster.conninfo(), statement)
    operate = lines(weak.to(info.database), Purpose.OPERATE)
    assert {operate[check].status for check in ("Create databases", "Rename the database")} == {PASS}


def test_a_line_becomes_json(cluster: Cluster) -> None:
    line = preflight(cluster.conninfo(), Purpose.WATCH)[0].as_dict()
    assert (line["check"], line["status"], line["hint"]) == ("Reachable", "PASS", "")
    assert type(line["status"]) is str


# --- the connection --------------------------------------------------------------------------------------------------


def test_a_database_that_is_missing_is_hinted_at(cluster: Cluster, make_database: MakeDatabase) -> None:
    make_database(cluster, "TovProbed")
    found = lines(cluster.conninfo("tovprobed"), Purpose.WATCH)
    assert found["Reachable"].status is FAIL
    assert '"TovProbed"; you wrote "tovprobed"' in found["Reachable"].hint
    assert {line.status for check, line in found.items() if check != "Reachable"} == {UNKNOWN}


def test_a_database_like_no_other_gets_the_general_hint(cluster: Cluster) -> None:
    assert "open Recover" in lines(cluster.conninfo("zzzzzzzz"), Purpose.WATCH)["Reachable"].hint


def test_a_closed_port_and_a_wrong_password_are_failures(cluster: Cluster, roles: MakeRole) -> None:
    closed = ConnInfo(database="x", host="127.0.0.1", port=free_port(), user="x", password="secret-word")
    wrong = cluster.conninfo()
    for info in (closed, ConnInfo(wrong.database, wrong.host, wrong.port, wrong.user, "secret-word")):
        found = lines(info, Purpose.OPERATE)
        assert found["Reachable"].status is FAIL
        assert "secret-word" not in str(found)
        assert {line.status for check, line in found.items() if check != "Reachable"} == {UNKNOWN}


def test_a_connection_without_tls_passes_only_on_this_machine(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(cluster.conninfo()) as conn:
        assert "this machine only" in probes.encryption(conn, cluster.conninfo()).detail
        monkeypatch.setattr(probes, "_one", lambda conn, name: (False, None, None, False, False))
        answer = probes.encryption(conn, cluster.conninfo())
    assert answer.status is FAIL
    assert "sslmode" in answer.hint


@contextmanager
def tls(cluster: Cluster) -> Iterator[ConnInfo]:
    """The server speaks TLS with a certificate made for the moment, until the block is left."""
    key, certificate = cluster.folder / "test.key", cluster.folder / "test.crt"
    subject = ["-subj", "/CN=localhost", "-days", "2", "-nodes"]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", *subject, "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)  # fmt: skip
    for file in (key, certificate):
        file.chmod(0o600)
        os.chown(file, cluster.folder.stat().st_uid, cluster.folder.stat().st_gid)
    settings = {"ssl_key_file": key, "ssl_cert_file": certificate, "ssl": "on"}
    run(cluster.conninfo(), *(f"ALTER SYSTEM SET {name} = '{value}'" for name, value in settings.items()))
    try:
        run(cluster.conninfo(), "SELECT pg_reload_conf()")
        info = replace(cluster.conninfo(), sslmode="require")
        wait_until(lambda: preflight(info, Purpose.WATCH)[0].status is PASS)
        yield info
    finally:
        reset = (f"ALTER SYSTEM RESET {name}" for name in settings)
        run(replace(cluster.conninfo(), sslmode="prefer"), *reset, "SELECT pg_reload_conf()")


@needs_debian
def test_a_connection_with_tls_says_how(debian: Cluster) -> None:
    with tls(debian) as info:
        found = lines(info, Purpose.WATCH)["Encrypted connection"]
    assert found.status is PASS
    assert found.detail.startswith("TLSv1.")
    assert "verify-full" in found.hint


def test_tls_that_the_server_cannot_do_is_a_failure(cluster: Cluster) -> None:
    found = lines(replace(cluster.conninfo(), sslmode="require"), Purpose.WATCH)
    assert found["Reachable"].status is FAIL
    assert "SSL" in found["Reachable"].detail


def test_another_database_than_the_named_one_is_told(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    with connect(info) as conn:
        assert probes.database(conn, info).status is PASS
        assert probes.database(conn, info.to("")).status is PASS
        answer = probes.database(conn, info.to(info.database.upper()))
    assert answer.status is FAIL
    assert info.database in answer.hint


@pytest.mark.parametrize(("version", "status"), [(120_022, FAIL), (130_000, PASS), (180_004, PASS), (190_000, UNKNOWN)])
def test_versions_are_told_apart(version: int, status: Status) -> None:
    assert probes.version_answer(version).status is status


@pytest.mark.parametrize(("seconds", "status"), [(0.0, PASS), (1.0, PASS), (60.0, FAIL), (-60.0, FAIL)])
def test_clocks_that_stand_apart_are_a_failure(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, seconds: float, status: Status
) -> None:
    real = time.time
    monkeypatch.setattr(probes.time, "time", lambda: real() + seconds)
    with connect(cluster.conninfo()) as conn:
        answer = probes.clock(conn, cluster.conninfo())
    assert answer.status is status
    assert f"{abs(seconds):.0f}." in answer.detail


def test_a_clock_that_answers_too_slowly_is_unknown(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(0, 1000, 60))
    monkeypatch.setattr(probes.time, "time", lambda: 1_767_225_600 + next(ticks))
    monkeypatch.setattr(probes, "_one", lambda conn, name: (1_767_225_600.0,))
    with connect(cluster.conninfo()) as conn:
        assert probes.clock(conn, cluster.conninfo()).status is UNKNOWN


# --- reading ---------------------------------------------------------------------------------------------------------


def test_a_role_that_reads_all_today_is_warned_of_new_tables(
    cluster: Cluster, make_database: MakeDatabase, roles: MakeRole
) -> None:
    info, watcher = make_database(cluster), roles(cluster)
    run(info, "CREATE TABLE t (id int)", f"GRANT SELECT ON t TO {watcher.user}")
    line = lines(watcher.to(info.database), Purpose.WATCH)["Tables"]
    assert line.status is PASS
    assert "New tables may lack the right" in line.hint
    run(info, f"GRANT pg_read_all_data TO {watcher.user}")
    assert lines(watcher.to(info.database), Purpose.WATCH)["Tables"].hint == ""


@pytest.mark.parametrize("way", ["grant", "owner", "membership", "public"])
def test_each_way_to_read_a_large_object_is_known(
    any_cluster: Cluster, make_database: MakeDatabase, roles: MakeRole, way: str
) -> None:
    """The line says what a dump would meet: the object itself is read to compare."""
    info, reader, group = make_database(any_cluster), roles(any_cluster), roles(any_cluster)
    run(info, "SELECT lo_from_bytea(77, 'x')", f"GRANT pg_read_all_data TO {reader.user}")
    assert large_object(reader.to(info.database)) == (FAIL, False)
    run(info, {
        "grant": f"GRANT SELECT ON LARGE OBJECT 77 TO {reader.user}",
        "owner": f"ALTER LARGE OBJECT 77 OWNER TO {reader.user}",
        "membership": f"GRANT {group.user} TO {reader.user}; GRANT SELECT ON LARGE OBJECT 77 TO {group.user}",
        "public": "GRANT SELECT ON LARGE OBJECT 77 TO PUBLIC",
    }[way])  # fmt: skip
    assert large_object(reader.to(info.database)) == (PASS, True)


def large_object(info: ConnInfo) -> tuple[Status, bool]:
    status = lines(info, Purpose.BACKUP)["Large objects"].status
    with psycopg.connect(**info.keywords()) as conn:  # type: ignore[arg-type]
        try:
            conn.execute("SELECT lo_get(77)")
        except psycopg.errors.InsufficientPrivilege:
            return status, False
    return status, True


def test_a_forced_policy_binds_the_owner_too(cluster: Cluster, make_database: MakeDatabase, roles: MakeRole) -> None:
    owner = roles(cluster)
    info = make_database(cluster, owner=owner.user)
    run(info, "CREATE TABLE ruled (id int)", f"ALTER TABLE ruled OWNER TO {owner.user}",
        "ALTER TABLE ruled ENABLE ROW LEVEL SECURITY")  # fmt: skip
    assert lines(owner.to(info.database), Purpose.WATCH)["Row security"].status is PASS
    run(info, "ALTER TABLE ruled FORCE ROW LEVEL SECURITY")
    assert lines(owner.to(info.database), Purpose.WATCH)["Row security"].status is FAIL


# --- operating -------------------------------------------------------------------------------------------------------


def test_who_is_connected_decides_whether_sessions_can_be_ended(
    any_cluster: Cluster, make_database: MakeDatabase, roles: MakeRole
) -> None:
    info, owner, client = make_database(any_cluster), roles(any_cluster), roles(any_cluster)

    def line() -> Line:
        return lines(owner.to(info.database), Purpose.OPERATE)["End sessions"]

    assert line().status is UNKNOWN
    with connect(owner.to(info.database)), connect(client.to(info.database)):
        assert line().status is FAIL
        assert client.user in line().detail
        run(any_cluster.conninfo(), f"GRANT pg_signal_backend TO {owner.user}")
        assert line().status is PASS
        with connect(info):
            assert line().status is FAIL
            assert "postgres" in line().detail


@needs_debian
def test_an_extension_that_needs_a_superuser_is_named(
    debian: Cluster, make_database: MakeDatabase, roles: MakeRole
) -> None:
    info, owner = make_database(debian), roles(debian, "CREATEDB")
    run(info, "CREATE EXTENSION hstore", "CREATE EXTENSION pageinspect")
    line = lines(owner.to(info.database), Purpose.OPERATE)["Extensions"]
    assert line.status is FAIL
    assert "pageinspect" in line.detail
    assert "hstore" not in line.detail
    run(info, "DROP EXTENSION pageinspect")
    assert lines(owner.to(info.database), Purpose.OPERATE)["Extensions"].status is PASS


def test_the_disk_is_seen_only_where_it_is_surely_the_servers(
    clusters: dict[int, Cluster], make_database: MakeDatabase
) -> None:
    one, other = clusters[16], clusters[18]
    info = make_database(one)
    with connect(info) as conn:
        found = read_disk(conn)
        identifier = conn.execute("SELECT system_identifier::text FROM pg_control_system()").fetchone()
        assert found is not None
        assert identifier is not None
        assert abs(found.free - shutil.disk_usage(one.folder).free) < 1_000_000_000
        assert found.database > 5_000_000
        assert disk._is_here(conn, one.folder, identifier[0])
        assert not disk._is_here(conn, other.folder, identifier[0])
        with pytest.raises(FileNotFoundError):
            disk._is_here(conn, Path("/nowhere"), identifier[0])


def test_the_owner_of_a_server_is_known_by_its_socket_alone(cluster: Cluster) -> None:
    with connect(cluster.by_socket()) as conn:
        assert disk._owner_of_server(conn) == cluster.folder.stat().st_uid
    with connect(cluster.conninfo()) as conn:
        assert disk._owner_of_server(conn) is None


@pytest.mark.parametrize(
    ("found", "status"), [(Disk(2000, 1000), PASS), (Disk(1099, 1000), FAIL), (Disk(0, 1000), FAIL), (None, UNKNOWN)]
)
def test_too_little_disk_is_a_failure_and_none_is_unknown(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, found: Disk | None, status: Status
) -> None:
    monkeypatch.setattr(probes, "read_disk", lambda conn: found)
    assert lines(cluster.conninfo(), Purpose.OPERATE)["Free disk"].status is status


# --- a standby -------------------------------------------------------------------------------------------------------


@pytest.fixture
def standby() -> Iterator[Callable[..., Cluster]]:
    """Make a read-only server: one that was stopped after ``statements`` and started again as a standby."""
    cluster = Cluster(data=environment.folder() / f"standby-{secrets.token_hex(4)}", major=16, durable=False)

    def make(*statements: str) -> Cluster:
        cluster.start()
        run(cluster.conninfo(), *statements)
        cluster.stop()
        (cluster.folder / "standby.signal").touch()
        cluster.start()
        return cluster

    yield make
    cluster.stop(immediately=True)


def test_a_standby_can_be_counted_and_described_but_not_operated(standby: Callable[..., Cluster]) -> None:
    info = standby("CREATE TABLE t (id int)", "INSERT INTO t VALUES (1), (2)").conninfo()
    backup, operate = lines(info, Purpose.BACKUP), lines(info, Purpose.OPERATE)
    assert {line.status for line in backup.values()} == {PASS}
    assert "ended by replication" in backup["Standby"].hint
    assert operate["Writable"].status is FAIL
    with connect(info) as conn, export_snapshot(conn) as snapshot:
        assert table_states(info, snapshot)[0].rows == 2
        assert "/" in snapshot.lsn
        assert large_objects(conn).count == 0
        assert schema_fingerprint(conn).objects > 2
        assert read_identity(conn).database == "postgres"


def test_unlogged_tables_of_a_standby_cannot_be_backed_up(standby: Callable[..., Cluster]) -> None:
    info = standby("CREATE UNLOGGED TABLE t (id int)").conninfo()
    assert lines(info, Purpose.BACKUP)["Standby"].status is FAIL
    with pytest.raises(TovgovError, match=r'"public"\."t"'):
        states_now(info)
