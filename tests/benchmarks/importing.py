"""Importing deletes: the lag under a steady stream, rows a second, and what is lost or doubled over many deaths."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.utils import timezone

from audit import jobs
from audit.exceptions import ImportRunning
from audit.imports import deletions, log
from audit.models import AuditImport, DeleteAuditLog, ImportSource, JobState, Protection, ProtectionPolicy, Target
from audit.postgres.connect import ConnInfo, connect
from audit.protection import execute, plan, policies
from audit.seals import verify
from tests.benchmarks.ground import Ground
from tests.benchmarks.measuring import Claim
from tests.benchmarks.tovgov_under_test import ACTOR, Tovgov, finished
from tests.dying import Mortals, mortals

NAME = "bench_import"
SCHEMA = """
CREATE TABLE public.item (id bigint PRIMARY KEY, name text NOT NULL, price numeric(12, 2), made timestamptz,
    words text);
INSERT INTO public.item
    SELECT i, 'Item ' || i, i * 0.25, '2026-01-01'::timestamptz + i * interval '1 second', repeat('word ', 10)
    FROM generate_series(1, {rows}) i;
"""
CLERKS = 8
SEED = 20261120
CAPTURED = """
SELECT count(*), count(DISTINCT (record, position)), sum(hashtextextended(row::text, 0)) FROM tovgov."DeleteAuditLog"
"""
RULES = [{"rule": "delete_audit"}]


def steady_stream(ground: Ground, tovgov: Tovgov, *, seconds: int, a_second: int = 1_000) -> Iterator[Claim]:
    """Single-row deletes at this rate, imported by the workers as the minute asks for it."""
    with shop(ground, tovgov, rows=seconds * a_second * 2) as (info, target):
        protect(target)
        lags, stop = [0.0], threading.Event()
        clerks = [
            threading.Thread(target=_delete, args=(info, number, a_second / CLERKS, stop)) for number in range(CLERKS)
        ]
        began = time.monotonic()
        for clerk in clerks:
            clerk.start()
        while time.monotonic() - began < seconds:
            time.sleep(0.5)
            lags.append(_lag(info, target))
        stop.set()
        for clerk in clerks:
            clerk.join()
        took = time.monotonic() - began
        deleted = _captured(info)[0]
        while _lag(info, target):
            time.sleep(0.5)
            lags.append(_lag(info, target))
        reached, median = round(deleted / took), sorted(lags)[len(lags) // 2]
        how = {"deletes": deleted, "a_second": reached, "wanted": a_second, "seconds": seconds, "median": median}
        yield Claim(f"import lag under {reached:,} deletes a second", max(lags), "s", 60, how)
        yield Claim("rows lost or doubled meanwhile", _wrong(info, target), "rows", 0, how)
        Protection.objects.filter(target=target).delete()


def million(ground: Ground, tovgov: Tovgov, *, rows: int) -> Iterator[Claim]:
    """A bulk delete, from the request of its import to the last row; several imports follow each other."""
    with shop(ground, tovgov, rows=rows) as (info, target):
        with connect(info) as connection:
            connection.execute("DELETE FROM public.item")
        began = time.monotonic()
        while _lag(info, target):
            finished(deletions.request(target, actor=ACTOR, reason="benchmark"))
        took = time.monotonic() - began
        how = {"rows": rows, "seconds": took, "rows_a_second": round(rows / took)}
        yield Claim("import of a bulk delete, a row", took / rows * 1e6, "µs", 200, how)
        began = time.monotonic()
        verdict = verify.verify(target, actor=ACTOR)
        how = {"seconds": time.monotonic() - began, "faults": verdict.faults}
        yield Claim(
            "rows of it that its seals do not vouch for", rows - verdict.rows + len(verdict.faults), "rows", 0, how
        )


def deaths(ground: Ground, tovgov: Tovgov, *, kills: int) -> Iterator[Claim]:
    """Imports in processes of their own, killed by SIGKILL at a seeded point each, found dead and tried again."""
    with shop(ground, tovgov, rows=kills * 4 + 1_000) as (info, target), _without_queue():
        chance, killed = random.Random(SEED), 0
        with connect(info) as app, mortals(deletions.TASK, {}) as children:
            app.execute("DELETE FROM public.item WHERE id <= 900")
            points = children.run(_next_run(target).pk)
            assert points is not None
            for number in range(kills):
                app.execute("DELETE FROM public.item WHERE id BETWEEN %s AND %s", [901 + number * 4, 903 + number * 4])
                at = chance.randint(1, 120)  # an import of three rows has about so many
                killed += children.run(_next_run(target).pk, at=at) is None
            _run_to_the_end(target, children)
        how = {"kills": kills, "killed": killed, "rows": _captured(info)[0], "seed": SEED}
        yield Claim(f"rows lost or doubled over {kills:,} kill points", _wrong(info, target), "rows", 0, how)
        faults = verify.verify(target, actor=ACTOR).faults
        yield Claim("seals broken by it", len(faults), "seals", 0, {"faults": faults})


@contextmanager
def shop(ground: Ground, tovgov: Tovgov, *, rows: int) -> Iterator[tuple[ConnInfo, Target]]:
    """A database with a delete log, and the target it is; the minute does not look at it."""
    with ground.empty_database(NAME) as info:
        with connect(info) as connection:
            connection.execute(SCHEMA.format(rows=rows).encode())
            policy = ProtectionPolicy(name="b", version=1, rules=policies.complete(RULES))
            execute.run(connection, plan.make(connection, policy).steps)
        target = tovgov.register(f"{NAME} {time.monotonic_ns()}", NAME)
        yield info, target
        Target.objects.filter(pk=target.pk).update(is_active=False)


def protect(target: Target) -> None:
    """From now on the minute looks at its log."""
    rules = policies.complete(RULES)
    policy = ProtectionPolicy.objects.create(name=target.name, version=1, rules=rules, created_by="benchmark")
    Protection.objects.create(target=target, policy=policy, installed_by="benchmark")


def _delete(info: ConnInfo, number: int, a_second: float, stop: threading.Event) -> None:
    """One row at a time, every ``CLERKS``-th id, as evenly as the machine lets it."""
    with connect(info) as app:
        began, done = time.monotonic(), 0
        while not stop.is_set():
            app.execute("DELETE FROM public.item WHERE id = %s", [done * CLERKS + number + 1])
            done += 1
            ahead = done / a_second - (time.monotonic() - began)
            if ahead > 0.02:
                time.sleep(ahead)


def _lag(info: ConnInfo, target: Target) -> float:
    source = ImportSource.objects.filter(target=target).first() or ImportSource()
    with connect(info, read_only=True) as connection:
        oldest = log.oldest_waiting(connection, source.bounds)
    return oldest.age if oldest else 0.0


def _captured(info: ConnInfo) -> tuple[int, int, object]:
    with connect(info) as connection:
        row = connection.execute(CAPTURED.encode()).fetchone()
    assert row is not None
    return int(row[0]), int(row[1]), row[2]


def _wrong(info: ConnInfo, target: Target) -> int:
    """Rows that are in one place and not in the other, or in one of them twice."""
    with connect(info) as connection:
        there = connection.execute('SELECT record, position, row::text FROM tovgov."DeleteAuditLog"').fetchall()
    here = list(DeleteAuditLog.objects.filter(target=target).values_list("record", "position", "row"))
    return len(set(there) ^ set(here)) + len(here) - len(set(here)) + len(there) - len(set(there))


# --- dying --------------------------------------------------------------------------------------------------------


@contextmanager
def _without_queue() -> Iterator[None]:
    """The workers of the benchmark are told nothing: who runs an import is the one who dies."""
    real = jobs.enqueue
    jobs.enqueue = lambda job, task: None
    try:
        yield
    finally:
        jobs.enqueue = real


def _next_run(target: Target) -> AuditImport:
    """The open import, found dead when it was running; a new one when there is none. The workers' own reaper may be
    quicker, and run it."""
    source = deletions.source_of(target)
    long_ago = timezone.now() - timedelta(minutes=5)
    while True:
        AuditImport.objects.filter(source=source, state=JobState.RUNNING).update(heartbeat_at=long_ago)
        jobs.reap()
        waiting = AuditImport.objects.filter(source=source, state=JobState.QUEUED).first()
        try:
            return waiting or deletions.request(target, actor=ACTOR)
        except ImportRunning:
            time.sleep(0.2)


def _run_to_the_end(target: Target, children: Mortals) -> None:
    for _ in range(2):  # the second one seals what the first left
        assert children.run(_next_run(target).pk) is not None
