"""Protection: what capture costs a delete, and how long a policy takes over a thousand tables."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from audit.models import ProtectionPolicy
from audit.postgres.connect import ConnInfo, connect
from audit.protection import execute, plan, policies, verify
from audit.protection.rule import Status
from tests.benchmarks.ground import Ground
from tests.benchmarks.measuring import Claim, interleaved, median, seconds

NAME = "bench_protect"
WAYS = ("bare", "captured", "row by row", "row by row with md5", "row by row only")
SQL = Path(__file__).parent


def deletes(ground: Ground, *, rows: int, single: int, rounds: int) -> Iterator[Claim]:
    """The cost of a captured delete above a bare one, against triggers that people write; interleaved."""
    with ground.empty_database(NAME) as info:
        _make_ways(info)
        bulk = interleaved({way: _bulk(info, way, rows) for way in WAYS}, rounds)
        one = interleaved({way: _one_by_one(info, way, single) for way in WAYS[:2]}, rounds)
    above = {way: (median(bulk[way]) - median(bulk["bare"])) / rows * 1e6 for way in WAYS}
    how = {"microseconds a row above bare": above, "rows": rows}
    for way, goal in (("row by row", 0.5), ("row by row with md5", 0.2)):
        yield Claim(
            f"capture of a bulk delete, against a trigger {way}", above["captured"] / above[way], "x", goal, how
        )
    speeds = {way: single / median(one[way]) for way in one}
    slower = speeds["bare"] / speeds["captured"]
    yield Claim("one-row deletes a second, bare against captured", slower, "x", 2, {"deletes a second": speeds})


def thousand_tables(ground: Ground, *, tables: int) -> Iterator[Claim]:
    """Install, verify and uninstall lockdown; the longest wait for a lock while somebody writes to a table."""
    wanted = ProtectionPolicy(name="lockdown", version=1, rules=policies.complete(policies.READY_MADE["lockdown"][1]))
    with ground.empty_database(NAME) as info:
        with connect(info) as connection:
            for number in range(tables):
                connection.execute(f"CREATE TABLE public.t{number} (id serial PRIMARY KEY, words text)".encode())
        with _writer(info, "public.t0", 5.0), _waits(info) as waits:
            took = {"install": seconds(lambda: _install(info, wanted))}
        took["verify"] = seconds(lambda: _verify(info, wanted))
        took["uninstall"] = seconds(lambda: _uninstall(info, wanted))
    for act, value in took.items():
        yield Claim(f"{act} lockdown over {tables:,} tables", value, "s", 60, took)
    yield Claim("longest wait for a lock during installation", max(waits, default=0.0), "s", 2.1, {})


def _make_ways(info: ConnInfo) -> None:
    wanted = ProtectionPolicy(
        name="capture", version=1,
        rules=policies.complete([{"rule": "delete_audit", "settings": {"tables": ["public.t_captured"]}}]),
    )  # fmt: skip
    with connect(info) as connection:
        connection.execute("SET search_path = public")
        connection.execute((SQL / "deletes.sql").read_text().encode())
    _install(info, wanted)


def _table(way: str) -> str:
    return "t_" + way.replace(" ", "_")


def _bulk(info: ConnInfo, way: str, rows: int) -> Callable[[], float]:
    def run() -> float:
        with connect(info) as connection:
            connection.execute("SELECT public.fill(%s, %s)", [_table(way), rows])
            connection.execute("CHECKPOINT")
            return seconds(lambda: connection.execute(f"DELETE FROM public.{_table(way)}".encode()))

    return run


def _one_by_one(info: ConnInfo, way: str, rows: int) -> Callable[[], float]:
    def run() -> float:
        with connect(info) as connection:
            connection.execute("SELECT public.fill(%s, %s)", [_table(way), rows])
            connection.execute("SET synchronous_commit = off")  # the processor's share, not the disk's
            statement = f"DELETE FROM public.{_table(way)} WHERE id = %s".encode()
            began = time.perf_counter()
            for number in range(1, rows + 1):
                connection.execute(statement, [number])
            return time.perf_counter() - began

    return run


def _install(info: ConnInfo, wanted: ProtectionPolicy) -> None:
    with connect(info) as connection:
        execute.run(connection, plan.make(connection, wanted).steps)


def _verify(info: ConnInfo, wanted: ProtectionPolicy) -> None:
    with connect(info) as connection:
        found = verify.look(connection, policies.parts(wanted))
    wrong = [finding for finding in found if finding.status is not Status.INSTALLED]
    assert not wrong, wrong[:3]


def _uninstall(info: ConnInfo, wanted: ProtectionPolicy) -> None:
    with connect(info) as connection:
        execute.run(connection, plan.unmake(connection, wanted).steps)


@contextmanager
def _writer(info: ConnInfo, table: str, length: float) -> Iterator[None]:
    """Somebody has written to a table and not committed for some seconds, as in a real database."""
    holds = threading.Event()

    def hold() -> None:
        with psycopg.connect(**info.keywords()) as connection:  # type: ignore[arg-type]
            connection.execute(f"INSERT INTO {table} (words) VALUES ('busy')".encode())
            holds.set()
            time.sleep(length)

    thread = threading.Thread(target=hold)
    thread.start()
    holds.wait(10)
    yield
    thread.join()


@contextmanager
def _waits(info: ConnInfo) -> Iterator[list[float]]:
    """Seconds that sessions have waited for locks, looked at every 50 ms."""
    found: list[float] = []
    ended = threading.Event()

    def look() -> None:
        question = "SELECT extract(epoch FROM clock_timestamp() - waitstart) FROM pg_locks WHERE NOT granted"
        with connect(info) as connection:
            while not ended.wait(0.05):
                found.extend(float(row[0]) for row in connection.execute(question) if row[0] is not None)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()
