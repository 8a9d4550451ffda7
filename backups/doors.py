"""The pages of backups that steps of runbooks lead to, for the incident's target and the last good backup."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone

from audit.registry import Door, doors
from backups.models import Backup, RestoreMode

NO_BACKUP = "There is no backup of this target from before the incident that was proved and not removed."
NOT_READY = "The incident names no target, or one that is not in use or was never identified."
NOTHING_FAILED = "No backup of this target has failed."


def good(incident: Any) -> Backup | None:
    """The newest proved backup of what was there before the impact began."""
    before: datetime = incident.began_at or incident.detected_at or timezone.now()
    if not incident.target_id:
        return None
    rows = Backup.objects.proved().filter(target=incident.target_id, snapshot_at__lte=before, damaged_at=None)
    return rows.defer("manifest", "log", "phases").order_by("-snapshot_at").first()


def _restore(mode: RestoreMode) -> Callable[[Any], str]:
    def way(incident: Any) -> str:
        backup = good(incident)
        query = {"backup": backup.pk, "mode": mode.value} if backup else {}
        return f"{reverse('admin:backups_restore_add')}?{urlencode(query)}" if backup else ""

    return way


def _act(backup: Backup | None, slug: str) -> str:
    return f"{reverse('admin:backups_backup_act', args=[slug])}?ids={backup.pk}" if backup else ""


def _hold(incident: Any) -> str:
    """To hold it; when that is done already, the page that says so."""
    backup = good(incident)
    if backup is not None and backup.is_held:
        return reverse("admin:backups_backup_change", args=[backup.pk])
    return _act(backup, "hold")


def _newest(incident: Any) -> Backup | None:
    rows = Backup.objects.usable().filter(target=incident.target_id) if incident.target_id else Backup.objects.none()
    return rows.defer("manifest", "log", "phases").order_by("-snapshot_at").first()


def _failed(incident: Any) -> str:
    rows = Backup.objects.filter(target=incident.target_id, state="failed") if incident.target_id else None
    pk = rows.order_by("-queued_at").values_list("pk", flat=True).first() if rows is not None else None
    return reverse("admin:backups_backup_change", args=[pk]) if pk else ""


def _start(incident: Any) -> str:
    target = incident.target
    if target is None or not (target.is_active and target.is_identified):
        return ""
    return f"{reverse('admin:audit_target_act', args=['back-up'])}?ids={target.pk}"


def _of_target(name: str) -> Callable[[Any], str]:
    def way(incident: Any) -> str:
        query = urlencode({"target__id__exact": incident.target_id})
        return f"{reverse(f'admin:backups_{name}_changelist')}?{query}" if incident.target_id else ""

    return way


def _list(name: str) -> Callable[[Any], str]:
    return lambda incident: reverse(f"admin:backups_{name}_changelist")


RESTORE = "backups.request_restore"

BACKUPS = {
    "backups.recover": Door(
        "Recover from the last proved backup before it", RESTORE, _restore(RestoreMode.RECOVER), NO_BACKUP
    ),
    "backups.replace": Door(
        "Compare with the last proved backup before it, or replace", RESTORE, _restore(RestoreMode.REPLACE), NO_BACKUP
    ),
    "backups.merge": Door(
        "Merge missing rows from the last proved backup before it", RESTORE, _restore(RestoreMode.MERGE), NO_BACKUP
    ),
    "backups.hold": Door("Hold the last proved backup before it", "backups.hold_backup", _hold, NO_BACKUP),
    "backups.prove": Door(
        "Prove the newest backup", "backups.verify_backup", lambda one: _act(_newest(one), "prove"),
        "There is no backup of this target yet.",
    ),
    "backups.start": Door(
        "Back up now", "backups.start_backup", _start, NOT_READY
    ),
    "backups.list": Door("Backups of this target", "backups.view_backup", _of_target("backup")),
    "backups.failed": Door("the last backup that failed", "backups.view_backup", _failed, NOTHING_FAILED),
    "backups.restores": Door("Restores", "backups.view_restore", _list("restore")),
    "backups.schedules": Door("Schedules", "backups.view_schedule", _list("schedule")),
    "backups.destinations": Door("Destinations", "backups.view_destination", _list("destination")),
    "backups.retention": Door("Retention", "backups.view_retentionpolicy", _list("retentionpolicy")),
}  # fmt: skip
"""By the name that steps use."""


def register() -> None:
    """Make them known to the steps of runbooks."""
    doors.update(BACKUPS)
