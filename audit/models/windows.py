"""Maintenance windows: a time in which some guards of a target stand aside, for a reason and with an approver."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from audit.models.approvals import Approval
from audit.models.targets import Target


class MaintenanceWindow(models.Model):
    """Open from ``opened_at`` to ``closes_at`` at the latest. The guards in the target close it by time alone;
    ``relocked_at`` says when what tovgov itself had unlocked was locked again."""

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="windows")
    rules = models.JSONField(help_text="Codes of the rules that stand aside.")
    reason = models.TextField()
    minutes = models.PositiveSmallIntegerField()
    opened_by = models.CharField(max_length=150)
    opened_at = models.DateTimeField(auto_now_add=True)
    closes_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=150, blank=True)
    relocked_at = models.DateTimeField(null=True)
    approval = models.ForeignKey(Approval, null=True, on_delete=models.SET_NULL, related_name="windows")
    number_there = models.BigIntegerField(null=True, help_text="Its id in tovgov.maintenance_window of the target.")
    ddl = models.JSONField(default=list, help_text='{"at", "tag", "object", "role", "query"} of what happened inside.')

    class Meta:
        ordering = ["-opened_at", "-id"]
        permissions = [("open_window", "Can open and close maintenance windows")]
        constraints = [
            models.CheckConstraint(condition=Q(minutes__gte=1, minutes__lte=480), name="a_window_is_short"),
            models.CheckConstraint(condition=Q(closes_at__gt=F("opened_at")), name="a_window_closes_after_it_opens"),
            models.UniqueConstraint(
                fields=["target"], condition=Q(relocked_at__isnull=True), name="one_window_a_target_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"Window on {self.target}, {self.opened_at:%Y-%m-%d %H:%M} UTC"
