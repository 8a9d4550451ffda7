"""Known clients: where a target's sessions come from, learned from what was let in and confirmed by a person."""

from __future__ import annotations

from django.db import models

from audit.models.targets import Target


class ClientPart(models.TextChoices):
    """What of a client is known."""

    ADDRESS = "address", "Address"
    ROLE = "role", "Role"
    APPLICATION = "application", "Application"
    HOURS = "hours", "Hours"


class ClientState(models.TextChoices):
    SEEN = "seen", "Seen"
    LEARNED = "learned", "Learned"
    CONFIRMED = "confirmed", "Confirmed"
    REFUSED = "refused", "Refused"


class KnownClient(models.Model):
    """One address (or range), role, application or hour (or range of hours, UTC) from which a target is used."""

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="known_clients", db_index=False)
    part = models.CharField(max_length=12, choices=ClientPart.choices)
    value = models.CharField(
        max_length=80, blank=True, help_text="10.0.0.7, 10.0.0.0/8 or local; a name; 06 or 06-22 (UTC)."
    )
    state = models.CharField(max_length=10, choices=ClientState.choices, default=ClientState.SEEN)
    times = models.BigIntegerField(default=0, help_text="Sessions that were let in with exactly this.")
    days = models.PositiveIntegerField(default=0, help_text="On so many days.")
    first_at = models.DateTimeField(null=True)
    last_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["target", "part", "value"]
        verbose_name = "known client"
        permissions = [("confirm_client", "Can confirm and refuse known clients")]
        constraints = [
            models.UniqueConstraint(fields=["target", "part", "value"], name="one_known_client_a_target_and_value")
        ]

    def __str__(self) -> str:
        return f"{self.get_part_display()} {self.value or '(none)'} of {self.target}"
