"""Connections: who was in a target, or tried to be, when and from where."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.db.models import ExpressionWrapper, Q

from audit.models.imports import ImportSource
from audit.models.reviews import IN_HANDS, WAITING_STATES, Reviewed
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
    queue_order = ("-is_new", "at", "id")

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
    is_new = models.GeneratedField(
        expression=ExpressionWrapper(~Q(new=[]), models.BooleanField()),
        output_field=models.BooleanField(),
        db_persist=True,
        help_text="Something about it is not known of this target.",
    )

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
            models.Index(
                fields=["-is_new", "at", "id"],
                condition=Q(state="unreviewed", is_noise=False),
                name="connection_groups_queue",
            ),
            models.Index(
                fields=["target"], condition=Q(state="unreviewed", is_noise=True), name="connection_groups_hidden"
            ),
            models.Index(fields=["-at", "-id"], condition=Q(is_noise=False), name="connection_groups_shown"),
            models.Index(
                fields=["target", "-at", "-id"], condition=Q(is_noise=False), name="connection_groups_shown_of_one"
            ),
            models.Index(fields=["role", "-at", "-id"], name="connection_groups_of_a_role"),
            models.Index(fields=["client_address", "-at", "-id"], name="connection_groups_of_address"),
            models.Index(
                fields=["assignee", "-at", "-id"],
                condition=Q(assignee__isnull=False),
                name="connection_groups_assigned",
            ),
            models.Index(
                fields=["assignee", "-is_new", "at", "id"],
                condition=Q(state__in=IN_HANDS),
                name="connection_groups_in_hands",
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
    client_host = models.CharField(
        max_length=255, blank=True, help_text="Where the log tells names instead of addresses (log_hostname)."
    )
    application_name = models.CharField(max_length=63, blank=True)
    tls = models.BooleanField(null=True)
    method = models.CharField(
        max_length=20, blank=True, help_text="How it was authenticated, for example scram-sha-256."
    )
    outcome = models.CharField(max_length=16, choices=ConnectionOutcome.choices, default=ConnectionOutcome.ACCEPTED)
    reason = models.TextField(blank=True, help_text="Why it was refused, in the server's words.")
    ended_at = models.DateTimeField(null=True)
    same_as = models.BigIntegerField(
        null=True, help_text="The row of the same session from a source that tells more: that one counts and is shown."
    )

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = "connection"
        indexes = [
            models.Index(fields=["-at", "-id"], name="connections_latest"),
            models.Index(fields=["target", "-at", "-id"], name="connections_of_a_target"),
            models.Index(fields=["of_group", "-at", "-id"], name="connections_of_a_group"),
            models.Index(fields=["-at", "-id"], condition=Q(same_as=None), name="connections_shown"),
            models.Index(fields=["target", "-at", "-id"], condition=Q(same_as=None), name="connections_shown_of_one"),
            models.Index(fields=["target", "pid", "at"], name="connections_of_a_process"),
            models.Index(fields=["role", "-at", "-id"], name="connections_of_a_role"),
            models.Index(fields=["client_address", "-at", "-id"], name="connections_from_an_address"),
            models.Index(fields=["-at", "-id"], condition=~Q(outcome="accepted"), name="connections_refused"),
        ]

    def __str__(self) -> str:
        return f"{self.role or 'unknown role'} in {self.database or 'no database'} from {self.came_from}"

    @property
    def came_from(self) -> str:
        """Its address or host, in words."""
        return self.client_address or self.client_host or "the server itself"

    @property
    def duration(self) -> timedelta | None:
        """How long the session was; None while it goes on, or when no source told its end."""
        return self.ended_at - self.at if self.ended_at else None


class PendingLogin(models.Model):
    """A connection that a server's log has announced and not yet decided on: what its next records complete."""

    import_source = models.ForeignKey(ImportSource, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=60, help_text="The session, or the process where the log names no session.")
    at = models.DateTimeField()
    facts = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["import_source", "key"], name="one_pending_login_a_source_and_session")
        ]

    def __str__(self) -> str:
        return self.key
