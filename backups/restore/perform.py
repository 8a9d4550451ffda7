"""What a worker does with a restore, by its mode."""

from __future__ import annotations

from audit.actors import Actor
from audit.progress import Progress
from backups import spool
from backups.models import Restore, RestoreMode
from backups.restore.beside import Beside
from backups.restore.case import case_of
from backups.restore.merge import perform_merge
from backups.restore.swap import exclusively


def perform(restore: Restore, progress: Progress) -> None:
    """Do what was asked for. Raises what the guards, the tools and the proof raise; then live is as it was."""
    spool.sweep()
    actor = Actor(restore.asked_name or "tovgov", f"worker {restore.worker}", restore.asked_by)
    with exclusively(restore.target):
        case = case_of(restore, actor)
        if restore.mode == RestoreMode.MERGE:
            perform_merge(restore, case, progress)
        else:
            Beside(restore, case, progress).run()
