"""What breaks in the middle of a backup: server, disk, worker, patience. Nothing is left, and what can be mended by a
second try is tried again."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from django.db import connections
from django.utils import timezone

from audit import jobs, locks
from audit.models import Target
from audit.postgres.connect import ConnInfo
from backups import create, tasks
from backups.models import Backup, CopyState, Destination
from tests.backups import house
from tests.backups.house import TOVGOV, back_up, our_sessions, register
from tests.backups.tools.conftest import FullDisk, fill_bulk, full_disk
from tests.backups.workers import start_worker
from tests.conftest import MakeDatabase
from tests.waiting import wait_until
from tovgov.binaries import binaries
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["full_disk"]
PAUSED = """#!/bin/bash
# The real tool, whose output stops after {bytes} bytes for as long as {gate} is there.
case "$*" in *--version*) exec {real} "$@";; esac
set -o pipefail
{real} "$@" | (head -c {bytes}; while [ -e {gate} ]; do sleep 0.05; done; cat)
"""


@pytest.fixture
def bulk(
    cluster: Cluster,
    make_database: MakeDatabase,
    template_database: Callable[[Cluster, str, Callable[[ConnInfo], None]], str],
) -> ConnInfo:
    return make_database(cluster, template=template_database(cluster, "tools_bulk", fill_bulk))


@pytest.fixture
def target(bulk: ConnInfo, shelf: Destination) -> Target:
    return register(bulk)


@pytest.fixture
def gate(tmp_path: Path, settings: Any, cluster: Cluster) -> Path:
    """While this file is there, pg_dump's output stops after 100 kB: something can happen in mid-dump."""
    folder, gate = tmp_path / "bin", tmp_path / "gate"
    folder.mkdir()
    gate.touch()
    for name in ("pg_dump", "pg_dumpall", "pg_restore"):
        real = binaries(cluster.major) / name
        script = folder / name
        script.write_text(PAUSED.format(real=real, gate=gate, bytes=100_000) if name == "pg_dump" else
                          f'#!/bin/bash\nexec {real} "$@"\n')  # fmt: skip
        script.chmod(0o755)
    settings.TOVGOV_PG_BIN = str(folder)
    return gate


def in_mid_dump(act: Callable[[], None]) -> threading.Thread:
    """Do ``act`` as soon as bytes of the dump have come."""

    def watch() -> None:
        try:
            wait_until(Backup.objects.filter(phase="Dump and hash", done__gt=0).exists)
            act()
        finally:
            connections.close_all()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def sessions_of_pg_dump(info: ConnInfo, *, end: bool = False) -> int:
    """How many sessions pg_dump has in the database of ``info``; ``end`` ends them."""
    with psycopg.connect(**info.to("postgres").keywords(), autocommit=True) as conn:  # type: ignore[arg-type]
        act = "pg_terminate_backend(pid)" if end else "true"
        rows = conn.execute(
            f"SELECT {act} FROM pg_stat_activity WHERE datname = %s AND application_name = 'tovgov pg_dump'",  # type: ignore[arg-type]
            [info.database],
        ).fetchall()
        return len(rows)


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path, bulk: ConnInfo) -> Iterator[None]:
    yield
    for backup in Backup.objects.all():
        house.clear(backup)
    assert not list((tmp_path / "copies").glob("*"))
    assert not list((tmp_path / "spool").glob("*"))
    wait_until(lambda: our_sessions(bulk) == 0)  # the server notices in its own time that a client is gone
    assert not [p for p in psutil.process_iter(["cmdline"]) if bulk.database in " ".join(p.info["cmdline"] or [])]


def test_a_connection_closed_in_mid_dump_is_tried_again(target: Target, bulk: ConnInfo, gate: Path) -> None:
    def act() -> None:
        sessions_of_pg_dump(bulk, end=True)
        gate.unlink()

    breaker = in_mid_dump(act)
    backup = back_up(target)
    breaker.join()
    assert (backup.state, backup.attempt) == ("succeeded", 2)
    assert "target.connection_lost" in backup.log
    assert [copy.state for copy in backup.copies.all()] == [CopyState.STORED]


def test_our_own_connections_closed_in_mid_dump_end_the_dump(target: Target, bulk: ConnInfo, gate: Path) -> None:
    """The session that holds the snapshot is gone: the dump may not be called good."""

    def act() -> None:
        with psycopg.connect(**bulk.to("postgres").keywords(), autocommit=True) as conn:  # type: ignore[arg-type]
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = %s AND application_name LIKE 'tovgov%%' AND application_name <> 'tovgov pg_dump'",
                [bulk.database],
            )
        gate.unlink()

    breaker = in_mid_dump(act)
    backup = back_up(target)
    breaker.join()
    assert (backup.state, backup.attempt) == ("succeeded", 2)
    assert "target.connection_lost" in backup.log


def test_a_dump_that_stalls_is_ended(target: Target, gate: Path, settings: Any) -> None:
    settings.TOVGOV_STALL_SECONDS = 1
    backup = create.request(target, actor=TOVGOV)
    Backup.objects.update(max_attempts=1)
    tasks.run_backup(backup.pk)
    backup.refresh_from_db()
    assert (backup.state, backup.error_code) == ("failed", "tool.stalled")


def test_a_cancel_in_mid_dump_ends_it(target: Target, gate: Path) -> None:
    """The dump would stay at the gate for ever."""
    canceller = in_mid_dump(lambda: jobs.cancel(Backup.objects.get(), actor=TOVGOV, reason="wrong hour"))
    backup = back_up(target)
    canceller.join()
    assert backup.state == "cancelled"
    assert backup.attempt == 1


def test_a_full_disk_in_mid_dump_is_told_and_not_tried_again(
    target: Target, settings: Any, full_disk: FullDisk
) -> None:
    settings.TOVGOV_SPOOL = full_disk.with_room(500_000)
    backup = back_up(target)
    assert (backup.state, backup.error_code, backup.attempt) == ("failed", "disk.full", 1)
    assert list(settings.TOVGOV_SPOOL.iterdir()) == []


def test_a_full_destination_fails_only_its_copy(target: Target, full_disk: FullDisk, tmp_path: Path) -> None:
    inside = full_disk.with_room(500_000)
    full = Destination.objects.create(name="full", kind="folder", settings={"folder": str(inside)})
    backup = back_up(target)
    assert backup.state == "succeeded"
    assert backup.copies.get(destination=full).error_code == "disk.full"
    assert list(inside.rglob("*.age")) == list(inside.rglob("*.part")) == []


def test_a_killed_worker_leaves_nothing_and_its_backup_is_made_by_another(
    target: Target, bulk: ConnInfo, gate: Path, tmp_path: Path
) -> None:
    backup = create.request(target, actor=TOVGOV)
    with start_worker(backup) as process:
        in_mid_dump(lambda: process.send_signal(signal.SIGKILL)).join()
    wait_until(lambda: not sessions_of_pg_dump(bulk) and not our_sessions(bulk))  # the child died with its worker
    assert list((tmp_path / "spool").iterdir())  # what a killed worker leaves
    assert jobs.reap() == []  # its heartbeat is fresh still
    Backup.objects.update(heartbeat_at=timezone.now() - timedelta(seconds=60))
    assert jobs.reap() == [backup]
    assert list((tmp_path / "spool").iterdir()) == []
    backup.refresh_from_db()
    assert (backup.state, backup.attempt) == ("queued", 1)
    gate.unlink()
    tasks.run_backup(backup.pk)
    backup.refresh_from_db()
    assert (backup.state, backup.attempt) == ("succeeded", 2)


def test_a_worker_killed_while_it_copies_leaves_no_half_copy(target: Target, tmp_path: Path) -> None:
    """Its files lie in the destination, its row says running: the reaper takes them back."""
    backup = back_up(target)
    copy = backup.copies.get()
    assert list((tmp_path / "copies").rglob("*.age"))
    Backup.objects.update(
        state="running", finished_at=None, heartbeat_at=timezone.now() - timedelta(seconds=60), attempt=2
    )
    jobs.reap()
    assert not list((tmp_path / "copies").rglob("*.age"))
    copy.refresh_from_db()
    assert copy.state == CopyState.REMOVED
    backup.refresh_from_db()
    assert (backup.state, backup.error_code) == ("failed", "job.worker_died")


def test_only_so_many_run_at_once_and_the_next_begins_when_one_ends(
    target: Target, cluster: Cluster, make_database: MakeDatabase, settings: Any, gate: Path
) -> None:
    settings.TOVGOV_MAX_BACKUPS = 1
    second = register(make_database(cluster), name="Second")
    waiting: list[str] = []

    def act() -> None:
        other = create.request(second, actor=TOVGOV)
        tasks.run_backup(other.pk)
        other.refresh_from_db()
        waiting.extend([other.state, other.phase])
        gate.unlink()

    other_worker = in_mid_dump(act)
    back_up(target)
    other_worker.join()
    assert waiting == ["queued", create.WAITING]
    other = Backup.objects.get(target=second)
    tasks.run_backup(other.pk)
    other.refresh_from_db()
    assert other.state == "succeeded"


def test_a_message_delivered_twice_makes_one_backup(target: Target) -> None:
    backup = back_up(target)
    tasks.run_backup(backup.pk)
    again = Backup.objects.get()
    assert (again.attempt, again.finished_at) == (1, backup.finished_at)


def test_two_workers_never_hold_one_target(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """The constraint is the first lock; the advisory lock holds when a row was taken over from a worker that lives."""
    monkeypatch.setattr(create, "TAKEOVER_SECONDS", 0.2)
    backup = create.request(target, actor=TOVGOV)
    with locks.held(create._lock_name(backup)):
        tasks.run_backup(backup.pk)
    backup.refresh_from_db()
    assert (backup.state, backup.error_code) == ("failed", "backup.already_running")
