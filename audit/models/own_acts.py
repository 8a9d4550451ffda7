"""What tovgov itself did to a server, beside the runs that note it themselves."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from audit.models.targets import Target


class OwnAct(models.Model):
    """What tovgov is about to send in one session, noted before it is sent: by that its records in the server's log
    are told from a stranger's. Times are the server's own."""

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="own_acts")
    of = models.CharField(max_length=60, help_text="What it belongs to, for example maintenancewindow-12.")
    role = models.CharField(max_length=63)
    database = models.CharField(max_length=63)
    session = models.CharField(max_length=40, help_text="As the server's log names it (%c).")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField(null=True, help_text="Unknown while it goes on, and when its process died.")
    marks = models.JSONField(default=list, help_text="SHA-256 of each statement, its first half.")

    class Meta:
        ordering = ["-first_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(last_at__isnull=True) | Q(last_at__gte=F("first_at")),
                name="an_own_act_ends_after_it_begins",
            ),
        ]
        indexes = [models.Index(fields=["target", "last_at"], name="own_acts_of_a_target")]

    def __str__(self) -> str:
        return f"{self.of} at {self.target}, {self.first_at:%Y-%m-%d %H:%M} UTC"
