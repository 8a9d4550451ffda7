"""Job rows: every long act is one, run by a worker, seen live in the admin. The verbs are in ``audit/jobs.py``."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

LOG_LIMIT = 64 * 1024  # characters kept of a job's log, the newest


class JobState(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


OPEN_STATES = (JobState.QUEUED, JobState.RUNNING)


class JobQuerySet(models.QuerySet[Any]):
    def open(self) -> JobQuerySet:
        return self.filter(state__in=OPEN_STATES)

    def succeeded(self) -> JobQuerySet:
        return self.filter(state=JobState.SUCCEEDED)


class JobManager(models.Manager.from_queryset(JobQuerySet)):  # type: ignore[misc]
    """The queryset's words on the model itself."""


class Job(models.Model):
    """Queued → running → succeeded, failed or cancelled. Only ``audit.jobs`` changes the state."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.QUEUED, db_index=True)
    phase = models.CharField(max_length=60, blank=True)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True, blank=True)
    unit = models.CharField(max_length=12, blank=True, help_text="bytes, rows, tables or steps")
    phases = models.JSONField(default=list, help_text='A list of {"name", "started", "seconds"}, the running one last.')
    log = models.TextField(blank=True)

    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_name = models.CharField(max_length=150, blank=True)
    asked_via = models.CharField(max_length=120, blank=True)
    reason = models.TextField(blank=True)

    queued_at = models.DateTimeField(default=timezone.now)
    enqueued_at = models.DateTimeField(default=timezone.now, help_text="When the broker was last told.")
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=120, blank=True)
    claim = models.UUIDField(null=True, blank=True, help_text="Set by the one worker that may work on this row.")
    attempt = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=1)

    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_by = models.CharField(max_length=150, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    error = models.TextField(blank=True)
    hint = models.TextField(blank=True)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="running") | (Q(started_at__isnull=False) & Q(claim__isnull=False)),
                name="%(class)s_running_is_claimed",
            ),
            models.CheckConstraint(
                condition=(Q(state__in=["queued", "running"]) & Q(finished_at__isnull=True))
                | (Q(state__in=["succeeded", "failed", "cancelled"]) & Q(finished_at__isnull=False)),
                name="%(class)s_finished_has_an_end",
            ),
            models.CheckConstraint(
                condition=~Q(state="failed") | ~Q(error_code=""), name="%(class)s_failure_has_a_code"
            ),
        ]

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def is_running(self) -> bool:
        return self.state == JobState.RUNNING

    @property
    def duration(self) -> timedelta | None:
        """How long it has run or ran; None before its start."""
        if self.started_at is None:
            return None
        end: datetime = self.finished_at or timezone.now()
        return end - self.started_at

    @property
    def share(self) -> float | None:
        """Done of total in the running phase, 0 to 1; None when the total is unknown."""
        if not self.total:
            return None
        return min(1.0, self.done / self.total)
