"""What backups knows. Facts only; verbs live one layer up."""

from backups.models.backups import Backup, BackupCopy, BackupKind, BackupQuerySet, CopyState, Level, Verification
from backups.models.destinations import Destination, DestinationKind
from backups.models.restores import Restore, RestoreMode, SwapState
from backups.models.schedules import RetentionPolicy, Schedule

__all__ = [
    "Backup",
    "BackupCopy",
    "BackupKind",
    "BackupQuerySet",
    "CopyState",
    "Destination",
    "DestinationKind",
    "Level",
    "Restore",
    "RestoreMode",
    "RetentionPolicy",
    "Schedule",
    "SwapState",
    "Verification",
]
