"""Schedules and retention: when backups are made and how long they are kept."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from audit.models import Target
from backups.models.destinations import Destination


class Schedule(models.Model):
    """A cron line for one target; the scheduler's minute starts what is due, never twice."""

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="schedules")
    cron = models.CharField(max_length=100, help_text="minute hour day month weekday, for example 0 */6 * * *")
    timezone = models.CharField(max_length=60, default="UTC")
    prove = models.BooleanField(default=True, help_text="Prove each backup after it is made.")
    is_enabled = models.BooleanField(default=True)
    destinations = models.ManyToManyField(Destination, blank=True, help_text="All active ones when empty.")
    next_run_at = models.DateTimeField(null=True, editable=False)
    last_due_at = models.DateTimeField(
        null=True, editable=False, help_text="When the run was due that was started or skipped last."
    )
    last_run_at = models.DateTimeField(null=True, editable=False)
    last_note = models.CharField(max_length=255, blank=True, editable=False, help_text="What became of the last run.")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=150, blank=True, editable=False)

    class Meta:
        ordering = ["target__name", "cron"]
        constraints = [
            models.UniqueConstraint(fields=["target", "cron"], name="one_schedule_a_target_and_time"),
            models.CheckConstraint(
                condition=Q(is_enabled=False) | Q(next_run_at__isnull=False), name="an_enabled_schedule_has_a_next_run"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.target}: {self.cron}"


class RetentionPolicy(models.Model):
    """What to keep of one target's backups; a backup that any rule keeps is kept. Empty numbers keep nothing by
    themselves. The newest proved backup and held ones are always kept."""

    target = models.OneToOneField(Target, on_delete=models.CASCADE, related_name="retention")
    keep_last = models.PositiveIntegerField(default=7)
    keep_daily = models.PositiveIntegerField(default=7)
    keep_weekly = models.PositiveIntegerField(default=4)
    keep_monthly = models.PositiveIntegerField(default=12)
    keep_yearly = models.PositiveIntegerField(default=0)
    max_age_days = models.PositiveIntegerField(null=True, blank=True, help_text="Older ones go, whatever a rule says.")
    max_bytes = models.PositiveBigIntegerField(null=True, blank=True, help_text="Oldest ones go until all fit.")
    timezone = models.CharField(max_length=60, default="UTC", help_text="In it days, weeks, months and years begin.")
    is_enabled = models.BooleanField(default=True)
    changed_at = models.DateTimeField(default=now, editable=False, help_text="Workers wait a day from here.")
    applied_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name_plural = "retention policies"
        constraints = [
            models.CheckConstraint(condition=Q(keep_last__gte=1), name="retention_keeps_at_least_one"),
        ]

    def __str__(self) -> str:
        return f"Retention of {self.target}"
