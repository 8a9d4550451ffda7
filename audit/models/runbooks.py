"""Runbooks: a checklist that was begun on an incident, with its words as they were then."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from audit.models.incidents import Incident


class Runbook(models.Model):
    """One checklist of an incident. A template that changes later does not change it; ``audit.runbooks`` writes it."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="runbooks")
    book = models.CharField(max_length=60, help_text="The template's name.")
    title = models.CharField(max_length=120)
    intro = models.TextField(blank=True)
    started_at = models.DateTimeField(auto_now_add=True)
    started_by = models.CharField(max_length=150)

    class Meta:
        ordering = ["-started_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["incident", "book"], name="a_runbook_is_begun_once_an_incident")]

    def __str__(self) -> str:
        return self.title


class RunbookStep(models.Model):
    """A step: what to do, why, by which page, ticked by whom and when."""

    runbook = models.ForeignKey(Runbook, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=255)
    why = models.TextField(blank=True)
    command = models.TextField(blank=True, help_text="The same on the command line.")
    door = models.CharField(max_length=60, blank=True, help_text="The page that does it, found anew for each look.")
    with_whom = models.CharField(max_length=80, blank=True, help_text="Who else is needed, for example an approver.")
    added_by = models.CharField(max_length=150, blank=True, help_text="Empty for what the template has.")
    done_at = models.DateTimeField(null=True)
    done_by = models.CharField(max_length=150, blank=True)
    note = models.TextField(blank=True)
    undone_at = models.DateTimeField(null=True, help_text="When its tick was last taken back.")
    undone_by = models.CharField(max_length=150, blank=True)
    undone_why = models.TextField(blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["runbook", "position"], name="one_step_a_place_in_a_runbook"),
            models.CheckConstraint(
                condition=Q(done_at__isnull=True, done_by="") | (Q(done_at__isnull=False) & ~Q(done_by="")),
                name="a_ticked_step_has_a_person",
            ),
            models.CheckConstraint(
                condition=Q(undone_at__isnull=True) | (~Q(undone_by="") & ~Q(undone_why="")),
                name="an_unticked_step_has_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_done(self) -> bool:
        return self.done_at is not None
