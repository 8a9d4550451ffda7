"""Connections: who was in a target, or tried to be, when and from where."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from audit.models.imports import ImportSource
from audit.models.reviews import WAITING_STATES, Reviewed
from audit.models.targets import Target


class ConnectionSource(models.TextChoices):
    """How it is known."""

    SAMPLE = "sample", "Seen by a look at the sessions"
    LOGIN_TRIGGER = "login trigger", "Login trigger"
    SERVER_LOG = "server log", "The server's log"


class ConnectionOutcome(models.TextChoices):
    ACCEPTED = "accepted", "Accepted"
    FAILED_PASSWORD = "failed password", "Failed password"
    UNKNOWN_ROLE = "unknown role", "Unknown role"
    UNKNOWN_DATABASE = "unknown database", "Unknown database"
    NO_HBA_ENTRY = "no pg_hba entry", "No pg_hba entry"
    TOO_MANY = "too many", "Too many connections"
    REFUSED = "refused", "Refused for another reason"


class ConnectionGroup(Reviewed):
    """The alike connections of one target and day: what a person reviews."""

    review_permission = "audit.review_connection"

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="connection_groups", db_index=False)
    day = models.DateField(help_text="UTC")
    role = models.CharField(max_length=63, blank=True)
    database = models.CharField(max_length=63, blank=True)
    client_address = models.GenericIPAddressField(null=True, help_text="Empty for the server's own socket.")
    application_name = models.CharField(max_length=63, blank=True)
    outcome = models.CharField(max_length=16, choices=ConnectionOutcome.choices, default=ConnectionOutcome.ACCEPTED)
    at = models.DateTimeField(help_text="Of the first.")
    last_at = models.DateTimeField()
    count = models.BigIntegerField(default=0)
    new = models.JSONField(
        default=list, help_text="What is not known of this target: address, role, application, hour."
    )
    is_noise = models.BooleanField(default=False, help_text="A known client that was let in: nobody has to look.")

    class Meta(Reviewed.Meta):
        abstract = False
        ordering = ["-at", "-id"]
        verbose_name = "connection group"
        permissions = [("review_connection", "Can review connections"), ("export_connection", "Can export connections")]
        constraints = [
            *Reviewed.Meta.constraints,
            models.UniqueConstraint(
                fields=["target", "day", "role", "database", "client_address", "application_name", "outcome"],
                nulls_distinct=False,
                name="one_group_a_day_of_alike_connections",
            ),
        ]
        indexes = [
            models.Index(fields=["-at", "-id"], name="connection_groups_latest"),
            models.Index(fields=["target", "-at", "-id"], name="connection_groups_of_a_target"),
            models.Index(
                fields=["target", "state", "at", "id"],
                condition=Q(state__in=WAITING_STATES, is_noise=False),
                name="connection_groups_waiting",
            ),
        ]

    def __str__(self) -> str:
        times = "once" if self.count == 1 else f"{self.count:,} times"
        return f"{self.role or 'unknown role'} from {self.client_address or 'the server itself'}, {times} on {self.day}"


class ConnectionAuditLog(models.Model):
    """One session of one role, or one that was refused. What the source does not tell is empty."""

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    import_source = models.ForeignKey(
        ImportSource, null=True, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    of_group = models.ForeignKey(
        ConnectionGroup, null=True, on_delete=models.DO_NOTHING, related_name="connections", db_index=False,
        db_constraint=False,
    )  # fmt: skip
    leaf = models.BigIntegerField(null=True, help_text="Its number in the tree of its source's seals, from 0.")
    at = models.DateTimeField(help_text="When the session began.")
    seen_at = models.DateTimeField(auto_now_add=True)
    source = models.CharField(max_length=15, choices=ConnectionSource.choices)
    pid = models.IntegerField()
    session = models.CharField(max_length=40, blank=True, help_text="As the server's log names it.")
    role = models.CharField(max_length=63, blank=True)
    database = models.CharField(max_length=63, blank=True)
    client_address = models.GenericIPAddressField(null=True, help_text="Empty for the server's own socket.")
    application_name = models.CharField(max_length=63, blank=True)
    tls = models.BooleanField(null=True)
    method = models.CharField(
        max_length=20, blank=True, help_text="How it was authenticated, for example scram-sha-256."
    )
    outcome = models.CharField(max_length=16, choices=ConnectionOutcome.choices, default=ConnectionOutcome.ACCEPTED)
    reason = models.TextField(blank=True, help_text="Why it was refused, in the server's words.")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = "connection"
        constraints = [
            models.UniqueConstraint(fields=["target", "source", "at", "pid"], name="a_connection_is_kept_once_a_source")
        ]
        indexes = [
            models.Index(fields=["-at", "-id"], name="connections_latest"),
            models.Index(fields=["target", "-at", "-id"], name="connections_of_a_target"),
            models.Index(fields=["of_group", "-at", "-id"], name="connections_of_a_group"),
        ]

    def __str__(self) -> str:
        return f"{self.role or 'unknown role'} in {self.database} from {self.client_address or 'the server itself'}"
