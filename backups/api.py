"""Backups and restores over HTTP: the verbs of the admin, with the same permissions, guards and approvals."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema

from audit import jobs
from audit.api import actor_of
from audit.lookup import find_target
from audit.models import Target
from backups import create, verify
from backups.lookup import find_backup
from backups.models import Backup, BackupKind, Level, RestoreMode
from backups.restore import request as restores

router = Router(tags=["backups"])
NEWEST = 100


class BackupIn(Schema):
    target: str
    kind: BackupKind = BackupKind.MANUAL
    reason: str = ""
    prove: bool = False


class VerifyIn(Schema):
    level: Level = Level.PROVED


def facts(backup: Backup) -> dict[str, Any]:
    """A backup as the API tells it: its job, what it holds and how far it is proved."""
    more = ("name", "kind", "snapshot_at", "tables", "rows", "stored_bytes", "sha256", "level", "is_held", "removed_at")
    return jobs.facts(backup) | {"target": backup.target.name} | {name: getattr(backup, name) for name in more}


@router.get("/backups")
def list_backups(request: HttpRequest, target: str = "") -> Any:
    """The newest 100 backups, of one target or of all."""
    actor_of(request).require("backups.view_backup")
    rows = Backup.objects.select_related("target")
    if target:
        rows = rows.filter(target=find_target(target))
    return [facts(backup) for backup in rows[:NEWEST]]


@router.post("/backups")
def start_backup(request: HttpRequest, body: BackupIn) -> Any:
    """Queue a backup; follow it at ``/api/jobs/<job>``."""
    target = find_target(body.target)
    actor = actor_of(request)
    return facts(create.request(target, actor=actor, kind=body.kind, reason=body.reason, prove=body.prove))


@router.get("/backups/{backup}")
def show_backup(request: HttpRequest, backup: str) -> Any:
    """One backup with its manifest."""
    actor_of(request).require("backups.view_backup")
    found = find_backup(backup)
    return facts(found) | {"manifest": found.manifest}


@router.post("/backups/{backup}/verify")
def verify_backup(request: HttpRequest, backup: str, body: VerifyIn) -> Any:
    """Queue a verification up to ``level`` (1 stored, 2 readable, 3 proved)."""
    return jobs.facts(verify.request(find_backup(backup), body.level, actor=actor_of(request)))


class RestoreIn(Schema):
    """A restore as ``backups.restore.request.request`` takes it; ``target`` is the backup's own when empty."""

    backup: str
    target: str = ""
    mode: RestoreMode
    reason: str = ""
    typed_name: str = ""
    override_loss: bool = False
    merge_tables: list[str] = []
    owner_map: dict[str, str] = {}
    with_privileges: bool = False
    dry_run: bool = False

    def words(self) -> tuple[Backup, Target, dict[str, Any]]:
        """Backup, target and the options all verbs of a restore take."""
        found = find_backup(self.backup)
        target = find_target(self.target) if self.target else found.target
        return found, target, self.model_dump(exclude={"backup", "target", "mode", "reason"}) | {"mode": self.mode}


@router.post("/restores/preview")
def preview_restore(request: HttpRequest, body: RestoreIn) -> Any:
    """What would happen, live against backup, and which guards say no. Changes nothing."""
    found, target, options = body.words()
    return restores.preview(found, target, actor=actor_of(request), **options).as_dict()


@router.post("/restores/approval")
def ask_for_approval(request: HttpRequest, body: RestoreIn) -> Any:
    """Ask a second person; they decide in the admin, never here."""
    found, target, options = body.words()
    approval = restores.ask_approval(found, target, actor=actor_of(request), reason=body.reason, **options)
    return {"approval": approval.pk, "state": approval.state, "expires_at": approval.expires_at}


@router.post("/restores")
def start_restore(request: HttpRequest, body: RestoreIn) -> Any:
    """Queue a restore. Every guard is asked here as in the admin; production needs an approval first."""
    found, target, options = body.words()
    return jobs.facts(restores.request(found, target, actor=actor_of(request), reason=body.reason, **options))
