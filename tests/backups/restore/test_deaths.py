"""Workers that are killed: whatever moment it was, the next minute finds out what was done, and tidies up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from audit import jobs, targets
from audit.models import LedgerEntry, Target
from backups.models import Backup, Restore, SwapState
from backups.restore import tidy
from backups.restore.undo import redo, undo
from tests.backups import house
from tests.backups.restore.conftest import Scene, perform
from tests.conftest import drop_database
from tests.waiting import wait_until
from tovgov.demo.data import ROWS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("club")]

DIE = """
import os, sys
import django
django.setup()

def die(*args, **options):
    os.kill(os.getpid(), 9)

"""
AT_PHASE = """
from audit.progress import Progress
from backups.models import Restore
real = Progress.phase

def phase(self, name, **options):
    real(self, name, **options)
    if name == {phase!r} and isinstance(self.job, Restore):
        import time
        time.sleep({seconds})
        die()

Progress.phase = phase
"""
BEFORE_RECORD = """
from backups.restore import swap, undo
swap.record = undo.record = die
"""
RESTORE = """
from backups import tasks
tasks.run_restore({pk})
"""
UNDO = """
from audit.actors import Actor
from backups.models import Restore
from backups.restore import undo
undo.undo(Restore.objects.get(pk={pk}), actor=Actor.system("tests"), reason="and killed in it")
"""


def killed(*parts: str, **words: Any) -> None:
    """Run a worker that kills itself with SIGKILL where ``parts`` say."""
    own = connection.settings_dict
    script = (DIE + "".join(parts)).format(**words)
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tovgov.settings",
        "DATABASE_URL": f"postgres://{own['USER']}:{own['PASSWORD']}@{own['HOST']}:{own['PORT']}/{own['NAME']}",
        "TOVGOV_SPOOL": str(settings.TOVGOV_SPOOL),
        "TOVGOV_KEYS": str(settings.TOVGOV_KEYS),
    }
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, timeout=200)
    assert done.returncode == -signal.SIGKILL, done.stderr


def left_alone(scene: Scene) -> bool:
    """Whether the server has noticed that the killed client is gone."""
    return house.our_sessions(scene.club.admin.to(scene.club.database)) == 0


def bury() -> None:
    """Let the heartbeats be old, and let the minute come round."""
    old = timezone.now() - timedelta(seconds=60)
    Restore.objects.filter(state="running").update(heartbeat_at=old)
    Backup.objects.filter(state="running").update(heartbeat_at=old)
    jobs.reap()


@pytest.mark.parametrize(
    ("phase", "seconds"),
    [("Check the guards", 0), ("Safety backup", 0), ("Decode", 0), ("Restore", 0.3), ("Compare rows", 0),
     ("Owner, rights and settings", 0), ("Swap", 0)],
)  # fmt: skip
def test_killed_in_a_replace(scene: Scene, phase: str, seconds: float, spool: Path) -> None:
    restore = scene.ask(scene.back_up())
    killed(AT_PHASE, RESTORE, phase=phase, seconds=seconds, pk=restore.pk)
    assert Restore.objects.get().state == "running"
    bury()
    restore.refresh_from_db()
    assert (restore.state, restore.error_code, restore.swap) == ("failed", "job.worker_died", SwapState.NONE)
    assert (restore.side_database, restore.intent) == ("", "")
    scene.is_untouched(dict(ROWS))
    assert list(spool.iterdir()) == []
    wait_until(lambda: left_alone(scene))
    scene.succeeded(scene.restore(scene.back_up(kind="before-deployment")))


@pytest.mark.parametrize("mode", ["replace", "recover"])
def test_killed_between_the_swap_and_its_record(scene: Scene, mode: str) -> None:
    """The renames are done, nobody has written it down: the restore is failed aloud, and yet in service."""
    backup, properties = scene.back_up(), scene.club.properties()
    if mode == "replace":
        scene.wipe()
    else:
        drop_database(scene.cluster, scene.club.database)
    restore = scene.ask(backup, mode)
    killed(BEFORE_RECORD, RESTORE, pk=restore.pk)
    bury()
    restore.refresh_from_db()
    assert (restore.state, restore.swap, restore.intent) == ("failed", SwapState.SWAPPED, "")
    assert restore.rto_seconds is not None
    assert scene.club.counts() == ROWS
    assert scene.club.properties() == properties
    assert targets.check(Target.objects.get(), actor=scene.cast.actor("alice")) is None
    assert scene.left_over() == {restore.kept_database} - {""}
    if mode == "replace":
        undo(restore, actor=scene.cast.actor("alice"), reason="It can be undone as any other.")
        assert set(scene.club.counts().values()) == {0}


def test_killed_in_an_undo_is_settled_by_the_next_minute(scene: Scene) -> None:
    restore = scene.restore(scene.back_up())
    scene.wipe()
    killed(BEFORE_RECORD, UNDO, pk=restore.pk)
    restore.refresh_from_db()
    assert (restore.swap, restore.intent) == (SwapState.SWAPPED, "undo")
    tidy.tidy_all()
    restore.refresh_from_db()
    assert (restore.swap, restore.intent) == (SwapState.UNDONE, "")
    assert scene.club.counts() == ROWS
    assert targets.check(Target.objects.get(), actor=scene.cast.actor("alice")) is None
    redo(restore, actor=scene.cast.actor("alice"), reason="to see that it goes on")
    assert set(scene.club.counts().values()) == {0}
    assert [entry.action for entry in LedgerEntry.objects.filter(action="restore.undo")] == ["restore.undo"]


def test_killed_in_a_merge(scene: Scene) -> None:
    backup = scene.back_up()
    scene.sql('DELETE FROM "UserFriends"')
    scene.succeeded(scene.restore(backup, "merge", merge_tables=["UserFriends"], dry_run=True))
    restore = scene.ask(backup, "merge", merge_tables=["UserFriends"])
    killed(AT_PHASE, RESTORE, phase="Prove what was put back", seconds=0, pk=restore.pk)
    bury()
    restore.refresh_from_db()
    assert (restore.state, restore.side_database) == ("failed", "")
    wait_until(lambda: left_alone(scene))
    scene.is_untouched(ROWS | {"UserFriends": 0})
    scene.succeeded(scene.restore(backup, "merge", merge_tables=["UserFriends"]))
    assert scene.club.counts() == ROWS


def test_what_could_not_be_tidied_while_the_server_was_away_is_tidied_later(scene: Scene) -> None:
    restore = scene.ask(scene.back_up())
    killed(AT_PHASE, RESTORE, phase="Compare rows", seconds=0, pk=restore.pk)
    Target.objects.update(port=1)
    bury()
    restore.refresh_from_db()
    assert restore.state == "failed"
    assert scene.left_over() == {restore.side_database}
    Target.objects.update(port=scene.cluster.port)
    tidy.tidy_all()
    scene.is_untouched(dict(ROWS))


def test_a_live_worker_is_not_tidied_away(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its heartbeat was late, so it was given up; but it holds its target, and what it works with stays."""
    from audit.progress import Progress

    restore = scene.ask(scene.back_up())
    real = Progress.phase

    def phase(self: Progress, name: str, **options: Any) -> None:
        real(self, name, **options)
        if name == "Compare rows":
            bury()
            assert len(scene.left_over()) == 1

    monkeypatch.setattr(Progress, "phase", phase)
    perform(restore)
    assert (restore.state, restore.error_code, restore.swap) == ("failed", "job.worker_died", SwapState.NONE)
    scene.is_untouched(dict(ROWS))
