"""Backups, their copies and the verifications that prove them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from audit.models import Job, JobManager, JobQuerySet, Target
from backups.models.destinations import Destination
from backups.models.schedules import Schedule


class BackupKind(models.TextChoices):
    MANUAL = "manual", "Manual"
    SCHEDULED = "scheduled", "Scheduled"
    BEFORE_RESTORE = "before-restore", "Before a restore"
    BEFORE_DEPLOYMENT = "before-deployment", "Before a deployment"


class Level(models.IntegerChoices):
    """How far a backup is verified; each level includes the ones before it."""

    NONE = 0, "Not verified"
    STORED = 1, "Stored"
    READABLE = 2, "Readable"
    PROVED = 3, "Proved"


class BackupQuerySet(JobQuerySet):
    def usable(self) -> BackupQuerySet:
        """Succeeded and not yet removed by retention."""
        return self.filter(state="succeeded", removed_at__isnull=True)

    def proved(self) -> BackupQuerySet:
        return self.usable().filter(level=Level.PROVED)


BackupManager = models.Manager.from_queryset(BackupQuerySet)


class Backup(Job):
    """One dump of one target: the job that makes it, and what it holds."""

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="backups")
    schedule = models.ForeignKey(Schedule, null=True, blank=True, on_delete=models.SET_NULL, related_name="backups")
    kind = models.CharField(max_length=20, choices=BackupKind.choices, default=BackupKind.MANUAL)
    name = models.CharField(max_length=255, blank=True, help_text="target, database, UTC time, kind.")
    prove = models.BooleanField(default=False, help_text="Prove it as soon as it is made.")
    wanted_destinations = models.ManyToManyField(Destination, blank=True)

    database = models.CharField(max_length=63, blank=True)
    database_oid = models.BigIntegerField(null=True)
    system_identifier = models.CharField(max_length=20, blank=True)
    server_version = models.PositiveIntegerField(null=True)
    dump_version = models.CharField(max_length=40, blank=True)
    lsn = models.CharField(max_length=20, blank=True)
    snapshot_at = models.DateTimeField(null=True, help_text="The moment the data is of: RPO counts from here.")
    tables = models.PositiveIntegerField(null=True)
    rows = models.BigIntegerField(null=True)
    database_bytes = models.BigIntegerField(null=True)
    dump_bytes = models.BigIntegerField(null=True, help_text="Before compression.")
    stored_bytes = models.BigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    is_encrypted = models.BooleanField(default=True)
    manifest = models.JSONField(default=dict, blank=True)

    level = models.PositiveSmallIntegerField(choices=Level.choices, default=Level.NONE)
    level_at = models.DateTimeField(null=True)
    damaged_at = models.DateTimeField(null=True, help_text="A verification failed after the backup was made.")
    is_held = models.BooleanField(default=False)
    hold_reason = models.TextField(blank=True)
    removed_at = models.DateTimeField(null=True)
    removed_why = models.CharField(max_length=255, blank=True)

    objects = BackupManager()

    class Meta(Job.Meta):
        abstract = False
        ordering = ["-queued_at", "-id"]
        indexes = [models.Index(fields=["target", "-snapshot_at"])]
        permissions = [
            ("start_backup", "Can start a backup"),
            ("verify_backup", "Can verify and prove a backup"),
            ("hold_backup", "Can hold and release a backup"),
            ("apply_retention", "Can apply retention"),
            ("cancel_job", "Can cancel a running job"),
        ]
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(
                fields=["target"], condition=Q(state__in=["queued", "running"]), name="one_open_backup_a_target"
            ),
            models.CheckConstraint(
                condition=~Q(state="succeeded") | (~Q(sha256="") & Q(snapshot_at__isnull=False)),
                name="a_finished_backup_has_its_hash",
            ),
            models.CheckConstraint(condition=Q(is_held=False) | ~Q(hold_reason=""), name="a_hold_has_a_reason"),
            models.CheckConstraint(
                condition=Q(is_held=False) | Q(removed_at__isnull=True), name="a_held_backup_is_not_removed"
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"Backup {self.pk}"


class CopyState(models.TextChoices):
    PENDING = "pending", "Pending"
    STORED = "stored", "Stored"
    FAILED = "failed", "Failed"
    DAMAGED = "damaged", "Damaged"
    REMOVED = "removed", "Removed"


class BackupCopy(models.Model):
    """One backup in one destination. ``path`` is the folder of its files there."""

    backup = models.ForeignKey(Backup, on_delete=models.CASCADE, related_name="copies")
    destination = models.ForeignKey(Destination, on_delete=models.PROTECT, related_name="copies")
    state = models.CharField(max_length=10, choices=CopyState.choices, default=CopyState.PENDING)
    path = models.CharField(max_length=400, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    stored_at = models.DateTimeField(null=True)
    read_back_at = models.DateTimeField(null=True, help_text="When its bytes were last read and found equal.")
    retry_at = models.DateTimeField(null=True, help_text="When a failed copy is tried again.")
    error_code = models.CharField(max_length=60, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "backup copies"
        constraints = [
            models.UniqueConstraint(fields=["backup", "destination"], name="one_copy_a_destination"),
            models.CheckConstraint(
                condition=~Q(state="stored") | Q(read_back_at__isnull=False), name="a_stored_copy_was_read_back"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.backup} in {self.destination}"


class Verification(Job):
    """One check of one backup up to a level. ``tables`` compares manifest and restored table by table."""

    backup = models.ForeignKey(Backup, on_delete=models.CASCADE, related_name="verifications")
    copy = models.ForeignKey(BackupCopy, null=True, blank=True, on_delete=models.SET_NULL)
    level = models.PositiveSmallIntegerField(choices=Level.choices, default=Level.PROVED)
    reached = models.PositiveSmallIntegerField(choices=Level.choices, default=Level.NONE)
    scratch_database = models.CharField(max_length=63, blank=True)
    result = models.JSONField(default=dict, blank=True)

    objects = JobManager()

    class Meta(Job.Meta):
        abstract = False
        ordering = ["-queued_at", "-id"]

    def __str__(self) -> str:
        return f"Verification of {self.backup}"
