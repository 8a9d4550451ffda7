"""What backups know of an incident's loss: proved counts of before, counts that restores saw, and restores that may
prove that the rows are back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Q

from audit.models import JobState, Target
from audit.registry import KnownCounts, Recovery
from backups.models import Backup, Restore, RestoreMode, SwapState


def proved_counts(target: Target, moment: datetime) -> KnownCounts | None:
    """Of the newest proved backup whose data is of before ``moment``; one that retention removed since counts too."""
    rows = Backup.objects.succeeded().filter(target=target, level=3, snapshot_at__lte=moment).defer("log", "phases")
    backup: Backup | None = rows.order_by("-snapshot_at").first()
    if backup is None or backup.snapshot_at is None:
        return None
    tables = {f"{table['schema']}.{table['name']}": table["rows"] for table in backup.manifest.get("tables", [])}
    words = f"the proved backup of {backup.snapshot_at:%Y-%m-%d %H:%M:%S} UTC"
    return KnownCounts(backup.snapshot_at, tables, backup, words)


def seen_counts(target: Target, moment: datetime) -> Iterator[KnownCounts]:
    """What restores counted in the live target before they did anything. A table that was not there had no rows."""
    rows = Restore.objects.filter(target=target, queued_at__gte=moment).exclude(comparison=[])
    for restore in rows.defer("log", "phases", "proof", "plan"):
        tables = {f"{table['schema']}.{table['name']}": table["live"] or 0 for table in restore.comparison}
        at = restore.started_at or restore.queued_at
        yield KnownCounts(at, tables, restore, f"counted before restore {restore.pk}")


def since(target: Target, moment: datetime) -> Iterator[Recovery]:
    """Restores into the target that ended since then."""
    rows = Restore.objects.filter(target=target).filter(Q(finished_at__gte=moment) | Q(swapped_at__gte=moment))
    for restore in rows.select_related("backup").defer("log", "phases", "backup__manifest", "backup__log"):
        yield of_restore(restore)


def of_restore(restore: Restore) -> Recovery:
    """A restore as a recovery. One that replaces is in service from its swap on, a merge from its end on."""
    backup = restore.backup
    is_same = backup.target_id == restore.target_id  # a copy brings another target's rows
    counts, puts = _counts(restore), _puts(restore)
    at = restore.finished_at if restore.is_merge else restore.swapped_at
    brought = sum(puts.values()) if restore.is_merge else restore.rows_after or 0
    verb = "were merged back" if restore.is_merge else "were restored and proved equal to the backup"
    return Recovery(
        row=restore,
        line=f"{brought:,} rows {verb} of {backup.snapshot_at:%Y-%m-%d %H:%M} UTC (restore-{restore.pk}).",
        target_id=restore.target_id if is_same else 0,
        began=restore.started_at or restore.queued_at,
        at=at,
        data_at=backup.snapshot_at,
        passed=_passed(restore),
        dry_run=restore.dry_run,
        undone=restore.swap == SwapState.UNDONE,
        counts=counts,
        puts=puts,
    )


def _passed(restore: Restore) -> bool:
    """A merge is committed only when its proof holds; a swap needs one, and stands even when the job ended badly
    afterwards."""
    if restore.is_merge:
        return restore.state == JobState.SUCCEEDED and not restore.dry_run
    return bool(restore.proof.get("holds")) and restore.swap in (SwapState.SWAPPED, SwapState.DROPPED)


def _counts(restore: Restore) -> dict[str, int] | None:
    if restore.mode == RestoreMode.MERGE or not restore.proof:
        return None
    tables: list[dict[str, Any]] = restore.proof.get("tables", [])
    return {f"{table['schema']}.{table['name']}": table["found_rows"] or 0 for table in tables}


def _puts(restore: Restore) -> dict[str, int]:
    if not restore.is_merge:
        return {}
    tables: list[dict[str, Any]] = restore.plan.get("tables", [])
    return {_plain(table["table"]): table["inserted"] or 0 for table in tables}


def _plain(name: str) -> str:
    """``"public"."User"`` as the counts name it: public.User."""
    schema, _, table = name.partition('"."')
    if not table:
        return name
    return f"{schema.removeprefix(chr(34))}.{table.removesuffix(chr(34))}".replace('""', '"')
