"""Holds: a held backup is never removed by retention, until somebody releases it with a reason."""

from __future__ import annotations

from django.db import transaction

from audit import ledger
from audit.actors import Actor
from audit.exceptions import ReasonMissing
from backups.exceptions import BackupNotUsable
from backups.models import Backup


def hold(backup: Backup, *, actor: Actor, reason: str) -> None:
    """Keep ``backup`` from being removed; holding it again renews the reason.

    Raises ``NotPermitted``, ``ReasonMissing`` and, when there is nothing left to keep, ``BackupNotUsable``.
    """
    _set(backup, is_held=True, action="backup.hold", actor=actor, reason=reason)


def release(backup: Backup, *, actor: Actor, reason: str) -> None:
    """Give ``backup`` back to its retention policy. Raises as ``hold`` does."""
    _set(backup, is_held=False, action="backup.release", actor=actor, reason=reason)


def _set(backup: Backup, *, is_held: bool, action: str, actor: Actor, reason: str) -> None:
    actor.require("backups.hold_backup")
    if not reason.strip():
        raise ReasonMissing
    with transaction.atomic():
        kept = reason.strip() if is_held else ""
        if not Backup.objects.usable().filter(pk=backup.pk).update(is_held=is_held, hold_reason=kept):
            raise BackupNotUsable(f"{backup} has not succeeded or its copies were removed.")
        ledger.append(action, actor=actor, obj=backup, target=backup.target, reason=reason)
    backup.refresh_from_db(fields=["is_held", "hold_reason"])
