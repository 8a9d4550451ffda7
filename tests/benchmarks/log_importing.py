"""Server logs: records a second from csvlog, against a bare COPY of the same records into the same table and against
pgBadger on the same file."""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import psutil
from django.db import connection

from audit import jobs, tasks
from audit.actors import Actor
from audit.imports import asking
from audit.imports.server_logs import apart, bring, setup
from audit.imports.server_logs.storing import COLUMNS
from audit.models import ImportKind, ImportSource, JobState, Target
from tests.benchmarks.ground import Ground
from tests.benchmarks.measuring import Claim
from tests.benchmarks.tovgov_under_test import Tovgov, peak_of

ACTOR = Actor.system("benchmark")
SEED = 20261120
NAME = "logs"
CLIENTS = 40
"""Addresses that connect: application servers, people and their tools."""
MEMORY_MB = 300
"""A chunk of 30,000 records is in memory at most four times; the rest is Python and Django."""
LOOK_SECONDS = 0.05
"""Between looks for the reader's process; its peak is kept by the kernel, and the last look before it ends tells."""
BOTH = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
"""The worker, and the process that reads for it."""


def against_copy_and_pgbadger(ground: Ground, tovgov: Tovgov, *, records: int) -> Iterator[Claim]:
    """One file, imported in this process; then the lines that it became are given to COPY as they are."""
    folder = ground.scratch / "server logs"
    folder.mkdir()
    file = folder / "postgresql.csv"
    _write(file, records)
    with ground.empty_database(NAME):
        target = tovgov.register(f"{NAME} {time.monotonic_ns()}", NAME)
        source = setup.add(target, ImportKind.FOLDER, settings={"folder": str(folder)}, actor=ACTOR)
        before = _cpu()
        with _memory() as peaks:
            seconds = _imported(source, records)
        cpu = _cpu() - before
        copied = _bare_copy(source, ground.scratch / "lines")
        how = {"records": records, "megabytes": file.stat().st_size / 1e6, "seconds": seconds, "copy_seconds": copied}
        how |= {"cpu_microseconds_a_record": cpu / records * 1e6, "load": os.getloadavg()[0]}
        yield Claim("import of csvlog, a record", seconds / records * 1e6, "µs", 20, how)
        yield Claim("import of csvlog against a bare COPY of its records", seconds / copied, "×", 2, how)
        yield Claim("memory while importing a server log", sum(peaks.values()), "MB", MEMORY_MB, how | {"peaks": peaks})
        if badger := shutil.which("pgbadger"):
            took = _pgbadger(badger, file, ground.scratch)
            yield Claim("import of csvlog against pgBadger", seconds / took, "×", 0.1, how | {"pgbadger_seconds": took})
        Target.objects.filter(pk=target.pk).update(is_active=False)


def _imported(source: ImportSource, records: int) -> float:
    """Seconds of one import that reads the whole file."""
    with _without_queue():
        run = asking.request(source, actor=ACTOR)
        before, bring.RUN_SECONDS = bring.RUN_SECONDS, 24 * 3600
        began = time.perf_counter()
        tasks.run_import(run.pk)
        took = time.perf_counter() - began
        bring.RUN_SECONDS = before
    run.refresh_from_db()
    if (run.state, run.records) != (JobState.SUCCEEDED, records):
        raise AssertionError(f"{run.records} of {records} records: {run.state} {run.error}\n{run.log}")
    return took


def _cpu() -> float:
    """Seconds of processor that this process and those that it waited for have used; tovgov's own database is none of
    them."""
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, BOTH))


@contextmanager
def _memory() -> Iterator[dict[str, float]]:
    """The peaks of resident memory within the block, in megabytes: of the worker, which is this process, and of the
    process that reads for it. (``ru_maxrss`` of a child begins with what its parent had when it was started.)"""
    peaks: dict[str, float] = {}
    over = Event()
    me = psutil.Process()

    def look() -> None:
        while not over.wait(LOOK_SECONDS):
            for child in me.children():
                with suppress(OSError, StopIteration, psutil.NoSuchProcess):
                    if child.cmdline() == list(apart.COMMAND):
                        peaks["reader"] = max(peaks.get("reader", 0), peak_of(child.pid))

    Path("/proc/self/clear_refs").write_text("5")
    thread = Thread(target=look)
    thread.start()
    try:
        yield peaks
    finally:
        over.set()
        thread.join()
        peaks["worker"] = peak_of(os.getpid())


def _bare_copy(source: ImportSource, lines: Path) -> float:
    """Seconds of COPY for the same rows, beside those that are there, and rolled back."""
    with connection.cursor() as cursor:
        with lines.open("wb") as file:
            select = f"SELECT {COLUMNS} FROM audit_serverlogentry WHERE source_id = {source.pk} ORDER BY id"
            with cursor.copy(f"COPY ({select}) TO STDOUT") as copy:
                for piece in copy:
                    file.write(piece)
        began = time.perf_counter()
        with lines.open("rb") as file, cursor.copy(f"COPY audit_serverlogentry ({COLUMNS}) FROM STDIN") as copy:
            while piece := file.read(256 * 1024):
                copy.write(piece)
        took = time.perf_counter() - began
        cursor.execute("DELETE FROM audit_serverlogentry WHERE id > (SELECT max(id) - %s FROM audit_serverlogentry)",
                       [source.imports.latest("pk").rows])  # fmt: skip
    return took


def _pgbadger(program: str, file: Path, scratch: Path) -> float:
    began = time.perf_counter()
    command = [program, "--quiet", "--format", "csv", "--outfile", str(scratch / "report.html"), str(file)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - began


@contextmanager
def _without_queue() -> Iterator[None]:
    real = jobs.enqueue
    jobs.enqueue = lambda job, task: None
    try:
        yield
    finally:
        jobs.enqueue = real


# --- the log ----------------------------------------------------------------------------------------------------------


def _write(file: Path, records: int) -> None:
    """What an application's server writes: durations with statements, logins, errors, checkpoints; seeded."""
    chance, at = random.Random(SEED), datetime(2026, 11, 1, tzinfo=UTC)
    with file.open("w") as out:
        for number in range(records):
            at += timedelta(milliseconds=chance.randint(1, 60))
            out.write(_record(chance, at, number))


def _record(chance: random.Random, at: datetime, number: int) -> str:
    role, pid, kind = chance.choice(["tovplay", "clerk", "web"]), chance.randint(2000, 9000), chance.random()
    level, state, message, detail, query, command = "LOG", "00000", "", "", "", "SELECT"
    ms, host = chance.random() * 900, f"10.0.1.{chance.randint(1, CLIENTS)}"
    if kind < 0.5:
        key = chance.randint(1, 99_999)
        message = (
            f"duration: {ms:.3f} ms  statement: SELECT id, email, name FROM users WHERE id = {key} AND state = 'active'"
        )
    elif kind < 0.65:
        message = f"duration: {ms:.3f} ms  execute <unnamed>: UPDATE session SET seen = $1, data = $2 WHERE key = $3"
        detail = f"Parameters: $1 = '2026-11-20 10:00:00+00', $2 = 'data {number}', $3 = 'k{number}'"
        command = "UPDATE"
    elif kind < 0.75:
        message, command = f"statement: INSERT INTO game (title, price) VALUES ('Title {number}', 9.99)", "INSERT"
    elif kind < 0.83:
        message, role, command = f"connection received: host={host} port={chance.randint(30000, 60000)}", "", ""
    elif kind < 0.91:
        message = f"connection authorized: user={role} database=tovplay application_name=web"
        command = "authentication"
    elif kind < 0.96:
        message = f"checkpoint complete: wrote {chance.randint(1, 900)} buffers (0.1%); write=2.1 s, sync=0.0 s"
        role = command = ""
    else:
        level, state = "ERROR", "23505"
        message = 'duplicate key value violates unique constraint "user_email_key"'
        detail = f"Key (email)=(person{number}@example.org) already exists."
        query = f"INSERT INTO users (email)\nVALUES ('person{number}@example.org')"
    texts = [message, detail, query]
    message, detail, query = ('"' + text.replace('"', '""') + '"' if text else "" for text in texts)
    who = f'"{role}","tovplay"' if role else ","
    return (
        f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03} UTC,{who},{pid},"
        f'"{host}:51432",{0x6914A3B0 + number // 50:x}.{pid:x},{number % 50 + 1},"{command}",'
        f"2026-11-01 00:00:00 UTC,3/1,0,{level},{state},{message},{detail},,,,,{query},,"
        f',"web","client backend",,{chance.getrandbits(60)}\n'
    )
