"""Action items: what is still owed after an incident, by whom, until when; and the mails that remind of it."""

from __future__ import annotations

from datetime import date

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from audit.models.incidents import Incident


class ActionState(models.TextChoices):
    OPEN = "open", "Open"
    IN_PROGRESS = "in progress", "In progress"
    DONE = "done", "Done"
    DROPPED = "dropped", "Dropped"


OWED = (ActionState.OPEN, ActionState.IN_PROGRESS)
"""What somebody still has to do."""


SOON_DAYS = 3
"""What is due within so many days is due soon: its owner is told."""


class Priority(models.IntegerChoices):
    LOW = 10, "Low"
    NORMAL = 20, "Normal"
    HIGH = 30, "High"
    URGENT = 40, "Urgent"


class ActionQuerySet(models.QuerySet["ActionItem"]):
    def owed(self) -> ActionQuerySet:
        """Neither done nor dropped."""
        return self.filter(state__in=OWED)

    def overdue(self, today: date | None = None) -> ActionQuerySet:
        """Owed, and its day has passed."""
        return self.owed().filter(due_on__lt=today or timezone.localdate())


class ActionItem(models.Model):
    """One thing to do. ``audit.action_items`` changes it."""

    title = models.CharField(max_length=255)
    detail = models.TextField(blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="action_items"
    )
    owner_name = models.CharField(max_length=150, blank=True)
    due_on = models.DateField(null=True, blank=True, help_text="It is overdue when this day has passed.")
    state = models.CharField(max_length=11, choices=ActionState.choices, default=ActionState.OPEN)
    priority = models.PositiveSmallIntegerField(choices=Priority.choices, default=Priority.NORMAL)
    incident = models.ForeignKey(Incident, null=True, blank=True, on_delete=models.PROTECT, related_name="action_items")
    version = models.PositiveIntegerField(default=1)
    made_at = models.DateTimeField(auto_now_add=True)
    made_by = models.CharField(max_length=150)
    finished_at = models.DateTimeField(null=True)
    finished_by = models.CharField(max_length=150, blank=True)
    finish_note = models.TextField(blank=True, help_text="What was done, or why it was dropped.")

    # What its owner was reminded of.
    soon_told_for = models.DateField(null=True, help_text="The owner was told that this day comes near.")
    overdue_told_on = models.DateField(null=True, help_text="When the owner was last told that it is overdue.")

    objects = ActionQuerySet.as_manager()

    class Meta:
        ordering = ["due_on", "-priority", "id"]
        permissions = [
            ("keep_action", "Can add and change action items"),
            ("export_action", "Can export action items"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["open", "in progress"], finished_at__isnull=True)
                | (Q(state__in=["done", "dropped"], finished_at__isnull=False) & ~Q(finished_by="")),
                name="a_finished_action_has_a_person",
            ),
            models.CheckConstraint(
                condition=~Q(state="dropped") | ~Q(finish_note=""), name="a_dropped_action_has_a_reason"
            ),
        ]
        indexes = [
            models.Index(fields=["due_on"], condition=Q(state__in=["open", "in progress"]), name="actions_owed_by_day"),
            models.Index(fields=["incident"], name="actions_of_an_incident"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_owed(self) -> bool:
        return self.state in OWED

    @property
    def is_overdue(self) -> bool:
        return self.is_owed and self.due_on is not None and self.due_on < timezone.localdate()


class ReminderState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    SENDING = "sending", "Is being sent"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"
    UNSURE = "unsure", "Perhaps sent"
    DROPPED = "dropped", "Not needed any more"


class ActionReminder(models.Model):
    """The mail of one day to one person, about all that is due. There is never a second one on that day."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    soon = models.PositiveIntegerField(default=0)
    overdue = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=10, choices=ReminderState.choices, default=ReminderState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-day", "-id"]
        constraints = [models.UniqueConstraint(fields=["owner", "day"], name="one_reminder_a_person_a_day")]

    def __str__(self) -> str:
        return f"{self.owner} on {self.day}"
