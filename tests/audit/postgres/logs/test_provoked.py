"""What only a server in trouble writes: each version on this machine is brought into it, and all formats are read."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress

import psutil
import psycopg
import pytest
from psycopg.pq import ExecStatus

from audit.postgres.logs.opening import open_parser
from tests.audit.postgres.logs.conftest import Writer, writing
from tests.audit.postgres.logs.provoking import MEMORY, PERSON, PREFIX, SECRET, alike, provoked
from tests.audit.postgres.logs.reading import faults, whole
from tests.waiting import wait_until
from tovgov.embedded import majors
from tovgov.exceptions import ServerFailed
from tovgov.server_user import server_user

SETTINGS = {
    "log_min_messages": "warning",
    "log_line_prefix": PREFIX,
    "max_locks_per_transaction": "10",
    "max_slot_wal_keep_size": "1MB",
    "archive_mode": "on",
    "archive_command": "true",
}
LEFT = 50_000_000
"""Bytes that a process may still take."""
PAGE = 8192
FIRST = "000000010000000000000001"


only_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has prlimit and /dev/full")


@pytest.fixture(scope="module", params=sorted(majors()))
def troubled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Writer]:
    """One server of each version that has little of everything."""
    with writing(tmp_path_factory.mktemp("troubled"), request.param, SETTINGS) as found:
        found.mark()
        yield found


def confine(writer: Writer, pid: int) -> None:
    """Let a process of the server have only a little more memory; its own account may say so."""
    room = psutil.Process(pid).memory_info().vms + LEFT
    user = server_user(writer.cluster.folder).subprocess_arguments()
    subprocess.run(["prlimit", "--pid", str(pid), f"--as={room}"], check=True, **user)  # type: ignore[call-overload]


def test_out_of_shared_memory(troubled: Writer) -> None:
    def change() -> None:
        assert troubled.execute("SELECT pg_advisory_lock(n) FROM generate_series(1, 100000) AS n") == "53200"

    found = provoked(troubled, change)["out-of-memory"]
    assert [(one.level, one.message) for one in found if one.level == "ERROR"] == [("ERROR", "out of shared memory")]
    assert found[-1].hint


@only_linux
def test_out_of_memory(troubled: Writer) -> None:
    begin = troubled.paths()["stderr"].stat().st_size

    def change() -> None:
        with psycopg.connect(**troubled.cluster.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
            confine(troubled, connection.info.backend_pid)
            with pytest.raises(psycopg.errors.OutOfMemory):
                connection.execute(f"SELECT '{PERSON}', repeat('x', 200 * 1000 * 1000)")

    (found,) = provoked(troubled, change)["out-of-memory"]
    assert (found.level, found.sqlstate, found.message) == ("ERROR", "53200", "out of memory")
    assert found.detail.startswith("Failed on request of size 2000000")
    assert found.query == "SELECT ?, repeat(?, ? * ? * ?)"
    text = troubled.paths()["stderr"].read_bytes()[begin:]
    assert text.count(MEMORY) == 1
    ((_, _, code),) = faults(whole(open_parser(text, format="stderr", prefix=PREFIX), text))
    assert code == "not-a-record"


@only_linux
def test_a_table_on_a_full_disk(troubled: Writer) -> None:
    """/dev/full answers each write as a full disk does."""

    def change() -> None:
        with psycopg.connect(**troubled.cluster.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
            connection.execute("CREATE TABLE full_up (n text)")
            row = connection.execute("SELECT pg_relation_filepath('full_up')").fetchone()
        assert row
        file = troubled.cluster.folder / row[0]
        file.unlink()
        file.symlink_to("/dev/full")
        assert troubled.execute(f"INSERT INTO full_up VALUES ('{PERSON}')") == "53100"
        copy = f"COPY (SELECT '{PERSON}' FROM generate_series(1, 100000)) TO '/dev/full'"
        assert troubled.execute(copy) == "53100"

    try:
        found = provoked(troubled, change)["disk-full"]
    finally:
        troubled.execute("DROP TABLE full_up")
    assert [one.message.split(" file")[0] for one in found] == ["could not extend", "could not write to COPY"]
    assert {one.level for one in found} == {"ERROR"}
    assert found[0].query == "INSERT INTO full_up VALUES (?)"


def test_archiving_fails(troubled: Writer) -> None:
    log = troubled.paths()["csvlog"]

    def change() -> None:
        begin = log.stat().st_size
        troubled.execute("CREATE TABLE archived (n int)")
        troubled.execute("SELECT pg_switch_wal()")
        wait_until(lambda: b"too many times" in log.read_bytes()[begin:])

    try:
        troubled.set(archive_command=f"PGPASSWORD={SECRET} false")
        found = provoked(troubled, change)["archive-failure"]
    finally:
        troubled.set(archive_command="true")
    assert [(one.level, one.message.split("file")[0]) for one in found] == [
        *[("LOG", "archive command failed with exit code 1")] * 3,
        ("WARNING", "archiving write-ahead log "),
    ]
    assert {one.detail for one in found[:3]} == {"The failed archive command was: PGPASSWORD=? false"}


def stream(writer: Writer, command: str) -> str:
    """What the server answers to a standby that asks for its log of changes, when it refuses."""
    keywords = writer.cluster.keywords() | {"replication": "true"}
    with closing(psycopg.connect(**keywords, autocommit=True)) as standby:  # type: ignore[arg-type]
        answer = standby.pgconn.exec_(command.encode())
        while answer.status == ExecStatus.COPY_BOTH:
            with suppress(psycopg.OperationalError):
                while standby.pgconn.get_copy_data(0)[0] > 0:
                    pass
            answer = standby.pgconn.get_result() or answer
        return answer.error_message.decode()


def test_a_standby_that_stayed_away_loses_its_slot(troubled: Writer) -> None:
    first = troubled.cluster.folder / "pg_wal" / FIRST

    def is_gone() -> bool:
        troubled.execute("CHECKPOINT")
        return not first.exists()

    def change() -> None:
        assert troubled.execute("SELECT pg_create_physical_replication_slot('standby', true)") is None
        for _ in range(3):
            troubled.execute("INSERT INTO written VALUES (1)")
            troubled.execute("SELECT pg_switch_wal()")
        wait_until(is_gone)  # once it is archived
        assert "has already been removed" in stream(troubled, "START_REPLICATION PHYSICAL 0/1000000")
        assert stream(troubled, "START_REPLICATION SLOT standby PHYSICAL 0/1000000")

    troubled.execute("CREATE TABLE written (n int)")
    invalidated, removed, lost = provoked(troubled, change)["replication-failure"]
    assert invalidated.message.startswith("invalidating ")
    assert "restart_lsn 0/1" in invalidated.message + invalidated.detail
    assert removed.message == f"requested WAL segment {FIRST} has already been removed"
    assert (removed.level, lost.level, lost.role) == ("ERROR", "ERROR", "postgres")


def damage(writer: Writer) -> None:
    """Bits of a row flip, an index's page and the end of a table get lost, a file vanishes."""
    tables = {"flipped": "", "cut": "", "gone": "", "flipped_pkey": ""}
    with psycopg.connect(**writer.cluster.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
        for name in list(tables)[:3]:
            connection.execute(f"CREATE TABLE {name} (id int PRIMARY KEY, email text)")  # type: ignore[arg-type]
            connection.execute(f"INSERT INTO {name} VALUES (1, '{PERSON}')")  # type: ignore[arg-type]
        for name in tables:
            row = connection.execute("SELECT pg_relation_filepath(%s)", [name]).fetchone()
            tables[name] = row[0] if row else ""
    writer.cluster.stop()
    file = {name: writer.cluster.folder / path for name, path in tables.items()}
    page = bytearray(file["flipped"].read_bytes())
    page[-10] ^= 1
    file["flipped"].write_bytes(page)
    index = bytearray(file["flipped_pkey"].read_bytes())
    index[PAGE:] = bytes(len(index) - PAGE)
    file["flipped_pkey"].write_bytes(index)
    file["cut"].write_bytes(b"")
    file["gone"].unlink()
    writer.cluster.start()


def test_damaged_files(troubled: Writer) -> None:
    by_index = "SET enable_seqscan = off; SELECT * FROM {} WHERE id = 1"

    def change() -> None:
        assert troubled.execute("SELECT * FROM flipped") == "XX001"
        assert troubled.execute(by_index.format("flipped")) == "XX002"
        assert troubled.execute(by_index.format("cut")) == "XX001"
        assert troubled.execute("SELECT * FROM gone") == "58P01"

    damage(troubled)
    found = provoked(troubled, change)
    said = [one.message for one in found["data-corrupted"]]
    for text in ("page verification failed, calc", "invalid page in block 0 of rel", "could not read block",
                 'index "flipped_pkey" contains unexpected zero page at block 1'):  # fmt: skip
        assert any(one.startswith(text) for one in said), text
    (gone,) = found["io-error"]
    assert gone.message.endswith(": No such file or directory")


def test_a_panic_for_want_of_pg_wal(troubled: Writer) -> None:
    """Last: the server goes down, and once more as it starts."""
    troubled.set(restart_after_crash="off")
    wal = troubled.cluster.folder / "pg_wal"
    aside = wal.with_name("aside")
    before = troubled.sizes()
    wal.rename(aside)
    troubled.execute(f"SELECT pg_switch_wal(), '{PERSON}'")
    wait_until(lambda: troubled.cluster.process() is None)
    with pytest.raises(ServerFailed):
        troubled.cluster.start()
    wait_until(lambda: troubled.cluster.process() is None)
    aside.rename(wal)
    troubled.cluster.start()
    with troubled.marked():
        found = alike(troubled.since(before))
    (panic,) = found["panic"]
    assert panic.level == "PANIC"
    assert 'file "pg_wal/' in panic.message
    assert panic.query in ("SELECT pg_switch_wal(), ?", "")  # the server's own WAL writer may meet it first
    assert {"crash", "shutdown", "start", "recovery"} <= set(found)
    if panic.query:
        assert "Failed process was running: SELECT pg_switch_wal(), ?" in {one.detail for one in found["crash"]}
    (missing,) = found["io-error"]
    assert (missing.level, missing.message) == ("FATAL", 'required WAL directory "pg_wal" does not exist')
