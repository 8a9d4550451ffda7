"""Reports of backups: their history, and restores. ``backups/apps.py`` registers them beside audit's own."""

from __future__ import annotations

from typing import Any

from django.db.models import F, FloatField, Q, Value
from django.db.models.functions import Cast, Extract, Round

from audit.lists.listing import Filter
from audit.lists.questions import one_of
from audit.models import JobState, Target
from audit.reports import gaps
from audit.reports.report import Column, Kind, Report, Scope, record_url, target_column
from audit.reports.rows import Statement, of_queryset
from backups.models import Backup, BackupKind, Level, Restore, RestoreMode, SwapState

BACKUP, RESTORE = "backups.Backup", "backups.Restore"


def _megabytes(name: str) -> Any:
    return Round(Cast(F(name), FloatField()) / Value(1_000_000.0), precision=3)


def _seconds(since: str, until: str) -> Any:
    return Round(Cast(Extract(F(until) - F(since), "epoch"), FloatField()), precision=1)


# --- backups ---------------------------------------------------------------------------------------------------------


def _backups(scope: Scope) -> Any:
    return Backup.objects.filter(*scope.clause(), **scope.within("queued_at"), **scope.of_targets())


def _backup_rows(scope: Scope) -> Statement:
    return of_queryset(
        _backups(scope),
        queued_at="queued_at",
        target="target__name",
        target_id="target_id",
        name="name",
        kind="kind",
        state="state",
        level="level",
        level_at="level_at",
        snapshot_at="snapshot_at",
        tables="tables",
        rows="rows",
        database_mb=_megabytes("database_bytes"),
        stored_mb=_megabytes("stored_bytes"),
        seconds=_seconds("started_at", "finished_at"),
        sha256="sha256",
        damaged_at="damaged_at",
        removed_at="removed_at",
        removed_why="removed_why",
        asked_by="asked_name",
        error_code="error_code",
    )


def _backup_gaps(scope: Scope) -> list[str]:
    rows = _backups(scope)
    made = set(rows.filter(state=JobState.SUCCEEDED).values_list("target_id", flat=True))
    wanted: list[Target] = [target for target in scope.all_targets() if target.is_active and target.pk not in made]
    unproved = rows.filter(state=JobState.SUCCEEDED, level__lt=Level.PROVED).count()
    going = rows.filter(state__in=[JobState.QUEUED, JobState.RUNNING]).count()
    found = [f"{target}: no backup of the period fits that has succeeded." for target in wanted]
    found = gaps.some(found, "of this kind")
    if unproved:
        found.append(f"{unproved:,} of these were not proved: whether they can be restored was not tried.")
    if going:
        found.append(f"{going:,} of these are not over yet.")
    return [*found, *gaps.of_targets(scope)]


HISTORY = Report(
    name="backups",
    title="Backup history",
    about="Every backup that was asked for: when, how it ended, how far it is verified, its size, and its end.",
    permissions=("backups.view_backup", "audit.view_target"),
    columns=(
        Column("queued_at", "Asked", Kind.MOMENT, lambda row, scope: record_url(BACKUP, row["id"])),
        target_column(),
        Column("name", "Name", link=lambda row, scope: record_url(BACKUP, row["id"])),
        Column("kind", "Kind"),
        Column("state", "State", Kind.STATE),
        Column("level", "Verified, 0 to 3", Kind.NUMBER),
        Column("level_at", "Verified at", Kind.MOMENT),
        Column("snapshot_at", "Data of", Kind.MOMENT),
        Column("tables", "Tables", Kind.NUMBER),
        Column("rows", "Rows", Kind.NUMBER),
        Column("database_mb", "Database, MB", Kind.NUMBER),
        Column("stored_mb", "Stored, MB", Kind.NUMBER),
        Column("seconds", "Took, s", Kind.NUMBER),
        Column("sha256", "SHA-256"),
        Column("damaged_at", "Found damaged", Kind.MOMENT),
        Column("removed_at", "Removed", Kind.MOMENT),
        Column("removed_why", "Why removed"),
        Column("asked_by", "Asked by"),
        Column("error_code", "Error"),
    ),
    rows=_backup_rows,
    gaps=_backup_gaps,
    sort="-queued_at",
    counted="the time it was asked for",
    paper=("queued_at", "target", "kind", "state", "level", "rows", "stored_mb", "seconds"),
    filters=(
        Filter("state", "State", lambda text: one_of(text, "state", JobState.values), "choice",
               lambda: list(JobState.choices)),
        Filter("kind", "Kind", lambda text: one_of(text, "kind", BackupKind.values), "choice",
               lambda: list(BackupKind.choices)),
        Filter("level", "Verified", lambda text: one_of(text, "level", Level.values), "choice",
               lambda: [(str(value), str(label)) for value, label in Level.choices]),
    ),
)  # fmt: skip


# --- restores --------------------------------------------------------------------------------------------------------


def _restores(scope: Scope) -> Any:
    return Restore.objects.filter(*scope.clause(), **scope.within("queued_at"), **scope.of_targets())


def _restore_rows(scope: Scope) -> Statement:
    return of_queryset(
        _restores(scope),
        queued_at="queued_at",
        target="target__name",
        target_id="target_id",
        mode="mode",
        dry_run="dry_run",
        state="state",
        backup="backup__name",
        backup_id="backup_id",
        reason="reason",
        asked_by="asked_name",
        approved_by="approval__decided_name",
        approval_id="approval_id",
        rows_before="rows_before",
        rows_after="rows_after",
        proved_at="proved_at",
        swap="swap",
        swapped_at="swapped_at",
        swap_ms=Round(F("swap_milliseconds"), precision=1),
        rto_seconds=Round(F("rto_seconds"), precision=1),
        rpo_seconds=Round(F("rpo_seconds"), precision=1),
        kept_until="kept_until",
        error_code="error_code",
    )


def _restore_gaps(scope: Scope) -> list[str]:
    rows = _restores(scope)
    going = rows.filter(state__in=[JobState.QUEUED, JobState.RUNNING]).count()
    unproved = rows.filter(state=JobState.SUCCEEDED, proved_at=None, dry_run=False).exclude(mode=RestoreMode.MERGE)
    undone = rows.filter(swap=SwapState.UNDONE).count()
    found = [f"{going:,} of these are not over yet."] if going else []
    found += [f"{unproved.count():,} of these succeeded without a proof on record."] if unproved.exists() else []
    found += [f"{undone:,} of these were undone: their numbers are of what was taken back."] if undone else []
    return [*found, *gaps.of_targets(scope)]


RESTORES = Report(
    name="restores",
    title="Restores",
    about="Every restore: from which backup, who asked and approved, what was proved, and how long data were away.",
    permissions=("backups.view_restore", "audit.view_target"),
    columns=(
        Column("queued_at", "Asked", Kind.MOMENT, lambda row, scope: record_url(RESTORE, row["id"])),
        target_column(),
        Column("mode", "How"),
        Column("dry_run", "Dry run"),
        Column("state", "State", Kind.STATE),
        Column("backup", "Backup", link=lambda row, scope: record_url(BACKUP, row["backup_id"])),
        Column("reason", "Why"),
        Column("asked_by", "Asked by"),
        Column("approved_by", "Approved by", link=lambda row, scope: record_url("audit.Approval", row["approval_id"])),
        Column("rows_before", "Rows before", Kind.NUMBER),
        Column("rows_after", "Rows after", Kind.NUMBER),
        Column("proved_at", "Proved", Kind.MOMENT),
        Column("swap", "Swap", Kind.STATE),
        Column("swapped_at", "In service", Kind.MOMENT),
        Column("swap_ms", "Swap, ms", Kind.NUMBER),
        Column("rto_seconds", "RTO, s", Kind.NUMBER),
        Column("rpo_seconds", "RPO, s", Kind.NUMBER),
        Column("kept_until", "Former kept until", Kind.MOMENT),
        Column("error_code", "Error"),
    ),
    rows=_restore_rows,
    gaps=_restore_gaps,
    sort="-queued_at",
    counted="the time it was asked for",
    paper=("queued_at", "target", "mode", "state", "backup", "asked_by", "approved_by", "rto_seconds"),
    filters=(
        Filter("mode", "How", lambda text: one_of(text, "mode", RestoreMode.values), "choice",
               lambda: list(RestoreMode.choices)),
        Filter("state", "State", lambda text: one_of(text, "state", JobState.values), "choice",
               lambda: list(JobState.choices)),
        Filter("person", "Person", lambda text: Q(asked_name=text)),
    ),
)  # fmt: skip

ALL = (HISTORY, RESTORES)
