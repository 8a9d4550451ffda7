"""What a person names on the command line or to the API, found or refused with a sentence."""

from __future__ import annotations

from audit.lookup import find_target
from backups.exceptions import UnknownBackup, UnknownDestination, UnknownRestore
from backups.models import Backup, BackupCopy, Destination, Restore


def find_backup(word: str) -> Backup:
    """The backup of this number (``12``, ``backup-12``) or name, or ``latest:TARGET``, the newest usable one of a
    target. Raises ``UnknownBackup`` or ``UnknownTarget``."""
    kind, _, rest = word.partition(":")
    backup: Backup | None = None
    if kind == "latest" and rest:
        backup = Backup.objects.usable().filter(target=find_target(rest)).order_by("-snapshot_at").first()
    elif word.removeprefix("backup-").isdigit():
        backup = Backup.objects.filter(pk=int(word.removeprefix("backup-"))).first()
    elif word:
        backup = Backup.objects.filter(name=word).first()
    if backup is None:
        raise UnknownBackup(f'There is no backup "{word}".')
    return backup


def find_destination(name: str) -> Destination:
    """The destination of this exact name. Raises ``UnknownDestination``."""
    destination = Destination.objects.filter(name=name).first()
    if destination is None:
        raise UnknownDestination(f'There is no destination "{name}".')
    return destination


def find_copy(backup: Backup, destination: str) -> BackupCopy:
    """The copy of ``backup`` in the destination of this name. Raises ``UnknownDestination``."""
    copy = backup.copies.filter(destination__name=destination).first()
    if copy is None:
        raise UnknownDestination(f'{backup} has no copy in "{destination}".')
    return copy


def find_restore(word: str) -> Restore:
    """The restore of this number (``7``, ``restore-7``). Raises ``UnknownRestore``."""
    number = word.removeprefix("restore-")
    restore: Restore | None = Restore.objects.filter(pk=int(number)).first() if number.isdigit() else None
    if restore is None:
        raise UnknownRestore(f'There is no restore "{word}".')
    return restore
