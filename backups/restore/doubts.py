"""What a restore learns of its backup on the way: that it is proved, or that something is wrong with it."""

from __future__ import annotations

from django.utils import timezone

from audit.actors import Actor
from backups import verify
from backups.exceptions import BackupNotUsable, VerificationRunning
from backups.models import Backup, BackupCopy, Level, Restore
from backups.restore.side_database import note


def note_proved(restore: Restore) -> None:
    """The side database equals the manifest: that is the proof of the backup too."""
    now = timezone.now()
    note(restore, proved_at=now)
    Backup.objects.filter(pk=restore.backup_id, level__lt=Level.PROVED).update(level=Level.PROVED, level_at=now)


def doubt(backup: Backup, copy: BackupCopy | None, restore: Restore) -> None:
    """Have a backup, or one copy of it, verified: that marks it and raises the alarm."""
    level = Level.STORED if copy else Level.PROVED
    try:
        verify.request(backup, level, actor=Actor.system(f"restore {restore.pk}"), copy=copy)
    except (VerificationRunning, BackupNotUsable):
        return
