"""The catalogue: what tovgov knows of backups, rebuilt from the signed manifests in a destination alone.

It works into an empty database, too: targets are made anew, without credentials. A manifest that is damaged, or signed
by a key we do not know, is reported and does not stop the others.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit import ledger
from audit.actors import Actor
from audit.models import Environment, JobState, Target
from backups import transfer
from backups.exceptions import CopyDamaged, ManifestInvalid
from backups.facts import facts_of
from backups.manifest import MANIFEST, SIGNATURE, Manifest, load_and_check
from backups.models import Backup, BackupCopy, BackupKind, CopyState, Destination, Level
from backups.transfer import SpoolFile, storage_of


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild found: names of backups, by what became of them, and path → fault of what is not to be used."""

    targets: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def rebuild(destination: Destination, *, actor: Actor, on_backup: Callable[[str], None] | None = None) -> Rebuilt:
    """Read every manifest in ``destination``, the newest first, read back what it describes, and make the rows that
    are missing: targets, backups, copies. Done twice, or after it was interrupted, it does only what is left.
    ``on_backup`` is called with each path before it is read.

    Raises ``NotPermitted``, ``DestinationUnreachable``, or ``KeyMissing`` when there is no key to check with.
    """
    actor.require("backups.change_destination")
    rebuilt = Rebuilt()
    for folder in _folders(destination):
        if on_backup:
            on_backup(folder)
        try:
            manifest = _manifest(destination, folder)
            if not _is_known(manifest, destination, rebuilt):
                transfer.read_back(destination, folder, _files(manifest), transfer.Unwatched())
                _take_in(manifest, destination, folder, rebuilt)
        except (ManifestInvalid, CopyDamaged) as error:
            rebuilt.faults[folder] = error.message
    ledger.append("catalogue.rebuild", actor=actor, obj=destination, **rebuilt.as_dict())
    return rebuilt


def _folders(destination: Destination) -> list[str]:
    """Folders with a manifest, the newest first by the time in their names."""
    with storage_of(destination) as storage:
        storage.check_root()
        found = [posixpath.dirname(path) for path in storage.walk() if posixpath.basename(path) == MANIFEST]
    return sorted(found, key=lambda folder: posixpath.basename(folder).rsplit(".", 2)[-2:], reverse=True)


def _manifest(destination: Destination, folder: str) -> Manifest:
    data, signature = (_content(destination, f"{folder}/{name}") for name in (MANIFEST, SIGNATURE))
    return load_and_check(data, signature)


def _files(manifest: Manifest) -> list[SpoolFile]:
    """What lies beside the manifest, by name and SHA-256."""
    return [
        SpoolFile(Path(name), sha256)
        for name, sha256 in (manifest.side_files | {manifest.dump.file: manifest.dump.sha256}).items()
    ]


def _is_known(manifest: Manifest, destination: Destination, rebuilt: Rebuilt) -> bool:
    copies = BackupCopy.objects.filter(destination=destination, backup__name=manifest.name)
    is_known = copies.filter(backup__sha256=manifest.dump.sha256).exclude(state=CopyState.REMOVED).exists()
    if is_known:
        rebuilt.known.append(manifest.name)
    return is_known


def _content(destination: Destination, path: str) -> bytes:
    with transfer.open_file(destination, path) as file:
        return b"".join(iter(lambda: file.read(1 << 20), b""))


def _take_in(manifest: Manifest, destination: Destination, folder: str, rebuilt: Rebuilt) -> None:
    now = timezone.now()
    with transaction.atomic():
        target = _target(manifest, rebuilt)
        backup = Backup.objects.filter(sha256=manifest.dump.sha256, name=manifest.name).first()
        if backup is None:
            backup = _backup(manifest, target)
            rebuilt.added.append(manifest.name)
        BackupCopy.objects.update_or_create(
            backup=backup,
            destination=destination,
            defaults={"path": folder, "state": CopyState.STORED, "stored_at": now, "read_back_at": now},
        )
        rebuilt.copies.append(f"{manifest.name} in {destination.name}")


def _target(manifest: Manifest, rebuilt: Rebuilt) -> Target:
    """The target that has this identity, else one made from the manifest; it is pinned, so that no other database
    can be taken for it, and has no way to connect until a person enters one."""
    found = Target.objects.filter(
        system_identifier=manifest.system_identifier, pinned_database=manifest.database
    ).first()
    found = found or Target.objects.filter(name=manifest.target, database=manifest.database).first()
    if found is not None:
        return found
    name = manifest.target if not Target.objects.filter(name=manifest.target).exists() else manifest.name[:80]
    rebuilt.targets.append(name)
    return Target.objects.create(
        name=name,
        environment=_environment(manifest),
        database=manifest.database,
        notes="Made from a manifest: enter host and credentials, then test the connection.",
        system_identifier=manifest.system_identifier,
        pinned_database=manifest.database,
        database_oid=manifest.database_oid,
        server_version=manifest.server_version,
        identified_at=timezone.now(),
        is_active=False,
    )


def _environment(manifest: Manifest) -> str:
    known = set(Environment.values)
    return manifest.environment if manifest.environment in known else str(Environment.PRODUCTION)


def _backup(manifest: Manifest, target: Target) -> Backup:
    ended = manifest.snapshot_at + timedelta(seconds=1)
    return Backup.objects.create(
        target=target,
        kind=manifest.kind if manifest.kind in BackupKind.values else BackupKind.MANUAL,
        state=JobState.SUCCEEDED,
        asked_name="catalogue",
        queued_at=manifest.snapshot_at,
        started_at=manifest.snapshot_at,
        finished_at=ended,
        level=Level.STORED,
        level_at=timezone.now(),
        log="Taken in from its manifest.",
        **facts_of(manifest),
    )


def ledger_anchors() -> dict[int, str]:
    """Ledger entries that manifests vouch for: number → hash."""
    manifests = Backup.objects.usable().exclude(manifest={}).values_list("manifest", flat=True)
    return {
        int(facts["ledger_number"]): str(facts["ledger_hash"])
        for facts in manifests.iterator()
        if facts.get("ledger_number")
    }


def listing(target: str = "") -> list[dict[str, Any]]:
    """Every usable backup with its copies, the newest first, for people and programs."""
    rows = Backup.objects.usable().select_related("target").defer("manifest", "log", "phases")
    rows = rows.prefetch_related("copies__destination")
    if target:
        rows = rows.filter(target__name=target)
    return [describe(backup) for backup in rows.order_by("-snapshot_at")]


def describe(backup: Backup) -> dict[str, Any]:
    """The facts of a backup as ``--json`` prints them."""
    copies = list(backup.copies.all())
    stored = [copy for copy in copies if copy.state == CopyState.STORED]
    return {
        "backup": backup.pk,
        "state": backup.state,
        "name": backup.name,
        "target": backup.target.name,
        "database": backup.database,
        "snapshot_at": backup.snapshot_at,
        "kind": backup.kind,
        "level": Level(backup.level).label,
        "is_held": backup.is_held,
        "is_damaged": backup.damaged_at is not None,
        "tables": backup.tables,
        "rows": backup.rows,
        "stored_bytes": backup.stored_bytes,
        "copies": f"{len(stored)} of {len(copies)}",
        "destinations": [copy.destination.name for copy in stored],
    }
