"""Alerts: something is due that a person must see. Raised once, seen again, silenced, resolved by itself."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone

from audit.models.targets import Target


class Severity(models.TextChoices):
    CRITICAL = "critical", "Critical"
    WARNING = "warning", "Warning"
    INFO = "info", "Info"

    @property
    def rank(self) -> int:
        """3 for critical down to 1 for info."""
        return 3 - list(Severity).index(self)


class Change(models.TextChoices):
    """What became of an alert: each is told once on each channel."""

    OPENED = "opened", "Opened"
    REOPENED = "reopened", "Back again"
    ESCALATED = "escalated", "Worse"
    STILL_OPEN = "still open", "Still open after its silence"
    RESOLVED = "resolved", "Resolved"


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
    cited = models.BigIntegerField(default=0, help_text="How many entries it rests on; the first of them are kept.")
    changes = models.PositiveIntegerField(default=1, help_text="How often there was something to tell of it.")
    incident = models.ForeignKey(
        "audit.Incident", null=True, blank=True, on_delete=models.SET_NULL, related_name="alerts"
    )
    resolved_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.CharField(max_length=150, blank=True)
    silenced_until = models.DateTimeField(null=True, blank=True)
    silenced_by = models.CharField(max_length=150, blank=True)
    silenced_why = models.TextField(blank=True)

    class Meta:
        ordering = ["-opened_at", "-id"]
        permissions = [
            ("acknowledge_alert", "Can acknowledge alerts"),
            ("silence_alert", "Can silence alerts for a while"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "fingerprint"], condition=Q(resolved_at__isnull=True), name="one_open_alert_a_cause"
            ),
            models.CheckConstraint(
                condition=Q(silenced_until__isnull=True) | (~Q(silenced_by="") & ~Q(silenced_why="")),
                name="a_silence_has_a_person_and_a_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["kind", "fingerprint", "-id"], name="alerts_of_a_cause"),
            models.Index(
                fields=["silenced_until"],
                condition=Q(resolved_at__isnull=True, silenced_until__isnull=False),
                name="alerts_in_silence",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        return self.resolved_at is None

    def is_silent(self, now: datetime | None = None) -> bool:
        """Whether nothing is sent of it now."""
        return self.silenced_until is not None and self.silenced_until > (now or timezone.now())


class AlertEvidence(models.Model):
    """An entry that an alert cites. The entry may be retired; its line stays."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="evidence")
    kind = models.CharField(max_length=40, help_text="The model of the entry, for example serverlogentry.")
    object_id = models.BigIntegerField()
    at = models.DateTimeField()
    line = models.CharField(max_length=255)

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["alert", "kind", "object_id"], name="an_alert_cites_an_entry_once")
        ]

    def __str__(self) -> str:
        return self.line
