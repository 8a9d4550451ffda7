"""Incidents: something happened to a target that people must understand and answer."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from audit.models.alerts import Severity
from audit.models.targets import Target


class Incident(models.Model):
    """Open until somebody closes it with a note."""

    target = models.ForeignKey(Target, null=True, on_delete=models.PROTECT, related_name="incidents")
    fingerprint = models.CharField(
        max_length=180, blank=True, help_text="What tovgov itself finds of the same cause joins the open one."
    )
    title = models.CharField(max_length=255)
    severity = models.CharField(max_length=10, choices=Severity.choices, default=Severity.WARNING)
    opened_at = models.DateTimeField(auto_now_add=True)
    opened_by = models.CharField(max_length=150)
    reason = models.TextField(blank=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=150, blank=True)
    closing_note = models.TextField(blank=True)

    class Meta:
        ordering = ["-opened_at", "-id"]
        permissions = [("handle_incident", "Can open and close incidents")]
        constraints = [
            models.UniqueConstraint(
                fields=["fingerprint"],
                condition=Q(closed_at__isnull=True) & ~Q(fingerprint=""),
                name="one_open_incident_a_cause",
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True) | ~Q(closed_by=""), name="a_closed_incident_has_a_closer"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        return self.closed_at is None
