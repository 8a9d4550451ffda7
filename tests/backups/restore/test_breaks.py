"""A restore that breaks or is cancelled, in every phase: the live database is as it was, and nothing is left over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connections

from audit import jobs, targets
from audit.exceptions import JobCancelled, RightsMissing
from audit.models import Purpose, Target
from audit.progress import Progress
from backups.exceptions import CopyDamaged, DiskFull, RestoreRunning, SafetyBackupFailed, SwapBlocked
from backups.models import Backup, Destination, Level, Restore, SwapState, Verification
from backups.restore.request import request
from backups.restore.swap import exclusively
from backups.restore.undo import undo
from tests.backups import house
from tests.backups.restore.conftest import Scene, perform
from tests.cast import Cast
from tests.waiting import wait_until
from tovgov.demo.club import OPERATOR, OWNER
from tovgov.demo.data import ROWS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("club")]

BESIDE = ["Check the guards", "Safety backup", "Make a side database", "Decode", "Restore", "Compare rows",
          "Check foreign keys", "Check the guards again", "Owner, rights and settings", "Swap"]  # fmt: skip
MERGE = ["Check the guards", "Safety backup", "Make a side database", "Restore", "Find the missing rows",
         "Put the rows back", "Prove what was put back"]  # fmt: skip


@pytest.fixture
def backup(scene: Scene) -> Backup:
    return scene.back_up()


@pytest.fixture
def spool_stays_empty(scene: Scene, spool: Path) -> Iterator[None]:
    yield
    assert [path.name for path in spool.iterdir()] == []


@pytest.fixture
def at_phase(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[Progress], None]], None]:
    """Do something the moment a restore begins a phase, before the phase does anything."""

    def arrange(name: str, act: Callable[[Progress], None]) -> None:
        real = Progress.phase

        def phase(self: Progress, phase_name: str, **options: Any) -> None:
            real(self, phase_name, **options)
            if phase_name == name and isinstance(self.job, Restore):
                act(self)

        monkeypatch.setattr(Progress, "phase", phase)

    return arrange


def failed(scene: Scene, restore: Restore, code: str, counts: dict[str, int] | None = None) -> None:
    """It failed with ``code`` and left nothing: no database, no lock, no session, nothing in service."""
    assert (restore.state, restore.error_code) == ("cancelled" if code == "job.cancelled" else "failed", code)
    assert restore.hint
    assert (restore.swap, restore.side_database, restore.intent) == (SwapState.NONE, "", "")
    scene.is_untouched(counts or dict(ROWS))
    assert house.our_sessions(scene.club.admin.to(scene.club.database)) == 0
    with exclusively(scene.target):
        pass


@pytest.mark.parametrize("phase", BESIDE)
@pytest.mark.usefixtures("spool_stays_empty")
def test_a_replace_that_is_cancelled(scene: Scene, backup: Backup, at_phase: Any, phase: str) -> None:
    at_phase(phase, lambda progress: cancel(scene, progress))
    failed(scene, scene.restore(backup), "job.cancelled")


def cancel(scene: Scene, progress: Progress) -> None:
    """Press Cancel and go on working until the worker's ear has heard it."""
    jobs.cancel(Restore.objects.get(pk=progress.job.pk), actor=scene.cast.actor("alice"))
    assert progress.stop.wait(60)


@pytest.mark.parametrize("phase", MERGE)
@pytest.mark.usefixtures("spool_stays_empty")
def test_a_merge_that_is_cancelled(scene: Scene, backup: Backup, at_phase: Any, phase: str) -> None:
    with scene.club.as_role(OWNER) as connection:
        connection.execute('DELETE FROM "UserFriends"')
    scene.succeeded(scene.restore(backup, "merge", dry_run=True))
    at_phase(phase, lambda progress: cancel(scene, progress))
    failed(scene, scene.restore(backup, "merge"), "job.cancelled", ROWS | {"UserFriends": 0})


def test_a_cancel_after_the_swap_has_begun_comes_too_late(scene: Scene, backup: Backup, at_phase: Any) -> None:
    def press(progress: Progress) -> None:
        jobs.cancel(Restore.objects.get(pk=progress.job.pk), actor=scene.cast.actor("alice"))
        time.sleep(1.2)

    at_phase("Look back", press)
    restore = scene.restore(backup)
    assert (restore.state, restore.swap) == ("succeeded", SwapState.SWAPPED)


# --- real faults ------------------------------------------------------------------------------------------------------


def test_a_damaged_copy_fails_the_restore_and_is_doubted(scene: Scene, backup: Backup) -> None:
    damage(scene.folder / "copies")
    failed(scene, scene.restore(backup), CopyDamaged.code)
    assert Verification.objects.get().copy == backup.copies.get()


def test_a_damaged_copy_does_not_matter_when_there_is_another(scene: Scene, tmp_path: Path) -> None:
    house.folder(tmp_path / "second", name="second")
    backup = scene.back_up()
    damage(scene.folder / "copies")
    restore = scene.restore(backup)
    scene.succeeded(restore)
    assert "is of no use" in restore.log
    assert Verification.objects.get().copy == backup.copies.get(destination__name="folder")


def test_a_damaged_copy_that_was_streamed_leaves_nothing_in_the_side_database(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without room in the spool the damage is found when half of it is restored already."""
    from backups import unpack

    house.folder(tmp_path / "second", name="second")
    house.give_role(scene.target, scene.cluster.conninfo())
    scene.sql("CREATE TABLE bulk AS SELECT g AS id, md5(g::text) AS text FROM generate_series(1, 60000) g")
    backup = scene.back_up()
    damage(scene.folder / "copies", share=0.9)
    monkeypatch.setattr(unpack, "_has_room", lambda backup: False)
    restore = scene.restore(backup)
    scene.succeeded(restore)
    assert "is of no use" in restore.log


def damage(folder: Path, share: float = 0.5) -> None:
    """Flip a byte of the dump, in its middle or at that share of it."""
    path = next(folder.rglob("*.dump.zst.age"))
    data = bytearray(path.read_bytes())
    data[int(len(data) * share)] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)


def test_without_the_right_to_create_databases(scene: Scene, backup: Backup) -> None:
    scene.sql(f"ALTER ROLE {OPERATOR} NOCREATEDB")
    failed(scene, scene.restore(backup), RightsMissing.code)


def test_without_membership_in_the_owner(scene: Scene, backup: Backup) -> None:
    scene.sql(f"REVOKE {OWNER} FROM {OPERATOR}")
    failed(scene, scene.restore(backup), RightsMissing.code)


def test_without_a_key_for_the_safety_backup(scene: Scene, backup: Backup, keys: Path) -> None:
    (keys / "age-recipient.txt").unlink()
    failed(scene, scene.restore(backup), SafetyBackupFailed.code)


def test_without_the_key_of_the_backup(scene: Scene, backup: Backup, keys: Path) -> None:
    (keys / "age-identity.txt").unlink()
    failed(scene, scene.restore(backup), "key.missing")


def test_without_room_in_the_spool(scene: Scene, backup: Backup) -> None:
    Backup.objects.filter(pk=backup.pk).update(dump_bytes=10**13)
    failed(scene, scene.restore(backup), DiskFull.code)


@pytest.mark.parametrize("phase", ["Restore", "Compare rows", "Check foreign keys", "Owner, rights and settings"])
def test_a_backend_that_is_killed(scene: Scene, backup: Backup, at_phase: Any, phase: str) -> None:
    """Somebody ends our sessions in the side database, again and again, from that phase on."""
    with killer(scene) as strike:
        at_phase(phase, lambda progress: strike())
        restore = scene.restore(backup)
    if restore.state == "failed":  # the last phases may be over before the killer comes by
        failed(scene, restore, restore.error_code)
        assert restore.error_code in {"target.connection_lost", "tool.failed", "target.unreachable"}
    else:
        assert phase not in ("Restore", "Compare rows")


class killer:  # noqa: N801
    """A thread that terminates tovgov's sessions in side databases once it was told to strike."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.striking, self.over = scene, threading.Event(), threading.Event()

    def __enter__(self) -> Callable[[], None]:
        self.thread = threading.Thread(target=self.work)
        self.thread.start()
        return self.striking.set

    def __exit__(self, *error: object) -> None:
        self.over.set()
        self.thread.join()

    def work(self) -> None:
        with psycopg.connect(**self.scene.cluster.keywords(), autocommit=True) as conn:  # type: ignore[arg-type]
            while not self.over.wait(0.01):
                if self.striking.is_set():
                    conn.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'TovPlay_side%'"
                    )


def test_too_few_connections_for_the_restore(scene: Scene, backup: Backup, at_phase: Any) -> None:
    at_phase("Restore", lambda progress: scene.sql(f"ALTER ROLE {OPERATOR} CONNECTION LIMIT 1"))
    restore = scene.restore(backup)
    scene.sql(f"ALTER ROLE {OPERATOR} CONNECTION LIMIT -1")
    assert restore.state == "failed"
    assert "too many connections" in restore.error


def test_a_prepared_transaction_blocks_the_swap_and_is_named(scene: Scene, backup: Backup) -> None:
    scene.sql('BEGIN; INSERT INTO "UserFriends" SELECT * FROM "UserFriends" WHERE false; PREPARE TRANSACTION \'mine\'')
    try:
        restore = scene.restore(backup)
    finally:
        scene.sql("ROLLBACK PREPARED 'mine'")
    assert '"mine"' in restore.error
    failed(scene, restore, SwapBlocked.code)


def test_a_superusers_session_is_not_ended_by_a_lesser_role(scene: Scene, backup: Backup) -> None:
    with psycopg.connect(**scene.cluster.keywords(scene.club.database)):  # type: ignore[arg-type]
        restore = scene.restore(backup)
        assert (restore.state, restore.error_code) == ("failed", RightsMissing.code)
    failed(scene, restore, RightsMissing.code)


def test_a_database_made_meanwhile_is_not_touched_by_a_recovery(scene: Scene, backup: Backup, at_phase: Any) -> None:
    scene.sql('DROP DATABASE "TovPlay" WITH (FORCE)', database="postgres")
    make = 'CREATE DATABASE "TovPlay" TEMPLATE template0 OWNER tovplay_owner'
    at_phase("Swap", lambda progress: scene.sql(make, database="postgres"))
    restore = scene.restore(backup, "recover")
    assert (restore.state, restore.error_code, restore.swap) == ("failed", "restore.database_still_there", "none")
    assert scene.left_over() == set()


# --- one at a time ----------------------------------------------------------------------------------------------------


def test_a_backup_that_runs_is_waited_for(scene: Scene, backup: Backup, at_phase: Any) -> None:
    """Somebody backs the target up just then: the restore lets it end and then makes its own."""
    from tests.factories import BackupFactory

    other = BackupFactory(target=scene.target, running=True)

    def end_it() -> None:
        wait_until(Restore.objects.filter(log__contains="Waiting for the backup").exists)
        Backup.objects.filter(pk=other.pk).update(state="cancelled", finished_at=other.started_at)
        connections.close_all()

    thread = threading.Thread(target=end_it)
    at_phase("Safety backup", lambda progress: thread.start())
    restore = scene.restore(backup)
    thread.join()
    scene.succeeded(restore)
    assert "Waiting for the backup that is running" in restore.log


def test_undo_waits_for_no_running_restore(scene: Scene, backup: Backup, at_phase: Any) -> None:
    done = scene.restore(backup)
    refusals: list[str] = []

    def try_to_undo(progress: Progress) -> None:
        with pytest.raises(RestoreRunning) as caught:
            undo(done, actor=scene.cast.actor("alice"), reason="now")
        refusals.append(caught.value.code)

    at_phase("Compare rows", try_to_undo)
    scene.succeeded(scene.restore(backup))
    assert refusals == [RestoreRunning.code]


def test_a_task_that_is_delivered_twice_restores_once(scene: Scene, backup: Backup) -> None:
    restore = perform(scene.ask(backup))
    kept = restore.kept_database
    perform(restore)
    assert (restore.attempt, restore.kept_database) == (1, kept)
    backup.refresh_from_db()
    assert backup.level == Level.PROVED
    assert Destination.objects.count() == 1


# --- subscriptions ----------------------------------------------------------------------------------------------------


def test_a_subscription_does_not_keep_a_side_database(target: Target, cast: Cast, at_phase: Any) -> None:
    """It comes with the dump when a superuser restores, and refuses DROP DATABASE."""
    info = targets.conninfo(target, Purpose.OPERATE)
    make = "CREATE SUBSCRIPTION news CONNECTION 'host=192.0.2.1 dbname=x' PUBLICATION y WITH (connect = false)"
    house.run_sql(info, make)
    try:
        backup = house.back_up(target)
        at_phase("Compare rows", lambda progress: progress.end(JobCancelled()))
        alice = cast.actor("alice")
        restore = perform(request(backup, target, actor=alice, mode="replace", reason="to try"))
        assert (restore.state, restore.side_database) == ("cancelled", "")
        assert house.databases(info) == {info.database}
    finally:
        house.run_sql(info, "ALTER SUBSCRIPTION news SET (slot_name = NONE)", "DROP SUBSCRIPTION news")
