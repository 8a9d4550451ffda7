"""Notifications: the channels that people are told through, and what was sent on each."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from audit.models.alerts import Alert, Change, Severity
from audit.models.fields import EncryptedTextField
from audit.models.targets import Target, sendable


class NotificationChannel(models.Model):
    """One Apprise URL. It holds passwords and tokens: it goes in and never comes out again; ``place`` is shown."""

    name = models.CharField(max_length=80, unique=True, validators=[sendable])
    url = EncryptedTextField(validators=[sendable])
    schema = models.CharField(max_length=40, help_text="What kind of channel, for example mailtos or slack.")
    place = models.CharField(max_length=255, blank=True, help_text="Where it leads, without anything secret.")
    minimum_severity = models.CharField(max_length=10, choices=Severity.choices, default=Severity.WARNING)
    targets = models.ManyToManyField(
        Target, blank=True, related_name="channels", help_text="None chosen: all, and what concerns no target."
    )
    is_active = models.BooleanField(default=True)
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    quiet_zone = models.CharField(max_length=60, default="UTC", help_text="For example Asia/Jerusalem.")
    breaks_quiet = models.BooleanField(default=True, help_text="What is critical is sent in the quiet hours too.")
    tested_at = models.DateTimeField(null=True, blank=True, editable=False)
    test_error = models.TextField(blank=True, editable=False)

    class Meta:
        ordering = ["name"]
        verbose_name = "notification channel"
        permissions = [("test_channel", "Can send a test through a notification channel")]
        constraints = [
            models.CheckConstraint(
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | (Q(quiet_from__isnull=False, quiet_until__isnull=False) & ~Q(quiet_from=F("quiet_until"))),
                name="quiet_hours_have_two_ends",
            )
        ]

    def __str__(self) -> str:
        return self.name


class DeliveryState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    SENDING = "sending", "Being sent"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"
    UNSURE = "unsure", "Perhaps sent"
    DROPPED = "dropped", "Not needed any more"


class Delivery(models.Model):
    """One change of one alert on one channel. It is made with the change, in one transaction, and sent by a worker."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.ForeignKey(NotificationChannel, null=True, on_delete=models.SET_NULL, related_name="deliveries")
    channel_name = models.CharField(max_length=80)
    change = models.CharField(max_length=10, choices=Change.choices)
    number = models.PositiveIntegerField(help_text="Which change of its alert, from 1.")
    title = models.CharField(max_length=255)
    body = models.TextField()
    severity = models.CharField(max_length=10, choices=Severity.choices)
    state = models.CharField(max_length=10, choices=DeliveryState.choices, default=DeliveryState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    next_at = models.DateTimeField(help_text="Not before this moment.")
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["alert", "channel", "number"], name="a_change_is_told_once_a_channel")
        ]
        indexes = [
            models.Index(
                fields=["next_at", "id"],
                condition=Q(state__in=["waiting", "sending"]),
                name="deliveries_to_send",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_change_display()}: {self.title}"
