"""What breaks in the middle of a proof: worker, server, patience. The scratch database is always dropped."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.db import connections
from django.utils import timezone

from audit import jobs
from audit.models import LedgerEntry, Target
from audit.postgres.connect import ConnInfo
from backups import tasks, verify
from backups.models import Backup, Level, Verification
from tests.backups.house import TOVGOV, back_up, databases, run_sql, verified
from tests.backups.workers import start_worker
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
SLOW = (
    "CREATE FUNCTION slow(i int) RETURNS boolean LANGUAGE plpgsql AS "
    r"$$ BEGIN IF current_database() LIKE '%\_proof\_%' THEN PERFORM pg_sleep(0.2); END IF; RETURN true; END $$",
    "CREATE TABLE slow (i int CHECK (public.slow(i)))",
    "INSERT INTO slow SELECT generate_series(1, 60)",
)
"""A table that takes twelve seconds to restore into a scratch database, because each row is checked."""


@pytest.fixture
def backup(target: Target, world: ConnInfo) -> Backup:
    run_sql(world, *SLOW)
    return back_up(target)


def while_it_restores(act: Callable[[Verification], None]) -> threading.Thread:
    """Do ``act`` when pg_restore is at work."""

    def watch() -> None:
        at_work = Verification.objects.filter(phase="Restore", done__gt=0).exclude(scratch_database="")
        try:
            wait_until(at_work.exists)
            act(at_work.get())
        finally:
            connections.close_all()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_a_cancel_drops_the_scratch_database(backup: Backup, world: ConnInfo) -> None:
    asked: list[float] = []

    def act(found: Verification) -> None:
        asked.append(time.monotonic())
        jobs.cancel(found, actor=TOVGOV)

    canceller = while_it_restores(act)
    verification = verified(backup)
    took = time.monotonic() - asked[0]
    canceller.join()
    assert verification.state == "cancelled"
    assert took < 6
    assert databases(world) == {world.database}
    assert backup.damaged_at is None


def test_a_killed_worker_leaves_a_scratch_database_that_is_swept(
    backup: Backup, world: ConnInfo, tmp_path: Path
) -> None:
    verification = verify.request(backup, Level.PROVED, actor=TOVGOV)
    with start_worker(verification) as process:
        while_it_restores(lambda found: process.send_signal(signal.SIGKILL)).join()
    assert len(databases(world)) == 2
    Verification.objects.update(heartbeat_at=timezone.now() - timedelta(seconds=60), max_attempts=1)
    assert jobs.reap() == [verification]
    assert databases(world) == {world.database}
    assert list((tmp_path / "spool").iterdir()) == []
    verification.refresh_from_db()
    assert (verification.state, verification.error_code) == ("failed", "job.worker_died")
    assert verification.scratch_database == ""


def test_a_server_that_closes_in_mid_restore_is_asked_again(backup: Backup, world: ConnInfo) -> None:
    def act(found: Verification) -> None:
        with psycopg.connect(**world.to("postgres").keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [found.scratch_database]
            )

    breaker = while_it_restores(act)
    verification = verified(backup)
    breaker.join()
    assert (verification.state, verification.attempt) == ("succeeded", 2)
    assert databases(world) == {world.database}
    assert LedgerEntry.objects.filter(action="verification.queued again").count() == 1


def test_the_same_verification_delivered_twice_is_done_once(backup: Backup) -> None:
    verification = verified(backup, Level.STORED)
    tasks.run_verification(verification.pk)
    verification.refresh_from_db()
    assert verification.attempt == 1
