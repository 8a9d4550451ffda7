"""The swap under people who are connected, what is kept of it, and for how long."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.utils import timezone

from audit import approvals, targets
from audit.exceptions import ApprovalMissing, NotPermitted, ReasonMissing
from audit.models import Alert, Environment, Target
from backups.exceptions import UndoGone
from backups.models import Backup, Restore, SwapState
from backups.restore.undo import ask_to_drop, drop_expired, drop_kept, redo, undo
from tests.backups.house import databases
from tests.backups.restore.conftest import Scene, register
from tests.waiting import wait_until
from tovgov.demo import accidents
from tovgov.demo.club import APPLICATION, OWNER
from tovgov.demo.data import ROWS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("club")]
WHY = "to see"


@pytest.fixture
def backup(scene: Scene) -> Backup:
    return scene.back_up()


class Crowd:
    """Clients of the application that ask for the number of users without a pause, and connect again when cut off."""

    def __init__(self, scene: Scene, size: int = 4) -> None:
        self.scene, self.over = scene, threading.Event()
        self.answers: list[tuple[float, int]] = []
        self.troubles: list[psycopg.Error] = []
        self.threads = [threading.Thread(target=self.work) for _ in range(size)]

    def work(self) -> None:
        while not self.over.is_set():
            try:
                with self.scene.club.as_role(APPLICATION) as conn:
                    while not self.over.is_set():
                        row = conn.execute('SELECT count(*) FROM "User"').fetchone()
                        self.answers.append((time.monotonic(), row[0]))
            except psycopg.Error as error:
                self.troubles.append(error)

    def __enter__(self) -> Crowd:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()


def test_clients_that_keep_reconnecting(scene: Scene, backup: Backup) -> None:
    scene.wipe()
    alice = scene.cast.actor("alice")
    with Crowd(scene) as crowd:
        restore = scene.restore(backup)
        scene.succeeded(restore)
        undo(restore, actor=alice, reason=WHY)
        redo(restore, actor=alice, reason=WHY)
        wait_until(lambda: crowd.answers[-1][1] == 23)
    assert {count for _, count in crowd.answers} == {0, 23}
    assert {type(error) for error in crowd.troubles} <= {
        psycopg.errors.AdminShutdown, psycopg.OperationalError, psycopg.errors.ObjectNotInPrerequisiteState,
    }  # fmt: skip
    assert restore.swap_milliseconds > 0


def test_rows_written_between_the_last_look_and_the_swap_are_told(
    scene: Scene, backup: Backup, monkeypatch: pytest.MonkeyPatch
) -> None:
    from backups.restore import beside

    real = beside.swap_in

    def meanwhile(*args: Any, **options: Any) -> None:
        accidents.write_new_rows(scene.club)
        real(*args, **options)

    monkeypatch.setattr(beside, "swap_in", meanwhile)
    restore = scene.restore(backup)
    scene.succeeded(restore)
    assert restore.plan["late_rows"] == {'"public"."UserAvailability"': 23}
    assert "they are in the former database" in restore.log


def test_the_mark_of_a_template_stays_with_the_live_name(scene: Scene, backup: Backup) -> None:
    scene.sql('ALTER DATABASE "TovPlay" IS_TEMPLATE true', database="postgres")
    restore = scene.restore(backup)
    scene.succeeded(restore)
    with scene.club.elsewhere(OWNER) as conn:
        marks = dict(
            conn.execute("SELECT datname, datistemplate FROM pg_database WHERE datname ~ '^TovPlay'").fetchall()
        )
    assert marks == {"TovPlay": True, restore.kept_database: False}


def test_foreign_sessions_are_ended_and_other_work_is_not_touched(scene: Scene, backup: Backup) -> None:
    with (
        scene.club.as_role(OWNER) as inside,
        psycopg.connect(**scene.cluster.keywords("postgres")) as elsewhere,  # type: ignore[arg-type]
    ):
        scene.succeeded(scene.restore(backup))
        with pytest.raises(psycopg.OperationalError):
            inside.execute("SELECT 1")
        assert elsewhere.execute("SELECT 1").fetchone() == (1,)


# --- undo and redo ----------------------------------------------------------------------------------------------------


def test_undo_twice_is_refused(scene: Scene, backup: Backup) -> None:
    alice = scene.cast.actor("alice")
    restore = scene.restore(backup)
    with pytest.raises(UndoGone, match="it is in service"):
        redo(restore, actor=alice, reason=WHY)
    undo(restore, actor=alice, reason=WHY)
    with pytest.raises(UndoGone, match="undone already"):
        undo(restore, actor=alice, reason=WHY)


def test_undo_of_a_recovery_is_refused(scene: Scene, backup: Backup) -> None:
    accidents.drop_database(scene.club)
    restore = scene.restore(backup, "recover")
    with pytest.raises(UndoGone, match="no database before"):
        undo(restore, actor=scene.cast.actor("alice"), reason=WHY)


def test_undo_of_an_older_restore_is_refused(scene: Scene, backup: Backup) -> None:
    first = scene.restore(backup)
    second = scene.restore(backup)
    alice = scene.cast.actor("alice")
    with pytest.raises(UndoGone, match="something came after it"):
        undo(first, actor=alice, reason=WHY)
    undo(second, actor=alice, reason=WHY)
    undo(first, actor=alice, reason=WHY)
    assert scene.club.counts() == ROWS
    assert targets.check(Target.objects.get(), actor=alice) is None


def test_undo_needs_a_permission_and_a_reason(scene: Scene, backup: Backup) -> None:
    restore = scene.restore(backup)
    with pytest.raises(NotPermitted):
        undo(restore, actor=scene.cast.actor("charlie"), reason=WHY)
    with pytest.raises(ReasonMissing):
        undo(restore, actor=scene.cast.actor("alice"), reason=" ")


def test_undo_when_somebody_dropped_what_was_kept(scene: Scene, backup: Backup) -> None:
    restore = scene.restore(backup)
    scene.sql(f'DROP DATABASE "{restore.kept_database}"', database="postgres")
    with pytest.raises(UndoGone, match="is gone or was renamed"):
        undo(restore, actor=scene.cast.actor("alice"), reason=WHY)
    restore.refresh_from_db()
    assert (restore.swap, restore.intent) == (SwapState.SWAPPED, "")


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_a_former_database_is_dropped_when_its_date_has_passed(scene: Scene, backup: Backup) -> None:
    restore = scene.restore(backup)
    assert timedelta(days=6) < restore.kept_until - timezone.now() < timedelta(days=8)
    assert drop_expired() == []
    Restore.objects.update(kept_until=timezone.now() - timedelta(minutes=1))
    assert drop_expired() == [restore]
    assert scene.left_over() == set()
    assert drop_expired() == []
    restore.refresh_from_db()
    assert (restore.swap, restore.kept_database) == (SwapState.DROPPED, "")
    with pytest.raises(UndoGone, match="has been dropped"):
        undo(restore, actor=scene.cast.actor("alice"), reason=WHY)


def test_a_stranger_with_the_kept_name_is_not_dropped(scene: Scene, backup: Backup) -> None:
    """Somebody dropped the former database and made another of that name: it is not ours."""
    restore = scene.restore(backup)
    name = restore.kept_database
    scene.sql(f'DROP DATABASE "{name}"', f'CREATE DATABASE "{name}"', database="postgres")
    drop_kept(restore, actor=scene.cast.actor("alice"), reason=WHY)
    assert scene.left_over() == {name}


def test_a_former_database_that_cannot_be_dropped_raises_an_alert(scene: Scene, backup: Backup) -> None:
    restore = scene.restore(backup)
    Restore.objects.update(kept_until=timezone.now() - timedelta(minutes=1))
    scene.sql("CREATE TABLE t (i int)", "BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'mine'",
              database=restore.kept_database)  # fmt: skip
    assert drop_expired() == []
    assert "could not be dropped" in Alert.objects.get(kind="restore.kept", resolved_at=None).title
    scene.sql("ROLLBACK PREPARED 'mine'", database=restore.kept_database)
    assert drop_expired() == [restore]
    assert not Alert.objects.filter(kind="restore.kept", resolved_at=None).exists()


def test_on_production_what_is_kept_goes_only_with_an_approval(scene: Scene) -> None:
    scene.on(Environment.PRODUCTION)
    backup = scene.back_up()
    alice, bob = scene.cast.actor("alice"), scene.cast.actor("bob")
    approvals.approve(scene.ask_approval(backup), actor=bob)
    restore = scene.restore(backup, typed_name="TovPlay")
    with pytest.raises(ApprovalMissing):
        drop_kept(restore, actor=alice, reason=WHY)
    approvals.approve(ask_to_drop(restore, actor=alice, reason=WHY), actor=bob)
    drop_kept(restore, actor=alice, reason=WHY)
    assert scene.left_over() == set()


# --- copies -----------------------------------------------------------------------------------------------------------


def test_a_copy_over_a_database_of_another_target_is_swapped_too(scene: Scene, backup: Backup) -> None:
    scene.sql('CREATE DATABASE "TovPlay try" OWNER tovplay_owner', database="postgres")
    scene.sql("CREATE TABLE notes (id int)", "ALTER TABLE notes OWNER TO tovplay_owner", database="TovPlay try")
    scratch = register(scene.club, Environment.SCRATCH, name="try", database="TovPlay try")
    restore = scene.restore(backup, "copy", target=scratch)
    scene.succeeded(restore)
    assert databases(scene.club.admin.to("TovPlay try")) == {"TovPlay try", restore.kept_database}
    assert restore.safety_backup.target == scratch
    undo(restore, actor=scene.cast.actor("alice"), reason=WHY)
    assert scene.club.counts() == ROWS
