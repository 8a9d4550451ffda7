"""Restores: replace, recover, merge, copy to. The job, its guards, its proof, its swap and its undo."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from audit.models import Approval, Job, JobManager, Target
from backups.models.backups import Backup


class RestoreMode(models.TextChoices):
    REPLACE = "replace", "Replace"
    RECOVER = "recover", "Recover a dropped database"
    MERGE = "merge", "Merge missing rows"
    COPY = "copy", "Copy to another target"


class SwapState(models.TextChoices):
    NONE = "none", "Not swapped"
    SWAPPED = "swapped", "Swapped"
    UNDONE = "undone", "Undone"
    DROPPED = "dropped", "Former database dropped"


class Restore(Job):
    """One restore. ``comparison`` is live against backup, table by table, as the asker saw it."""

    backup = models.ForeignKey(Backup, on_delete=models.PROTECT, related_name="restores")
    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="restores", help_text="Restored into.")
    mode = models.CharField(max_length=10, choices=RestoreMode.choices)
    dry_run = models.BooleanField(default=False)
    merge_tables = models.JSONField(default=list, blank=True, help_text='["schema.table", …]; empty is all.')
    owner_map = models.JSONField(default=dict, blank=True, help_text="For a copy: role of the backup → role here.")
    with_privileges = models.BooleanField(default=False, help_text="For a copy: the rights of the backup's roles too.")
    override_loss = models.BooleanField(default=False)
    approval = models.ForeignKey(Approval, null=True, blank=True, on_delete=models.SET_NULL, related_name="restores")
    safety_backup = models.ForeignKey(Backup, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    comparison = models.JSONField(default=list, blank=True)
    proof = models.JSONField(default=dict, blank=True)
    plan = models.JSONField(default=dict, blank=True, help_text="For a merge: rows to insert, conflicts, sequences.")
    proved_at = models.DateTimeField(null=True)
    rows_before = models.BigIntegerField(null=True)
    rows_after = models.BigIntegerField(null=True)

    side_database = models.CharField(max_length=63, blank=True)
    restored_oid = models.BigIntegerField(null=True, help_text="Of the side database, whatever its name is by now.")
    former_oid = models.BigIntegerField(null=True, help_text="Of the database that was live before.")
    intent = models.CharField(
        max_length=5, blank=True, help_text="swap, undo or redo while it is under way; found after a worker's death."
    )
    kept_database = models.CharField(max_length=63, blank=True, help_text="The former live database, kept for undo.")
    kept_until = models.DateTimeField(null=True)
    swap = models.CharField(max_length=10, choices=SwapState.choices, default=SwapState.NONE)
    swapped_at = models.DateTimeField(null=True)
    swap_milliseconds = models.FloatField(null=True, help_text="How long the name had no database behind it.")
    rto_seconds = models.FloatField(null=True, help_text="From the request to proved rows in service.")
    rpo_seconds = models.FloatField(null=True, help_text="Age of the restored data when it went into service.")

    objects = JobManager()

    class Meta(Job.Meta):
        abstract = False
        ordering = ["-queued_at", "-id"]
        permissions = [
            ("request_restore", "Can ask for a restore"),
            ("override_loss", "Can allow a restore that loses rows"),
        ]
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(
                fields=["target"], condition=Q(state__in=["queued", "running"]), name="one_open_restore_a_target"
            ),
            models.CheckConstraint(condition=Q(dry_run=False) | Q(mode="merge"), name="only_a_merge_runs_dry"),
            models.CheckConstraint(condition=Q(swap="none") | Q(swapped_at__isnull=False), name="a_swap_has_a_time"),
            models.CheckConstraint(
                condition=Q(swap="none") | Q(proved_at__isnull=False), name="nothing_unproved_is_swapped_in"
            ),
        ]

    @property
    def is_merge(self) -> bool:
        return self.mode == RestoreMode.MERGE

    def __str__(self) -> str:
        return f"{self.get_mode_display()}: {self.backup} → {self.target}"
