"""Approvals: the second pair of eyes. The verbs are in ``audit/approvals.py``."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from audit.models.targets import Target


class ApprovalState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    APPROVED = "approved", "Approved"
    REFUSED = "refused", "Refused"
    EXPIRED = "expired", "Expired"
    USED = "used", "Used"


class Approval(models.Model):
    """A request to do one exact thing. ``fingerprint`` is a hash of that thing: an approval fits nothing else."""

    action = models.CharField(max_length=60, help_text="For example restore.replace")
    target = models.ForeignKey(Target, null=True, on_delete=models.SET_NULL, related_name="approvals")
    summary = models.TextField(help_text="What exactly will happen, in words.")
    detail = models.JSONField(
        default=dict, help_text="The facts the approver decides on, for example rows lost a table."
    )
    fingerprint = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=ApprovalState.choices, default=ApprovalState.WAITING, db_index=True)
    reason = models.TextField(help_text="Why the asker wants it.")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_name = models.CharField(max_length=150)
    asked_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_name = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)
    note = models.TextField(blank=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-asked_at", "-id"]
        permissions = [("decide_approval", "Can approve or refuse what others ask for")]
        constraints = [
            models.CheckConstraint(
                condition=(Q(decided_name="") | ~Q(decided_name=F("asked_name")))
                & (Q(decided_by__isnull=True) | Q(asked_by__isnull=True) | ~Q(decided_by=F("asked_by"))),
                name="nobody_approves_their_own_request",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["approved", "refused", "used"]) | Q(decided_at__isnull=False),
                name="a_decision_has_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} on {self.target} asked by {self.asked_name}"
