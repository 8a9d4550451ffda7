"""A server's own log, read through SQL by a role with the grants, on a real server that writes it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from audit.exceptions import LogSourceGone, RightsMissing
from audit.imports.server_logs import setup
from audit.imports.server_logs.sources import unpacking
from audit.models import ImportSource, LogFile, Purpose, ServerLogEntry, Target
from audit.postgres.connect import ConnInfo
from tests.audit.imports.server_logs.conftest import SYSTEM, imported, run_import
from tests.audit.servers import register
from tests.waiting import wait_until
from tovgov.embedded import Cluster, free_port

pytestmark = pytest.mark.django_db(transaction=True)
SETTINGS = {
    "logging_collector": "on", "log_directory": "log", "log_filename": "first.log", "log_statement": "ddl",
    "log_connections": "off", "log_disconnections": "off", "shared_buffers": "16MB", "log_timezone": "UTC",
}  # fmt: skip
READ = "pg_read_binary_file(text, bigint, bigint, boolean)"
MakeServer = Callable[..., Cluster]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MakeServer]:
    """Make a server that writes its log in a format, and in a folder."""
    made: list[Cluster] = []

    def make(destination: str = "csvlog", **settings: Any) -> Cluster:
        settings = SETTINGS | {"log_destination": destination} | settings
        one = Cluster(tmp_path / "data", 16, free_port(), True, secrets.token_hex(8), settings, durable=False)
        made.append(one)
        one.start()
        return one

    yield make
    for one in made:
        one.stop(immediately=True)


def execute(server: Cluster, *statements: str) -> None:
    with psycopg.connect(**server.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
        for statement in statements:
            connection.execute(statement)  # type: ignore[arg-type]


def make_tables(server: Cluster, *names: str) -> None:
    """One record of class ddl each."""
    execute(server, *(f'CREATE TABLE "{name}" ()' for name in names))


def watched(server: Cluster, *grants: str) -> Target:
    """A target whose role for “Watch” has these grants."""
    execute(server, "CREATE ROLE watcher LOGIN PASSWORD 'sesame'", *(f"GRANT {grant} TO watcher" for grant in grants))
    info = ConnInfo(database="postgres", host="127.0.0.1", port=server.port, user="watcher", password="sesame")
    return register(info, credentials={Purpose.WATCH: ("watcher", "sesame")})


def granted(server: Cluster) -> Target:
    return watched(server, "pg_monitor", f"EXECUTE ON FUNCTION {READ}")


def told_of(source: ImportSource) -> list[str]:
    """Names of the tables whose making was stored, in the order of their storing."""
    rows = ServerLogEntry.objects.filter(source=source, message__contains="CREATE TABLE").order_by("id")
    return [message.split('"')[1] for message in rows.values_list("message", flat=True)]


def import_until(source: ImportSource, names: list[str]) -> None:
    """Import until all of these were read: the server's log writer is a process of its own."""

    def are_there() -> bool:
        imported(source)
        return told_of(source) == names

    wait_until(are_there)


def has_written(one: Cluster, words: str) -> None:
    """Wait until the server's log holds these words."""
    wait_until(lambda: any(words in file.read_text() for file in (one.folder / "log").iterdir()))


@pytest.mark.parametrize("destination", ["csvlog", "jsonlog"])
def test_a_log_is_read_and_read_on(server: MakeServer, destination: str) -> None:
    one = server(destination)
    source = setup.add(granted(one), "sql", actor=SYSTEM)
    make_tables(one, "a", "b")
    import_until(source, ["a", "b"])
    make_tables(one, "c")
    import_until(source, ["a", "b", "c"])
    imported(source)
    assert told_of(source) == ["a", "b", "c"]
    entry = ServerLogEntry.objects.filter(source=source, message__contains='"c"').get()
    assert (entry.role, entry.database, entry.level) == ("postgres", "postgres", "LOG")
    assert LogFile.objects.get(source=source, state="reading").name == f"first.{destination.removesuffix('log')}"


def test_a_rotated_log_is_read_in_both_files(server: MakeServer) -> None:
    one = server()
    source = setup.add(granted(one), "sql", actor=SYSTEM)
    make_tables(one, "a")
    import_until(source, ["a"])
    make_tables(one, "b")
    execute(one, "ALTER SYSTEM SET log_filename = 'second.log'", "SELECT pg_reload_conf()")
    wait_until((one.folder / "log" / "second.csv").exists)
    make_tables(one, "c")
    import_until(source, ["a", "b", "c"])
    names = LogFile.objects.filter(source=source, records__gt=0).order_by("name").values_list("name", flat=True)
    assert list(names) == ["first.csv", "second.csv"]


@pytest.mark.parametrize("destination", ["csvlog", "jsonlog"])
def test_pieces_that_end_anywhere_give_the_same_records(
    server: MakeServer, destination: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "PIECE", 97)  # within lines, quotes and letters of two bytes
    one = server(destination)
    source = setup.add(granted(one), "sql", actor=SYSTEM)
    names = [f"größe{number}" for number in range(30)]
    make_tables(one, *names)
    import_until(source, names)
    assert not LogFile.objects.get(source=source, state="reading").faults


@pytest.mark.parametrize(
    ("grants", "sentence"),
    [
        ([], "The role may not list the server's log folder."),
        (["pg_monitor"], "The role may not read the server's log files."),
        ([f"EXECUTE ON FUNCTION {READ}"], "The role may not list the server's log folder."),
    ],
)
def test_without_a_grant_it_is_named(server: MakeServer, grants: list[str], sentence: str) -> None:
    one = server()
    target = watched(one, *grants)
    make_tables(one, "a")
    has_written(one, "CREATE TABLE")
    source = setup.add(target, "sql", actor=SYSTEM)
    run = run_import(source)
    assert (run.state, run.error_code, run.error) == ("failed", RightsMissing.code, sentence)
    assert "GRANT pg_monitor" in run.hint
    source.refresh_from_db()
    assert source.error_code == RightsMissing.code
    execute(one, "GRANT pg_monitor TO watcher", f"GRANT EXECUTE ON FUNCTION {READ} TO watcher")
    import_until(source, ["a"])
    source.refresh_from_db()
    assert source.error_code == ""


def test_a_try_without_a_grant_is_named(server: MakeServer) -> None:
    one = server()
    target = watched(one)
    with pytest.raises(RightsMissing):
        setup.attempt(target, "sql", {}, actor=SYSTEM)
    execute(one, "GRANT pg_monitor TO watcher", f"GRANT EXECUTE ON FUNCTION {READ} TO watcher")
    has_written(one, "ready to accept connections")
    trial = setup.attempt(target, "sql", {}, actor=SYSTEM)
    assert {line["name"]: line.get("format") for line in trial.shown}["first.csv"] == "csvlog"
    assert not ImportSource.objects.exists()


def test_a_log_folder_outside_of_the_data_directory(server: MakeServer, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o777)
    outside.chmod(0o777)
    one = server(log_directory=str(outside))
    source = setup.add(granted(one), "sql", actor=SYSTEM)
    make_tables(one, "a")
    import_until(source, ["a"])


def test_a_relative_log_folder_outside_of_the_data_directory_needs_one_grant_more(
    server: MakeServer, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    outside.chmod(0o777)
    one = server(log_directory="../outside")
    source = setup.add(granted(one), "sql", actor=SYSTEM)
    make_tables(one, "a")
    wait_until(lambda: any("CREATE TABLE" in file.read_text() for file in outside.iterdir()))
    run = run_import(source)
    assert (run.state, run.error_code) == ("failed", RightsMissing.code)
    assert "pg_read_server_files" in run.hint
    execute(one, "GRANT pg_read_server_files TO watcher")
    import_until(source, ["a"])


def test_a_server_without_a_log_folder_is_named(server: MakeServer) -> None:
    one = server(logging_collector="off")
    target = granted(one)
    with pytest.raises(LogSourceGone, match="log"):
        setup.attempt(target, "sql", {}, actor=SYSTEM)
