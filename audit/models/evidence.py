"""Evidence packs: what a person asked for, and the file that a worker made of it."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from audit.models.jobs import Job, JobManager


class EvidencePart(models.TextChoices):
    """What a pack may hold. What is left out stands among its gaps."""

    RECORDS = "records", "Records: reviews, incidents, alerts, approvals, windows"
    SEALED = "sealed", "Deletes, connections and log lines with their proof"
    LEDGER = "ledger", "The ledger with its hash chain"
    BACKUPS = "backups", "Manifests of backups with their signatures"
    REPORTS = "reports", "Reports for people"


class EvidencePack(Job):
    """One pack. ``scope`` names its targets as they were called when it was asked for: it outlives them."""

    start = models.DateTimeField(help_text="The period begins here …")
    end = models.DateTimeField(help_text="… and ends just before here.")
    scope = models.JSONField(default=list, help_text='[{"id", "name"}, …]')
    parts = models.JSONField(default=list)
    as_of = models.DateTimeField(help_text="When it was asked for: what came later is not in it.")
    ledger_number = models.BigIntegerField(help_text="The last ledger entry that it may hold.")
    path = models.CharField(max_length=255, blank=True, help_text="Its file in the folder of packs; empty when gone.")
    files = models.PositiveIntegerField(default=0)
    records = models.BigIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    signer = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the public key that signed it.")
    time_stamp = models.TextField(blank=True, help_text="When an authority stamped it, or why none did.")
    gaps = models.JSONField(default=list, help_text="What it does not show, a sentence each.")
    said = models.JSONField(default=list, help_text="What its own verifier said after it was written.")
    faults = models.JSONField(default=list, help_text="What its own verifier found wrong.")
    verified_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    objects = JobManager()

    class Meta(Job.Meta):
        abstract = False
        ordering = ["-queued_at", "-id"]
        verbose_name = "evidence pack"
        permissions = [("export_evidence", "Can ask for evidence packs and download them")]
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(condition=Q(start__lt=F("end")), name="a_period_ends_after_its_start"),
            models.CheckConstraint(
                condition=Q(path="") | (~Q(sha256="") & Q(expires_at__isnull=False) & Q(verified_at__isnull=False)),
                name="a_pack_has_a_hash_a_verdict_and_an_end",
            ),
        ]

    def __str__(self) -> str:
        names = ", ".join(one["name"] for one in self.scope)
        return f"Evidence for {names}, {self.start:%Y-%m-%d} to {self.end:%Y-%m-%d}"
