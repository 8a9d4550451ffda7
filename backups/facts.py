"""What a manifest says of a backup, as the fields of its row."""

from __future__ import annotations

from typing import Any

from backups.manifest import Manifest


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
