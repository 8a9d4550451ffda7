"""Long files are read by a process of its own: what comes of them is the same, and the process never outlives us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from audit import tasks
from audit.exceptions import LogFileUnreadable, LogReaderLost
from audit.imports import asking
from audit.imports.server_logs import apart, chunks
from audit.imports.server_logs.chunk import Chunk
from audit.imports.server_logs.filling import COLUMNS, Ways
from audit.imports.server_logs.sources import unpacking
from audit.models import ConnectionAuditLog, ImportSource, JobState
from audit.postgres.logs.opening import open_parser
from audit.postgres.logs.reading import Reader
from audit.postgres.logs.record import Fault
from audit.seals import verify
from audit.seals.entries import SERVER_LOG
from tests.audit.imports.server_logs.conftest import SYSTEM, lines, records, row, text, write
from tests.house.documented import ROOT

TEXT = records(0, 90) + "this is no record\n" + records(90, 40)
PIECE = 1_000
LET_IN = "connection authorized: user=clerk database=tovplay application_name=web"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every text is a long one."""
    monkeypatch.setattr(apart, "PIECES", 1)
    monkeypatch.setattr(chunks, "ROWS", 20)
    monkeypatch.setattr(unpacking, "PIECE", PIECE)


def pieces(content: str = TEXT) -> Iterator[bytes | Fault]:
    data = content.encode()
    yield from (data[at : at + PIECE] for at in range(0, len(data), PIECE))


def read(content: Iterator[bytes | Fault]) -> Iterator[Chunk]:
    return apart.chunks(content, open_parser(format="csvlog"), Ways(1, 2, frozenset(), Reader()), ends=lambda: True)


def test_it_makes_what_a_thread_makes() -> None:
    ways = Ways(1, 2, frozenset(), Reader())
    here = list(chunks.chunks(pieces(), open_parser(format="csvlog"), ways, ends=lambda: True))
    there = list(read(pieces()))
    assert there == here
    assert len(there) > 3
    assert sum(chunk.fault_count for chunk in there) == 1


def test_a_short_text_needs_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "PIECES", 1000)
    monkeypatch.setattr(apart, "COMMAND", ("/bin/false",))
    assert sum(chunk.records for chunk in read(pieces())) == 130


def test_the_line_has_all_its_columns() -> None:
    assert len(SERVER_LOG.names) == COLUMNS


def test_what_the_text_raises_comes_out() -> None:
    def broken() -> Iterator[bytes | Fault]:
        yield from pieces()
        raise LogFileUnreadable("pg.csv cannot be read.")

    with pytest.raises(LogFileUnreadable, match=r"pg\.csv cannot be read"):
        list(read(broken()))


def test_what_the_process_raises_comes_out() -> None:
    class Strange:
        state = {"format": "tea leaves"}

    with pytest.raises(Exception, match="tea leaves"):
        list(apart.chunks(pieces(), Strange(), Ways(1, 2, frozenset(), Reader()), ends=lambda: True))  # type: ignore[arg-type]


def test_it_knows_no_secret_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOVGOV_SECRET", "lettuce")
    with closing(apart._Apart(pieces(), open_parser(format="csvlog"), Ways(1, 2, frozenset(), Reader()), bool)) as one:
        next(one.chunks())
        environment = Path(f"/proc/{one._process.pid}/environ").read_bytes()
    assert environment.startswith(b"PYTHONPATH=")
    assert b"lettuce" not in environment
    assert one._process.poll() == -signal.SIGKILL


DYING = """
import os
from audit.imports.server_logs import apart

sent, send = [], apart._send
def last(out, what):
    send(out, what)
    sent.append(what)
    if len(sent) == 3:
        os.kill(os.getpid(), 9)
apart._send = last
apart.main()
"""


@pytest.mark.django_db(transaction=True)
def test_a_process_that_is_killed_fails_the_import_and_the_next_goes_on(
    source: ImportSource, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder / "pg.csv", text(row(0, LET_IN, command="authentication")) + records(1, 400))
    with monkeypatch.context() as patch:
        patch.setattr(apart, "COMMAND", (sys.executable, "-c", DYING))
        run = asking.request(source, actor=SYSTEM)
        tasks.run_import(run.pk)
    run.refresh_from_db()
    assert (run.state, run.error_code) == (JobState.QUEUED, LogReaderLost.code)
    assert 0 < len(lines(source)) < 401
    tasks.run_import(run.pk)
    run.refresh_from_db()
    assert run.state == JobState.SUCCEEDED
    assert lines(source) == list(range(401))
    assert ConnectionAuditLog.objects.count() == 1
    assert verify.verify(source.target, actor=SYSTEM).faults == []


WORKER = """
import os, sys, time
from audit.imports.server_logs import apart
from audit.imports.server_logs.filling import Ways
from audit.postgres.logs.opening import open_parser
from audit.postgres.logs.reading import Reader

def endless():
    while True:
        yield b" " * 1000
one = apart._Apart(endless(), open_parser(format="csvlog"), Ways(1, 2, frozenset(), Reader()), bool)
print(one._process.pid, flush=True)
time.sleep(600)
"""


def test_it_ends_with_its_worker() -> None:
    """Both hold the pipe of errors: it is at its end when both are gone."""
    with subprocess.Popen(
        [sys.executable, "-c", WORKER],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as worker:
        assert worker.stdout is not None
        assert int(worker.stdout.readline()) > 0
        worker.kill()
        worker.communicate(timeout=120)
    assert worker.returncode == -signal.SIGKILL
