"""What a manifest says of a backup, as the fields of its row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.utils import timezone

from audit.models import Target
from audit.registry import TableCount
from backups.manifest import Manifest
from backups.models import Backup

COUNTED = 40
"""So many of the newest backups are asked how large each table was …"""
COUNTED_DAYS = 35
"""… and none that is older."""


def facts_of(manifest: Manifest) -> dict[str, Any]:
    """Field → value for ``models.Backup``."""
    return {
        "name": manifest.name,
        "database": manifest.database,
        "database_oid": manifest.database_oid,
        "system_identifier": manifest.system_identifier,
        "server_version": manifest.server_version,
        "dump_version": manifest.tool[:40],
        "lsn": manifest.lsn,
        "snapshot_at": manifest.snapshot_at,
        "tables": len(manifest.tables),
        "rows": manifest.rows,
        "database_bytes": manifest.database_bytes,
        "dump_bytes": manifest.dump.dump_bytes,
        "stored_bytes": manifest.dump.stored_bytes,
        "sha256": manifest.dump.sha256,
        "is_encrypted": manifest.dump.is_encrypted,
        "manifest": manifest.to_dict(),
    }


def table_counts(target: Target) -> Iterator[TableCount]:
    """How many rows each table of ``target`` had when it was backed up lately."""
    since = timezone.now() - timedelta(days=COUNTED_DAYS)
    rows = Backup.objects.succeeded().filter(target=target, snapshot_at__gt=since).order_by("-snapshot_at")
    for tables, at in rows.values_list("manifest__tables", "snapshot_at")[:COUNTED]:
        for table in tables or ():
            yield f"{table['schema']}.{table['name']}", table["rows"], at
