"""The safety backup: what is left of the live database is put away before anything is changed."""

from __future__ import annotations

import time

from audit import jobs
from audit.actors import Actor
from audit.exceptions import JobNotOpen
from audit.models import OPEN_STATES, JobState, Target
from audit.progress import Progress
from backups import create
from backups.exceptions import BackupRunning, SafetyBackupFailed
from backups.models import Backup, BackupKind, Restore
from backups.restore.side_database import note

LOOK_SECONDS = 0.5


def safety_backup(restore: Restore, progress: Progress) -> Backup:
    """Back the target up, here and now, and wait for a backup of it that is running already.

    Raises ``SafetyBackupFailed`` or ``JobCancelled`` (the backup is cancelled with the restore).
    """
    progress.phase("Safety backup")
    actor = Actor.system(f"restore {restore.pk}")
    backup = _request(restore, progress, actor)
    note(restore, safety_backup=backup)
    progress.on_cancel(lambda: _cancel(backup, actor))
    jobs.run(Backup, backup.pk, create.perform)  # in this very worker; if another was faster, we wait for it
    _wait(backup, progress)
    create.tell_outcome(backup)
    progress.check()
    if backup.state != JobState.SUCCEEDED:
        raise SafetyBackupFailed(f"The safety backup failed: {backup.error}", hint=backup.hint, backup=backup.pk)
    progress.log(f"Safety backup: {backup}, {backup.rows:,} rows")
    return backup


def _request(restore: Restore, progress: Progress, actor: Actor) -> Backup:
    while True:
        reason = f"Before restore {restore.pk}: {restore.reason}"
        try:
            return create.request(restore.target, actor=actor, kind=BackupKind.BEFORE_RESTORE, reason=reason)
        except BackupRunning as error:
            progress.log(f"Waiting for the backup that is running. {error.message}")
        _wait_for_others(restore.target, progress)


def _wait_for_others(target: Target, progress: Progress) -> None:
    while Backup.objects.filter(target=target, state__in=OPEN_STATES).exists():
        progress.check()
        time.sleep(LOOK_SECONDS)


def _wait(backup: Backup, progress: Progress) -> None:
    backup.refresh_from_db()
    while backup.is_open:
        progress.check()
        time.sleep(LOOK_SECONDS)
        backup.refresh_from_db()


def _cancel(backup: Backup, actor: Actor) -> None:
    try:
        jobs.cancel(backup, actor=actor, reason="The restore it was made for was cancelled.")
    except JobNotOpen:
        return
