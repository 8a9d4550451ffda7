"""From a database to a copy and back into another database, with real servers."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from psycopg import sql

from audit.exceptions import ConnectionLost, DatabaseMissing, JobCancelled, RightsMissing
from audit.postgres.connect import ConnInfo
from backups.exceptions import CopyDamaged, ToolFailed
from backups.tools.archive import select_entries, toc
from backups.tools.checksums import Writer
from backups.tools.decoding import decode
from backups.tools.encryption import Identity, Recipient
from backups.tools.pg_restore import Options, restore, restore_stream
from tests.backups.tools.conftest import ROWS, backup, counts, needs, plain_archive, tool
from tests.conftest import MakeDatabase, MakeRole, run
from tovgov.binaries import majors
from tovgov.embedded import Cluster


@pytest.fixture
def archive(world: ConnInfo, cluster: Cluster, tmp_path: Path) -> Path:
    return plain_archive(world, cluster, tmp_path / "world.dump")


def options(cluster: Cluster, **more: Any) -> Options:
    return Options(cluster.major * 10_000, **more)


@pytest.mark.parametrize("cluster", [15, 16, 18], indirect=True)
@pytest.mark.parametrize("jobs", [1, 2])
def test_everything_comes_back(archive: Path, cluster: Cluster, make_database: MakeDatabase, jobs: int) -> None:
    side = make_database(cluster)
    items: list[tuple[int, int]] = []
    lines: list[str] = []
    restore(
        side,
        tool("pg_restore", cluster),
        archive,
        options(cluster, jobs=jobs),
        on_items=lambda done, total: items.append((done, total)),
        on_line=lines.append,
    )
    assert counts(side) == ROWS
    assert [done for done, _ in items] == sorted(done for done, _ in items)
    assert items[-1][0] == items[-1][1] == len(toc(tool("pg_restore", cluster), archive))
    assert len(items) > 20
    assert any("semi;colon" in line for line in lines)


@needs("age")
@needs("zstd")
@pytest.mark.parametrize("cluster", [15, 18], indirect=True)
def test_the_command_line_opens_it_without_us(
    world: ConnInfo,
    cluster: Cluster,
    make_database: MakeDatabase,
    tmp_path: Path,
    recipients: list[Recipient],
    key_file: Path,
) -> None:
    stored = tmp_path / "it's a copy.age"
    backup(world, cluster, stored, recipients)
    side = make_database(cluster)
    with side.client_environment() as environment:
        subprocess.run(
            ["/bin/sh", "-c", 'age -d -i "$1" "$2" | zstd -d | "$3" --exit-on-error -d "$PGDATABASE"', "sh",
             key_file, stored, tool("pg_restore", cluster).path],
            env=environment, check=True, capture_output=True,
        )  # fmt: skip
    assert counts(side) == ROWS


@pytest.mark.skipif(15 not in majors(), reason="PostgreSQL 15 is not on this machine")
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_newer_pg_restore_fills_an_older_server(
    clusters: dict[int, Cluster], world: ConnInfo, make_database: MakeDatabase, tmp_path: Path, jobs: int
) -> None:
    """pg_restore 17 and later set transaction_timeout, which servers before 17 refuse."""
    archive = plain_archive(world, clusters[18], tmp_path / "archive")  # pg_dump 18 of a server 16
    side = make_database(clusters[15])
    restore(side, tool("pg_restore", clusters[18]), archive, options(clusters[15], jobs=jobs))
    assert counts(side) == ROWS


@pytest.mark.skipif(15 not in majors(), reason="PostgreSQL 15 is not on this machine")
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_newer_pg_restore_still_stops_at_a_real_error(
    clusters: dict[int, Cluster], world: ConnInfo, make_database: MakeDatabase, tmp_path: Path, jobs: int
) -> None:
    archive = plain_archive(world, clusters[18], tmp_path / "archive")
    side = make_database(clusters[15])
    run(side, 'CREATE TABLE "😀 и ключ" (id bigint PRIMARY KEY, word text)')
    with pytest.raises(ToolFailed, match="already exists"):
        restore(side, tool("pg_restore", clusters[18]), archive, options(clusters[15], jobs=jobs))


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_first_error_ends_it_with_the_servers_sentence(
    archive: Path, cluster: Cluster, make_database: MakeDatabase, jobs: int
) -> None:
    """In place and without a stop, two generations of rows would be mixed."""
    side = make_database(cluster)
    run(side, "CREATE VIEW calm AS SELECT 1")
    with pytest.raises(ToolFailed, match=r'relation "calm" already exists'):
        restore(side, tool("pg_restore", cluster), archive, options(cluster, jobs=jobs))
    with psycopg.connect(**side.keywords()) as connection:  # type: ignore[arg-type]
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert tables is not None
    assert tables[0] <= 3  # no data was loaded


def test_a_missing_database_is_told(archive: Path, cluster: Cluster) -> None:
    with pytest.raises(DatabaseMissing, match="no database named"):
        restore(cluster.conninfo("nowhere"), tool("pg_restore", cluster), archive, options(cluster))


@pytest.mark.parametrize("name", ["host=nowhere dbname=postgres", 'it\'s \\ "odd" 😀', "-d"])
@pytest.mark.parametrize("jobs", [1, 2])
def test_any_database_name_is_filled(
    archive: Path, cluster: Cluster, make_database: MakeDatabase, name: str, jobs: int
) -> None:
    side = make_database(cluster, name)
    restore(side, tool("pg_restore", cluster), archive, options(cluster, jobs=jobs))
    assert counts(side) == ROWS


def test_an_ordinary_owner_restores_all_but_what_needs_a_superuser(
    cluster: Cluster, world: ConnInfo, make_database: MakeDatabase, roles: MakeRole, tmp_path: Path
) -> None:
    run(world, "CREATE EXTENSION vector", "COMMENT ON EXTENSION vector IS 'a comment only its owner can set'")
    archive = plain_archive(world, cluster, tmp_path / "archive")
    clerk = roles(cluster)

    def side() -> ConnInfo:
        made = make_database(cluster, owner=clerk.user)
        run(made, "CREATE EXTENSION vector")
        return clerk.to(made.database)

    restorer = tool("pg_restore", cluster)
    with pytest.raises(RightsMissing, match="must be owner of extension"):
        restore(side(), restorer, archive, options(cluster, no_owner=True, no_privileges=True))
    selection = select_entries(restorer, archive, is_superuser=False)
    filled = side()
    restore(filled, restorer, archive, options(cluster, no_owner=True, no_privileges=True, selection=selection))
    assert counts(filled) == ROWS
    assert [words.split(" - ")[0] for words in selection.left_out] == ["COMMENT", "EVENT TRIGGER"]


def test_a_merge_restores_all_tables_and_the_rows_of_the_chosen_one(
    archive: Path, cluster: Cluster, make_database: MakeDatabase
) -> None:
    side = make_database(cluster)
    restorer = tool("pg_restore", cluster)
    selection = select_entries(restorer, archive, is_superuser=True, data_of=[("public", "😀 и ключ")])
    restore(side, restorer, archive, options(cluster, selection=selection))
    assert counts(side) == dict.fromkeys(ROWS, 0) | {'"😀 и ключ"': 500}


def test_a_role_is_set_before_anything_is_made(
    archive: Path, cluster: Cluster, make_database: MakeDatabase, roles: MakeRole
) -> None:
    owner = roles(cluster, "SUPERUSER", name="owner of 'things'").user
    side = make_database(cluster)
    restore(side, tool("pg_restore", cluster), archive, options(cluster, role=owner, no_owner=True))
    with psycopg.connect(**side.keywords()) as connection:  # type: ignore[arg-type]
        owners = connection.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert owners == [(owner,)]


@contextmanager
def waiting_for(info: ConnInfo, table: str) -> Iterator[None]:
    """Let a restore wait inside this block: another session makes the same table and does not commit."""
    with psycopg.connect(**info.keywords()) as holder:  # type: ignore[arg-type]
        holder.execute(sql.SQL("CREATE TABLE {} (i int)").format(sql.Identifier(table)))
        yield


# --- cancel, loss, damage --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_cancel_ends_pg_restore_and_its_workers_at_once(
    bulk: ConnInfo, cluster: Cluster, make_database: MakeDatabase, tmp_path: Path, jobs: int
) -> None:
    archive = plain_archive(bulk, cluster, tmp_path / "archive")
    side = make_database(cluster)
    children_before = set(psutil.Process().children(recursive=True))
    begun = time.monotonic()
    with waiting_for(side, "bulk"), pytest.raises(JobCancelled):
        restore(
            side,
            tool("pg_restore", cluster),
            archive,
            options(cluster, jobs=jobs),
            cancelled=lambda: time.monotonic() - begun > 0.5,
        )
    assert time.monotonic() - begun < 20
    assert set(psutil.Process().children(recursive=True)) <= children_before


def test_a_session_ended_in_mid_restore_is_a_lost_connection(
    archive: Path, cluster: Cluster, make_database: MakeDatabase
) -> None:
    side = make_database(cluster)

    def end_it(done: int, total: int) -> None:
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND application_name = %s"
        with psycopg.connect(**cluster.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
            connection.execute(query, [side.database, "tovgov pg_restore"])

    with waiting_for(side, "Player One"), pytest.raises(ConnectionLost):
        restore(side, tool("pg_restore", cluster), archive, options(cluster, jobs=1), on_items=end_it)


def test_no_list_is_left_behind(archive: Path, cluster: Cluster, make_database: MakeDatabase) -> None:
    before = set(Path(tempfile.gettempdir()).glob("tovgov-toc-*"))
    restorer = tool("pg_restore", cluster)
    selection = select_entries(restorer, archive, is_superuser=True)
    restore(make_database(cluster), restorer, archive, options(cluster, selection=selection))
    assert set(Path(tempfile.gettempdir()).glob("tovgov-toc-*")) <= before


# --- without a file --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stored:
    path: Path
    sha256: str
    identities: list[Identity]

    def feed(self, sink: Writer) -> None:
        with self.path.open("rb") as file:
            decode(file, sink, identities=self.identities, sha256=self.sha256)


@pytest.fixture
def stored(
    bulk: ConnInfo, cluster: Cluster, tmp_path: Path, recipients: list[Recipient], identities: list[Identity]
) -> Stored:
    encoded = backup(bulk, cluster, tmp_path / "copy", recipients)
    return Stored(tmp_path / "copy", encoded.sha256, identities)


def rows_of_bulk(info: ConnInfo) -> int:
    with psycopg.connect(**info.keywords()) as connection:  # type: ignore[arg-type]
        row = connection.execute("SELECT count(*) FROM bulk").fetchone()
    return row[0] if row else 0


def test_a_stream_is_restored_without_a_file(stored: Stored, cluster: Cluster, make_database: MakeDatabase) -> None:
    side = make_database(cluster)
    restore_stream(side, tool("pg_restore", cluster), stored.feed, options(cluster))
    assert rows_of_bulk(side) == 100_000


def test_a_stream_is_proved_to_its_end_even_if_less_is_needed(
    stored: Stored, cluster: Cluster, make_database: MakeDatabase, bulk: ConnInfo, tmp_path: Path
) -> None:
    archive = plain_archive(bulk, cluster, tmp_path / "archive")
    selection = select_entries(tool("pg_restore", cluster), archive, is_superuser=True, data_of=[])
    side = make_database(cluster)
    read: list[int] = []

    def feed(sink: Writer) -> None:
        with stored.path.open("rb") as file:
            read.append(decode(file, sink, identities=stored.identities, sha256=stored.sha256).stored_bytes)

    restore_stream(side, tool("pg_restore", cluster), feed, options(cluster, selection=selection))
    assert read == [stored.path.stat().st_size]
    assert rows_of_bulk(side) == 0


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize("at", [0.5, 0.999])
def test_a_damaged_stream_is_a_damaged_copy_and_no_failed_tool(
    bulk: ConnInfo, cluster: Cluster, make_database: MakeDatabase, tmp_path: Path, identities: list[Identity],
    recipients: list[Recipient], sealed: bool, at: float,
) -> None:  # fmt: skip
    path = tmp_path / "copy"
    encoded = backup(bulk, cluster, path, recipients if sealed else [])
    data = bytearray(path.read_bytes())
    data[int(len(data) * at)] ^= 4
    path.write_bytes(data)
    side = make_database(cluster)

    def feed(sink: Writer) -> None:
        with path.open("rb") as file:
            decode(file, sink, identities=identities if sealed else None, sha256=encoded.sha256)

    with pytest.raises(CopyDamaged):
        restore_stream(side, tool("pg_restore", cluster), feed, options(cluster))


def test_an_error_of_pg_restore_wins_over_the_broken_pipe(
    stored: Stored, cluster: Cluster, make_database: MakeDatabase
) -> None:
    side = make_database(cluster)
    run(side, "CREATE TABLE bulk (i int)")
    with pytest.raises(ToolFailed, match='relation "bulk" already exists'):
        restore_stream(side, tool("pg_restore", cluster), stored.feed, options(cluster))
    with pytest.raises(DatabaseMissing):
        restore_stream(cluster.conninfo("nowhere"), tool("pg_restore", cluster), stored.feed, options(cluster))


def test_a_cancel_ends_a_stream_that_waits(stored: Stored, cluster: Cluster, make_database: MakeDatabase) -> None:
    side = make_database(cluster)
    begun = time.monotonic()
    with waiting_for(side, "bulk"), pytest.raises(JobCancelled):
        restore_stream(
            side,
            tool("pg_restore", cluster),
            stored.feed,
            options(cluster),
            cancelled=lambda: time.monotonic() - begun > 0.5,
        )
    assert time.monotonic() - begun < 20
