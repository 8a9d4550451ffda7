"""``manage.py recover``: bring a dropped database back."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from audit.lookup import find_target
from audit.models import Target
from backups.exceptions import BackupNotUsable
from backups.lookup import find_backup
from backups.management.restoring import RestoringCommand
from backups.models import Backup, Level, RestoreMode


class Command(RestoringCommand):
    help = "Recover a database that was dropped, with its owner, rights, settings and extensions."

    def add_arguments(self, parser: CommandParser) -> None:
        self.restoring_arguments(parser)
        parser.add_argument("target", help="the target's name")
        parser.add_argument("--backup", help="its number or name; else the newest proved one, else the newest")

    def handle(self, *args: Any, **options: Any) -> None:
        target = find_target(options["target"])
        backup = find_backup(options["backup"]) if options["backup"] else _newest(target)
        self.act(backup, target, RestoreMode.RECOVER, options)


def _newest(target: Target) -> Backup:
    """Raises ``BackupNotUsable`` when there is none."""
    sound = Backup.objects.usable().filter(target=target, damaged_at=None).order_by("-snapshot_at")
    backup: Backup | None = sound.filter(level=Level.PROVED).first() or sound.first()
    if backup is None:
        raise BackupNotUsable(f"There is no usable backup of {target}.")
    return backup
