"""The target is told of its backups: the application's people read there when the last one was made and proved."""

from __future__ import annotations

from django.utils import timezone

from audit.actors import Actor
from audit.protection import backup_log
from backups.models import Backup, Level


def tell_target(backup: Backup, *, actor: Actor) -> bool:
    """Write the backup's line in the target's ``BackupLog``, or its new level. Best effort: see ``backup_log.tell``."""
    backup = Backup.objects.select_related("target").get(pk=backup.pk)
    return backup_log.tell(
        backup.target,
        name=backup.name,
        finished_at=backup.finished_at or timezone.now(),
        level=Level(backup.level).label,
        rows=backup.rows,
        bytes=backup.stored_bytes,
        actor=actor,
    )
