"""Lessons: what an incident taught, kept where the next one finds it."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from audit.models.incidents import Incident, IncidentKind
from audit.models.targets import Target


class Lesson(models.Model):
    """Problem, cause, solution. ``version`` grows with each change; ``audit.lessons`` writes it."""

    problem = models.TextField()
    cause = models.TextField(blank=True)
    solution = models.TextField()
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    kind = models.CharField(max_length=20, choices=IncidentKind.choices, blank=True)
    target = models.ForeignKey(Target, null=True, blank=True, on_delete=models.PROTECT, related_name="lessons")
    incident = models.ForeignKey(Incident, null=True, blank=True, on_delete=models.PROTECT, related_name="lessons")
    version = models.PositiveIntegerField(default=1)
    made_at = models.DateTimeField(auto_now_add=True)
    made_by = models.CharField(max_length=150)
    changed_at = models.DateTimeField(null=True)
    changed_by = models.CharField(max_length=150, blank=True)
    retired_at = models.DateTimeField(null=True)
    retired_by = models.CharField(max_length=150, blank=True)
    retired_why = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        permissions = [
            ("keep_lesson", "Can write, change and retire lessons"),
            ("export_lesson", "Can export lessons"),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(problem="") & ~Q(solution=""), name="a_lesson_has_a_solution"),
            models.CheckConstraint(
                condition=Q(retired_at__isnull=True) | (~Q(retired_by="") & ~Q(retired_why="")),
                name="a_retired_lesson_has_a_reason",
            ),
        ]
        indexes = [GinIndex(fields=["tags"], name="lessons_by_tag")]

    def __str__(self) -> str:
        return self.problem.split("\n")[0][:120]

    @property
    def is_retired(self) -> bool:
        return self.retired_at is not None
