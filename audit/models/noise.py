"""What of a server log nobody has to look at: the filters, and each target's own choices."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from audit.models.server_logs import LogSeverity
from audit.models.targets import Target

LONGEST_PATTERN = 500


class NoiseFilter(models.Model):
    """Hides groups of alike entries whose masked message its pattern finds. What it hides stays, and is counted."""

    pattern = models.CharField(
        max_length=LONGEST_PATTERN, blank=True, help_text="A regular expression (RE2); empty for all of a class."
    )
    target = models.ForeignKey(
        Target, null=True, blank=True, on_delete=models.CASCADE, related_name="noise_filters", help_text="None: all."
    )
    kind = models.CharField(max_length=30, blank=True, help_text="Only entries of this class; empty for all.")
    reason = models.TextField()
    is_active = models.BooleanField(default=True)
    made_by = models.CharField(max_length=150)
    made_at = models.DateTimeField(auto_now_add=True)
    changed_by = models.CharField(max_length=150, blank=True)
    changed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-is_active", "-made_at", "-id"]
        verbose_name = "noise filter"
        permissions = [("set_noise", "Can set noise filters, and what a target's log shows")]
        constraints = [
            models.CheckConstraint(condition=~Q(pattern="", kind=""), name="a_noise_filter_names_a_pattern_or_a_class"),
        ]

    def __str__(self) -> str:
        where = f" of {self.target}" if self.target else ""
        return f"{self.kind or 'entries'}{where}" + (f" with “{self.pattern}”" if self.pattern else "")


class LogSettings(models.Model):
    """What one target's server log shows, and what of it is masked on its way in."""

    target = models.OneToOneField(Target, on_delete=models.CASCADE, related_name="log_settings")
    minimum_severity = models.PositiveSmallIntegerField(
        choices=LogSeverity.choices, default=LogSeverity.HIGH, help_text="What is less than this is noise."
    )
    keep_values = models.BooleanField(
        default=False, help_text="Keep the values in statements and messages. Secrets are masked in any case."
    )
    always_mask = models.JSONField(default=list, blank=True, help_text="Classes whose values are masked nevertheless.")
    never_mask = models.JSONField(default=list, blank=True, help_text="Classes whose values are kept nevertheless.")

    class Meta:
        verbose_name = "log settings"
        verbose_name_plural = "log settings"

    def __str__(self) -> str:
        return f"Log settings of {self.target}"
