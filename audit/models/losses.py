"""Computing what an incident lost: counting a live target takes long, so it is a job."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from audit.models.incidents import Incident
from audit.models.jobs import Job, JobManager
from audit.models.targets import Target


class LossCount(Job):
    """One computation of an incident's loss. What was counted in the live target stays with it."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="loss_counts")
    counts = models.JSONField(default=dict, help_text='{"schema.table": rows} of the live target; empty: not counted.')
    roots = models.JSONField(default=dict, help_text='{"schema.partition": "schema.table"} of partitioned tables.')
    counted_at = models.DateTimeField(null=True)
    is_missing = models.BooleanField(default=False, help_text="The server said that there is no such database.")
    why_not = models.TextField(blank=True, help_text="Why the live target was not counted.")

    objects = JobManager()

    class Meta(Job.Meta):
        abstract = False
        ordering = ["-queued_at", "-id"]
        verbose_name = "loss computation"
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(
                fields=["incident"], condition=Q(state__in=["queued", "running"]), name="one_open_loss_an_incident"
            ),
        ]

    def __str__(self) -> str:
        return f"Loss of {self.incident.code}"

    @property
    def target(self) -> Target | None:
        return self.incident.target
