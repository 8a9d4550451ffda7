"""Exports of lists, made by a worker and kept for a while."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from audit.models.jobs import Job, JobManager


class ExportFormat(models.TextChoices):
    CSV = "csv", "CSV"
    JSONL = "jsonl", "JSON lines"
    XLSX = "xlsx", "Excel"
    PROOF = "proof", "ZIP with proof"
    PDF = "pdf", "PDF"
    MARKDOWN = "md", "Markdown"
    JSON = "json", "JSON"


LIST_FORMATS = (ExportFormat.CSV, ExportFormat.JSONL, ExportFormat.XLSX)
"""The formats of a list. A proof is of a whole log: ``page`` is that of sources, and ``query`` names one."""


class Export(Job):
    """One file: the rows of ``page`` that ``query`` filters; a report's page is ``report.`` and its name."""

    page = models.CharField(max_length=80)
    query = models.TextField(blank=True)
    format = models.CharField(max_length=5, choices=ExportFormat.choices)
    path = models.CharField(max_length=255, blank=True, help_text="Its file in the folder of exports; empty when gone.")
    rows = models.BigIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    expires_at = models.DateTimeField(null=True)

    objects = JobManager()

    class Meta(Job.Meta):
        abstract = False
        ordering = ["-queued_at", "-id"]
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                condition=Q(path="") | (~Q(sha256="") & Q(expires_at__isnull=False)),
                name="an_exported_file_has_a_hash_and_an_end",
            ),
        ]

    def __str__(self) -> str:
        return f"Export of {self.page} as {self.get_format_display()}"
