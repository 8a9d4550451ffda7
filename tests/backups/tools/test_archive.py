"""What stands in an archive, and choosing from it."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest

from audit.postgres.connect import ConnInfo
from backups.exceptions import CopyDamaged, ToolFailed, ToolTooOld
from backups.tools.archive import ArchiveHeader, read_header, select_entries, toc
from backups.tools.finding import find_tool
from backups.tools.pg_restore import find_restore_tool
from tests.backups.tools.conftest import plain_archive, tool
from tests.conftest import MakeDatabase, run
from tovgov.binaries import binaries
from tovgov.embedded import Cluster


@pytest.fixture
def archive(world: ConnInfo, cluster: Cluster, tmp_path: Path) -> Path:
    return plain_archive(world, cluster, tmp_path / "world.dump")


@pytest.mark.parametrize("cluster", [15, 16, 18], indirect=True)
def test_the_header_names_versions_and_database(archive: Path, cluster: Cluster, world: ConnInfo) -> None:
    with archive.open("rb") as file:
        header = read_header(file)
    assert header.database == world.database
    assert header.server_version // 10_000 == header.dump_version // 10_000 == cluster.major
    assert header.dump_version == tool("pg_dump", cluster).version


def test_every_cut_of_a_header_is_refused(archive: Path) -> None:
    data = archive.read_bytes()[:60]
    for length in range(len(data)):
        with pytest.raises(CopyDamaged, match="no archive of pg_dump"):
            read_header(io.BytesIO(data[:length]))


def test_nonsense_is_no_header() -> None:
    seeded = random.Random(5)
    for _ in range(200):
        with pytest.raises(CopyDamaged):
            read_header(io.BytesIO(b"PGDMP" + seeded.randbytes(300)))


@pytest.mark.parametrize("cluster", [15, 16, 18], indirect=True)
def test_the_table_of_contents_is_read(archive: Path, cluster: Cluster) -> None:
    entries = toc(tool("pg_restore", cluster), archive)
    assert len({entry.dump_id for entry in entries}) == len(entries)
    data = [entry.words for entry in entries if entry.is_a("TABLE DATA")]
    assert sum("😀 и ключ" in words for words in data) == 1
    assert any(entry.is_a("EVENT TRIGGER") for entry in entries)
    assert not any(entry.is_a("TABLE DAT") for entry in entries)


def test_a_superuser_gets_everything(archive: Path, cluster: Cluster) -> None:
    restorer = tool("pg_restore", cluster)
    selection = select_entries(restorer, archive, is_superuser=True)
    assert selection.left_out == ()
    assert selection.count == len(toc(restorer, archive)) == len(selection.text.splitlines())


def test_others_are_told_what_they_do_not_get(archive: Path, cluster: Cluster) -> None:
    selection = select_entries(tool("pg_restore", cluster), archive, is_superuser=False)
    assert selection.left_out == ("EVENT TRIGGER - watch postgres",)
    assert "EVENT TRIGGER" not in selection.text


@pytest.mark.parametrize(
    "table",
    [
        ("public", "Player One"),
        ("public", 'semi;colon "quoted"'),
        ("public", "😀 и ключ"),
        ("TABLE DATA", "x y"),
    ],
)
def test_a_merge_gets_the_data_of_its_tables_alone(archive: Path, cluster: Cluster, table: tuple[str, str]) -> None:
    selection = select_entries(tool("pg_restore", cluster), archive, is_superuser=True, data_of=[table])
    data = [line for line in selection.text.splitlines() if " TABLE DATA " in line and " TABLE TABLE DATA " not in line]
    assert [f" TABLE DATA {' '.join(table)} " in line for line in data if "SCHEMA" not in line] == [True]
    assert " CONSTRAINT " not in selection.text
    assert "SEQUENCE SET" not in selection.text
    assert sum(" TABLE " in line for line in selection.text.splitlines()) > 4


def test_tables_whose_names_only_look_alike_are_told_apart(
    cluster: Cluster, make_database: MakeDatabase, tmp_path: Path
) -> None:
    """Written with spaces between, schema "a" and table "b c" look like schema "a b" and table "c"."""
    info = make_database(cluster)
    run(info, "CREATE SCHEMA a", 'CREATE SCHEMA "a b"', 'CREATE TABLE a."b c" (i int)', 'CREATE TABLE "a b".c (j int)')
    archive = plain_archive(info, cluster, tmp_path / "archive")
    restorer = tool("pg_restore", cluster)
    chosen = [
        {
            line.partition(";")[0]
            for line in select_entries(restorer, archive, is_superuser=True, data_of=[table]).text.splitlines()
        }
        for table in (("a", "b c"), ("a b", "c"))
    ]
    assert chosen[0] != chosen[1]
    assert len(chosen[0] ^ chosen[1]) == 2


def test_patterns_in_names_are_no_patterns(cluster: Cluster, make_database: MakeDatabase, tmp_path: Path) -> None:
    info = make_database(cluster)
    run(info, 'CREATE TABLE "a*" (i int)', 'CREATE TABLE "ab" (i int)', 'CREATE TABLE "-v" (i int)')
    archive = plain_archive(info, cluster, tmp_path / "archive")
    for name in ("a*", "-v"):
        selection = select_entries(tool("pg_restore", cluster), archive, is_superuser=True, data_of=[("public", name)])
        data = [line for line in selection.text.splitlines() if " TABLE DATA " in line]
        assert [f"public {name} " in line for line in data] == [True]


def test_what_is_no_archive_is_refused_by_the_tool(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "archive").write_bytes(b"nothing of the kind")
    with pytest.raises(ToolFailed, match="archive"):
        toc(tool("pg_restore", cluster), tmp_path / "archive")


# --- which pg_restore ------------------------------------------------------------------------------------------------


def header(dump_major: int) -> ArchiveHeader:
    return ArchiveHeader((1, 16), "TovPlay", dump_major * 10_000, dump_major * 10_000)


def test_a_pg_restore_older_than_the_archive_is_never_taken() -> None:
    """It says "unsupported version in file header" and reads nothing."""
    found = find_restore_tool(header(18), 160_000, pg_bin=str(binaries(16)))
    assert found.major >= 18


def test_a_pg_restore_of_the_archive_is_taken_for_a_newer_server() -> None:
    assert find_restore_tool(header(16), 990_000).major >= 16


def test_an_archive_of_a_future_pg_dump_is_refused() -> None:
    newest = find_tool("pg_restore", None)
    with pytest.raises(ToolTooOld, match="pg_dump 99 wrote this archive"):
        find_restore_tool(header(99), newest.version)
