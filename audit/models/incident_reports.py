"""Incident reports that people had written elsewhere: the file as it was, what was read from it, what became of it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from audit.models.incidents import Incident
from audit.models.targets import Target


class IncidentReportState(models.TextChoices):
    DRAFT = "draft", "Draft"
    CONFIRMED = "confirmed", "Confirmed"
    THROWN_AWAY = "thrown away", "Thrown away"


class IncidentReport(models.Model):
    """One file. ``text`` is its words, mojibake repaired; ``draft`` what was read from them, by line."""

    name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64, help_text="Of the file's bytes.")
    size = models.PositiveIntegerField(help_text="Bytes.")
    encoding = models.CharField(max_length=40)
    source = models.TextField(help_text="The file's words as they were, line ends aside.")
    text = models.TextField(help_text="The same lines, with mojibake repaired where that is certain.")
    repairs = models.JSONField(default=list, help_text="Which lines were repaired, as they were before.")
    draft = models.JSONField(default=dict)
    zone = models.CharField(max_length=64, default="UTC", help_text="Of times that name none.")
    day = models.DateField(null=True, blank=True, help_text="Of clock times without a date.")
    state = models.CharField(max_length=11, choices=IncidentReportState.choices, default=IncidentReportState.DRAFT)
    target = models.ForeignKey(Target, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    incident = models.ForeignKey(
        Incident, null=True, blank=True, on_delete=models.PROTECT, related_name="imported_reports"
    )
    imported_at = models.DateTimeField(auto_now_add=True)
    imported_by = models.CharField(max_length=150)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=150, blank=True)
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-imported_at", "-id"]
        permissions = [("import_report", "Can import incident reports")]
        constraints = [
            models.UniqueConstraint(
                fields=["sha256"], condition=~Q(state="thrown away"), name="a_report_is_imported_once"
            ),
            models.CheckConstraint(
                condition=Q(state="draft", decided_at__isnull=True) | (Q(decided_at__isnull=False) & ~Q(decided_by="")),
                name="a_decided_report_has_a_person",
            ),
            models.CheckConstraint(
                condition=~Q(state="confirmed") | Q(incident__isnull=False), name="a_confirmed_report_has_its_incident"
            ),
            models.CheckConstraint(
                condition=~Q(state="thrown away") | ~Q(reason=""), name="a_report_is_thrown_away_for_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return self.name
