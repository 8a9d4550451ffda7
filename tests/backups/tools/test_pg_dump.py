"""pg_dump against real servers: any name, a given snapshot, and each refusal as the error it is."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg import sql

from audit.exceptions import (
    ConnectionLost,
    DatabaseMissing,
    LockTimeout,
    PasswordRefused,
    RightsMissing,
    TargetUnreachable,
)
from audit.postgres.connect import ConnInfo
from backups.exceptions import SnapshotGone, Stalled, ToolTooOld
from backups.tools.archive import read_header
from backups.tools.pg_dump import dump, explain, globals_of
from backups.tools.pipeline import encode
from tests import names
from tests.backups.tools.conftest import fill_bulk, tool
from tests.conftest import MakeDatabase, MakeRole, run
from tovgov.binaries import majors
from tovgov.embedded import Cluster, free_port

NASTY = [
    "dbname=postgres host=nowhere",
    "postgresql://nowhere/postgres",
    "postgres://",
    'it\'s "quoted" \\back\\slash\\',
    "semi;colon -- comment",
    " spaces  around ",
    "😀 ключ",
    "$(touch pwned) `id` %s {} \\n",
    "--version",
    "new\nline",
    "TovPlay",
    "x" * 63,
    "ж" * 31,
    "template0 ",
]


def dump_to(info: ConnInfo, cluster: Cluster, path: Path, **more: object) -> Path:
    """A plain archive of ``info``."""
    with dump(info, tool("pg_dump", cluster), **more) as child, path.open("wb") as file:  # type: ignore[arg-type]
        shutil.copyfileobj(child.stdout, file)
        child.check()
    return path


@pytest.mark.parametrize("name", NASTY)
def test_any_database_name_is_taken_as_it_is(
    name: str, cluster: Cluster, make_database: MakeDatabase, tmp_path: Path
) -> None:
    info = make_database(cluster, name)
    run(info, sql.SQL("CREATE TABLE here AS SELECT md5({})").format(sql.Literal(name)))
    archive = dump_to(info, cluster, tmp_path / "archive")
    with archive.open("rb") as file:
        assert read_header(file).database == name
    assert hashlib.md5(name.encode()).hexdigest().encode() in archive.read_bytes()


def test_the_dump_is_of_the_snapshot(bulk: ConnInfo, cluster: Cluster, tmp_path: Path) -> None:
    with psycopg.connect(**bulk.keywords()) as keeper:  # type: ignore[arg-type]
        keeper.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        snapshot = keeper.execute("SELECT pg_export_snapshot()").fetchone()[0]  # type: ignore[index]
        run(bulk, "DELETE FROM bulk", "CREATE TABLE later (i int)")
        archive = dump_to(bulk, cluster, tmp_path / "archive", snapshot=snapshot)
    content = archive.read_bytes()
    assert content.count(b"calm calm calm calm calm calm calm calm calm \n") == 100_000
    assert b"later" not in content


@pytest.mark.parametrize("snapshot", ["00000003-0000001B-1", "nonsense", "'; DROP TABLE bulk; --"])
def test_a_snapshot_that_is_gone_is_told(bulk: ConnInfo, cluster: Cluster, tmp_path: Path, snapshot: str) -> None:
    with pytest.raises(SnapshotGone):
        dump_to(bulk, cluster, tmp_path / "archive", snapshot=snapshot)


@pytest.fixture
def clerk(bulk: ConnInfo, cluster: Cluster, roles: MakeRole) -> ConnInfo:
    """A role that may read every table."""
    clerk = roles(cluster).to(bulk.database)
    run(bulk, sql.SQL("GRANT pg_read_all_data TO {}").format(sql.Identifier(clerk.user)))
    return clerk


def test_a_reader_of_all_data_can_dump(clerk: ConnInfo, cluster: Cluster, tmp_path: Path) -> None:
    assert dump_to(clerk, cluster, tmp_path / "archive").stat().st_size > 10_000_000


def test_row_security_is_refused_with_the_right_that_lacks(
    bulk: ConnInfo, clerk: ConnInfo, cluster: Cluster, tmp_path: Path
) -> None:
    run(bulk, "CREATE POLICY half ON bulk USING (id % 2 = 0)", "ALTER TABLE bulk ENABLE ROW LEVEL SECURITY")
    with pytest.raises(RightsMissing, match="row-level security") as caught:
        dump_to(clerk, cluster, tmp_path / "archive")
    assert "BYPASSRLS" in caught.value.hint


def test_a_table_without_rights_is_refused(bulk: ConnInfo, cluster: Cluster, roles: MakeRole, tmp_path: Path) -> None:
    with pytest.raises(RightsMissing, match="permission denied for table bulk"):
        dump_to(roles(cluster).to(bulk.database), cluster, tmp_path / "archive")


def test_a_lock_is_waited_for_only_so_long(bulk: ConnInfo, cluster: Cluster, tmp_path: Path) -> None:
    with psycopg.connect(**bulk.keywords()) as holder:  # type: ignore[arg-type]
        holder.execute("LOCK TABLE bulk IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(LockTimeout, match="LOCK TABLE"):
            dump_to(bulk, cluster, tmp_path / "archive", lock_wait=200)


def test_a_locked_table_is_a_stall(bulk: ConnInfo, cluster: Cluster, tmp_path: Path) -> None:
    with psycopg.connect(**bulk.keywords()) as holder:  # type: ignore[arg-type]
        holder.execute("LOCK TABLE bulk IN ACCESS EXCLUSIVE MODE")
        with dump(bulk, tool("pg_dump", cluster)) as child, pytest.raises(Stalled):
            encode(child, tmp_path / "copy", recipients=[], stall_seconds=0.5)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_stops_in_mid_dump_is_a_lost_connection(tmp_path: Path) -> None:
    server = Cluster(data=tmp_path / "data", major=18, port=free_port(), password=secrets.token_hex(8), durable=False)
    tmp_path.chmod(0o711)
    server.start()
    copies = tmp_path / "copies"
    copies.mkdir()
    try:
        fill_bulk(server.conninfo())
        with dump(server.conninfo(), tool("pg_dump", server)) as child:
            assert child.stdout.read(5) == b"PGDMP"  # nothing more is read: the dump waits for us
            server.stop(immediately=True)
            with pytest.raises(ConnectionLost):
                encode(child, copies / "copy", recipients=[])
    finally:
        server.stop(immediately=True)
    assert list(copies.iterdir()) == []


def test_a_wrong_database_is_told(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(DatabaseMissing, match='no database named "nowhere"'):
        dump_to(cluster.conninfo("nowhere"), cluster, tmp_path / "archive")


def test_a_wrong_password_is_told_and_not_shown(cluster: Cluster, roles: MakeRole, tmp_path: Path) -> None:
    clerk = roles(cluster)
    wrong = ConnInfo(database="postgres", host=clerk.host, port=clerk.port, user=clerk.user, password="sesame")
    with pytest.raises(PasswordRefused) as caught:
        dump_to(wrong, cluster, tmp_path / "archive")
    assert "sesame" not in repr(caught.value.as_dict())


def test_a_closed_port_is_told(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(TargetUnreachable):
        dump_to(ConnInfo(database="d", host="127.0.0.1", port=free_port(), user="u"), cluster, tmp_path / "archive")


@pytest.mark.skipif(15 not in majors(), reason="PostgreSQL 15 is not on this machine")
def test_an_older_pg_dump_is_told(clusters: dict[int, Cluster], tmp_path: Path) -> None:
    with dump(clusters[18].conninfo(), tool("pg_dump", clusters[15])) as child, pytest.raises(ToolTooOld):
        encode(child, tmp_path / "copy", recipients=[])


def test_no_secret_stands_in_the_command_or_its_environment(clerk: ConnInfo, bulk: ConnInfo, cluster: Cluster) -> None:
    with psycopg.connect(**bulk.keywords()) as holder:  # type: ignore[arg-type]
        holder.execute("LOCK TABLE bulk IN ACCESS EXCLUSIVE MODE")
        with dump(clerk, tool("pg_dump", cluster)) as child:
            process = psutil.Process(child.pid)
            seen = " ".join([*process.cmdline(), *process.environ().values()])
    assert clerk.database in seen
    assert clerk.user in seen
    assert clerk.password not in seen


def test_what_is_set_beside_a_service_wins_over_it(
    clerk: ConnInfo, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the environment alone it would not: pg_dump would come in as somebody else."""
    (tmp_path / "services").write_text(
        f"[shop]\nhost=127.0.0.1\nport={cluster.port}\nuser=nobody\ndbname=nowhere\nsslmode=disable\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    info = ConnInfo(service="shop", database=clerk.database, user=clerk.user, password=clerk.password)
    assert dump_to(info, cluster, tmp_path / "archive").stat().st_size > 10_000_000


def test_a_service_alone_names_everything(
    clerk: ConnInfo, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "services").write_text(
        f"[shop]\nhost=127.0.0.1\nport={cluster.port}\nuser={clerk.user}\ndbname={clerk.database}\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    info = ConnInfo(service="shop", password=clerk.password)
    assert dump_to(info, cluster, tmp_path / "archive").stat().st_size > 10_000_000


def test_certificates_named_in_the_environment_reach_the_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", "/etc/ssl/shop.pem")
    monkeypatch.setenv("PGHOST", "somewhere.else.example.org")
    with ConnInfo(database="shop").client_environment() as environment:
        assert environment["PGSSLROOTCERT"] == "/etc/ssl/shop.pem"
        assert "PGHOST" not in environment


# --- globals ---------------------------------------------------------------------------------------------------------


def test_globals_are_roles_without_passwords(any_cluster: Cluster, roles: MakeRole) -> None:
    owner = roles(any_cluster, "CREATEDB", name="owner 'of' \"things\"")
    text = globals_of(any_cluster.conninfo(), tool("pg_dumpall", any_cluster))
    assert 'CREATE ROLE "owner \'of\' ""things""";' in text
    assert "PASSWORD" not in text
    assert owner.password not in text


@pytest.fixture
def globals_to_ourselves() -> Iterator[None]:
    """pg_dumpall reads them in the database postgres, which every test of the server shares."""
    with names.to_ourselves("globals"):
        yield


def test_an_ordinary_role_can_read_globals_too(cluster: Cluster, roles: MakeRole, globals_to_ourselves: None) -> None:
    clerk = roles(cluster)
    assert f"CREATE ROLE {clerk.user};" in globals_of(clerk, tool("pg_dumpall", cluster))


def test_globals_that_may_not_be_read_are_told(cluster: Cluster, roles: MakeRole, globals_to_ourselves: None) -> None:
    clerk = roles(cluster)
    run(cluster.conninfo(), "REVOKE SELECT ON pg_catalog.pg_roles FROM PUBLIC")
    try:
        with pytest.raises(RightsMissing, match="permission denied"):
            globals_of(clerk, tool("pg_dumpall", cluster))
    finally:
        run(cluster.conninfo(), "GRANT SELECT ON pg_catalog.pg_roles TO PUBLIC")


# --- last words ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        (
            "pg_dump: error: query failed: ERROR:  canceling statement due to lock timeout",
            "target.lock_timeout",
            "pg_dump: query failed: ERROR: canceling statement due to lock timeout",
        ),
        (
            "pg_dump: error: query failed: SSL connection has been closed unexpectedly",
            "target.connection_lost",
            "pg_dump: query failed: SSL connection has been closed unexpectedly",
        ),
        (
            "pg_dump: error: COPY failed: ERROR:  could not extend file: No space left on device",
            "disk.full",
            "The server's disk is full. pg_dump: COPY failed: ERROR: could not extend file: No space left on device",
        ),
        (
            "pg_dump: error: query failed: FEHLER:  Berechtigung nicht erteilt",
            "tool.failed",
            "pg_dump: query failed: FEHLER: Berechtigung nicht erteilt",
        ),
        ("", "tool.failed", "pg_dump: it ended with status 1 and said nothing."),
    ],
)
def test_last_words_are_understood(line: str, code: str, message: str) -> None:
    error = explain("pg_dump", ConnInfo(user="clerk"), 1, [line])
    assert (error.code, error.message) == (code, message)
