"""Putting deleted rows back, as a job with a dry run and a proof."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from audit.models.approvals import Approval
from audit.models.imports import DeleteAuditTransaction
from audit.models.jobs import Job, JobManager
from audit.models.targets import Target


class Undelete(Job):
    """``rows`` names chosen rows of ``DeleteAuditLog``; empty, all rows of the transactions are meant."""

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="undeletes")
    transactions = models.ManyToManyField(DeleteAuditTransaction, related_name="undeletes")
    rows = models.JSONField(default=list)
    dry_run = models.BooleanField(default=False)
    on_conflict = models.CharField(
        max_length=10, default="refuse", choices=[("refuse", "Refuse"), ("skip", "Leave what is there")]
    )
    accept = models.JSONField(default=list, help_text="Losses that were accepted, by the codes of docs/undelete.md.")
    fingerprint = models.CharField(max_length=64, blank=True, db_index=True, help_text="Of the exact act.")
    plan = models.JSONField(default=dict, help_text="Tables in order, statements, conflicts, columns changed since.")
    report = models.JSONField(default=dict, help_text="Rows put back and proved equal, by transaction.")
    target_transaction = models.BigIntegerField(null=True, help_text="xid8 in the target, noted before its commit.")
    outcome = models.CharField(
        max_length=12,
        blank=True,
        choices=[("committed", "Committed"), ("rolled back", "Rolled back"), ("unknown", "Unknown")],
        help_text="What became of the target's transaction.",
    )
    approval = models.ForeignKey(Approval, null=True, on_delete=models.SET_NULL, related_name="undeletes")

    objects = JobManager()

    class Meta(Job.Meta):
        abstract = False
        ordering = ["-queued_at", "-id"]
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(
                fields=["target"],
                condition=Q(state__in=["queued", "running"], dry_run=False),
                name="one_open_undelete_a_target",
            ),
        ]

    def __str__(self) -> str:
        return f"{'Dry run: put' if self.dry_run else 'Put'} rows back into {self.target}"
