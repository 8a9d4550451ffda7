"""The ledger: append-only and hash-chained. The database itself refuses UPDATE, DELETE and TRUNCATE (migration
``0002_ledger_guard``); ``audit/ledger.py`` appends and verifies."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class LedgerEntry(models.Model):
    """Who did what, on which object, when, why and from where. ``number`` has no gaps; ``hash`` covers the entry and
    the hash before it. The target is kept by name, so that entries outlive it."""

    number = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField(db_index=True)
    actor = models.CharField(max_length=150)
    source = models.CharField(max_length=120)
    action = models.CharField(max_length=60, db_index=True)
    object_type = models.CharField(max_length=60, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    object_label = models.CharField(max_length=255, blank=True)
    target = models.CharField(max_length=80, blank=True, db_index=True)
    reason = models.TextField(blank=True)
    detail = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["-number"]
        verbose_name_plural = "ledger entries"
        permissions = [("export_ledger", "Can export the ledger")]
        constraints = [models.CheckConstraint(condition=Q(number__gte=1), name="ledger_numbers_from_one")]
        indexes = [models.Index(fields=["object_type", "object_id"], name="entries_of_an_object")]

    def __str__(self) -> str:
        return f"#{self.number} {self.action} by {self.actor}"


class LedgerHead(models.Model):
    """The one row that says where the chain ends, sealed with a key from outside the database, so that a tail cut
    off is noticed."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    number = models.BigIntegerField()
    hash = models.CharField(max_length=64)
    seal = models.CharField(max_length=64, help_text="HMAC-SHA-256 of number and hash.")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_ledger_head")]

    def __str__(self) -> str:
        return f"#{self.number}"
