"""What the workers run: thin tasks that take an id and call one verb."""

from __future__ import annotations

from audit import jobs
from audit.actors import Actor
from audit.models import JobState
from backups import copies, create, retention, spool, verify
from backups.models import Backup, BackupCopy, Level, Restore, RetentionPolicy, Verification
from backups.restore import tidy, undo
from backups.restore.perform import perform


def run_backup(pk: int) -> None:
    """Make a queued backup when it is its turn, and prove it afterwards when that was asked for."""
    if not Backup.objects.filter(pk=pk, state=JobState.QUEUED).exists():
        return
    with create.turn(pk) as is_its_turn:
        if not is_its_turn:
            create.wait_for_turn(pk)
            return
        jobs.run(Backup, pk, create.perform)
    create.start_waiting()
    backup = Backup.objects.get(pk=pk)
    create.tell_outcome(backup)
    if backup.prove and backup.state == JobState.SUCCEEDED and backup.level < Level.PROVED:
        verify.request(backup, Level.PROVED, actor=Actor.system(f"backup {pk}"))


def run_verification(pk: int) -> None:
    """Run a queued verification."""
    jobs.run(Verification, pk, verify.perform)


def run_restore(pk: int) -> None:
    """Run a queued restore."""
    jobs.run(Restore, pk, perform)


def retry_copy(pk: int) -> None:
    """Try a failed copy again."""
    copies.retry_copy(BackupCopy.objects.select_related("backup__target", "destination").get(pk=pk))


def apply_retention(pk: int) -> None:
    """Apply one policy; what cannot be reached is told by an alert and tried again tomorrow."""
    policy = RetentionPolicy.objects.select_related("target").get(pk=pk)
    retention.apply(policy.target, actor=Actor.system("retention"))


def keep_house() -> None:
    """Once a minute: sweep what killed workers left, queue failed copies that are due, drop former databases whose date
    has passed."""
    spool.sweep()
    copies.retry_copies()
    tidy.tidy_all()
    undo.drop_expired()
