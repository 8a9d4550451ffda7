"""Anomalies: the rules of each target with their thresholds, and each time that one fired."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from audit.models.alerts import Alert, Severity
from audit.models.targets import Target


class AnomalySettings(models.Model):
    """One rule on one target. ``settings`` holds only what differs from the rule's own."""

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="anomaly_settings")
    rule = models.CharField(max_length=30)
    is_active = models.BooleanField(default=True)
    settings = models.JSONField(default=dict, blank=True)
    severity = models.CharField(max_length=10, choices=Severity.choices)
    opens_incident = models.BooleanField(default=False)
    positions = models.JSONField(default=dict, help_text="Per log: up to which id everything was examined.")
    looked_at = models.DateTimeField(null=True, help_text="When it was last run.")
    changed_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["target__name", "rule"]
        verbose_name = "anomaly rule"
        permissions = [("try_anomaly", "Can try anomaly rules on the past")]
        constraints = [models.UniqueConstraint(fields=["target", "rule"], name="one_rule_a_target_and_code")]

    def __str__(self) -> str:
        return f"{self.rule} on {self.target}"


class AnomalyFiring(models.Model):
    """What a rule found: a stretch of hits of one key, within one day (UTC). Found again, it is the same row."""

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="firings")
    rule = models.CharField(max_length=30)
    key = models.CharField(max_length=255, help_text="The role, the address, the table … that it is about.")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    count = models.BigIntegerField(help_text="Entries.")
    weight = models.BigIntegerField(help_text="What the rule counts, for example deleted rows.")
    found_at = models.DateTimeField(auto_now_add=True)
    alert = models.ForeignKey(Alert, null=True, on_delete=models.SET_NULL, related_name="firings")

    class Meta:
        ordering = ["-first_at", "-id"]
        verbose_name = "finding"
        constraints = [models.CheckConstraint(condition=Q(last_at__gte=F("first_at")), name="a_firing_ends_later")]
        indexes = [models.Index(fields=["target", "rule", "first_at"], name="firings_of_a_rule")]

    def __str__(self) -> str:
        return f"{self.rule}: {self.key}, {self.first_at:%Y-%m-%d %H:%M} UTC"
