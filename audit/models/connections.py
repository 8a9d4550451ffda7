"""Connections: who was in a target, when and from where."""

from __future__ import annotations

from django.db import models

from audit.models.targets import Target


class ConnectionSource(models.TextChoices):
    """How it is known."""

    SAMPLE = "sample", "Seen by a look at the sessions"
    LOGIN_TRIGGER = "login trigger", "Login trigger"
    SERVER_LOG = "server log", "The server's log"


class ConnectionAuditLog(models.Model):
    """One session of one role. What the source does not tell is empty."""

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField(help_text="When the session began.")
    seen_at = models.DateTimeField(auto_now_add=True)
    source = models.CharField(max_length=15, choices=ConnectionSource.choices)
    pid = models.IntegerField()
    role = models.CharField(max_length=63)
    database = models.CharField(max_length=63)
    client_address = models.GenericIPAddressField(null=True, help_text="Empty for the server's own socket.")
    application_name = models.CharField(max_length=63, blank=True)
    tls = models.BooleanField(null=True)

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = "connection"
        constraints = [
            models.UniqueConstraint(fields=["target", "source", "at", "pid"], name="a_connection_is_kept_once_a_source")
        ]
        indexes = [
            models.Index(fields=["-at", "-id"], name="connections_latest"),
            models.Index(fields=["target", "-at", "-id"], name="connections_of_a_target"),
        ]

    def __str__(self) -> str:
        return f"{self.role} in {self.database} from {self.client_address or 'the server itself'}"
