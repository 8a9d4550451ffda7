"""Alerts: something is due that a person must see. Raised once, seen again, resolved by itself."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from audit.models.targets import Target


class Severity(models.TextChoices):
    CRITICAL = "critical", "Critical"
    WARNING = "warning", "Warning"
    INFO = "info", "Info"


class Alert(models.Model):
    """One alarm. At most one open alert has the same ``kind`` and ``fingerprint``."""

    kind = models.CharField(max_length=60, help_text="For example backup.missed")
    fingerprint = models.CharField(max_length=120)
    target = models.ForeignKey(Target, null=True, on_delete=models.CASCADE, related_name="alerts")
    severity = models.CharField(max_length=10, choices=Severity.choices, default=Severity.WARNING)
    title = models.CharField(max_length=255)
    hint = models.TextField(blank=True)
    opened_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(auto_now_add=True)
    times = models.PositiveIntegerField(default=1)
    resolved_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["-opened_at", "-id"]
        permissions = [("acknowledge_alert", "Can acknowledge alerts")]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "fingerprint"], condition=Q(resolved_at__isnull=True), name="one_open_alert_a_cause"
            ),
        ]

    def __str__(self) -> str:
        return self.title
