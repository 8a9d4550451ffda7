"""Reviews: what a person looked at, what they decided, and who looked a second time."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from audit.models.incidents import Incident


class ReviewState(models.TextChoices):
    UNREVIEWED = "unreviewed", "Unreviewed"
    IN_REVIEW = "in review", "In review"
    ACCEPTED = "accepted", "Accepted"
    SUSPICIOUS = "suspicious", "Suspicious"
    CLOSED = "closed", "Closed"


WAITING_STATES = (ReviewState.UNREVIEWED, ReviewState.IN_REVIEW, ReviewState.SUSPICIOUS)
IN_HANDS = (ReviewState.IN_REVIEW, ReviewState.SUSPICIOUS)
"""What waits for its assignee."""


class Reviewed(models.Model):
    """What can be reviewed. Only ``audit.reviews`` changes these fields; each change is a ``ReviewEvent``.

    A model that inherits it names the permission to review it and gets its own place in ``audit.reviews.KINDS``.
    """

    review_permission: ClassVar[str]
    queue_order: ClassVar[tuple[str, ...]] = ("at", "id")
    """What is looked at first."""

    state = models.CharField(max_length=10, choices=ReviewState.choices, default=ReviewState.UNREVIEWED)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    assignee_name = models.CharField(max_length=150, blank=True)
    decided_by = models.CharField(max_length=150, blank=True, help_text="Who accepted it or found it suspicious.")
    decided_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    decided_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=150, blank=True, help_text="The second person, for a suspicious one.")
    closed_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    closed_at = models.DateTimeField(null=True)
    incident = models.ForeignKey(Incident, null=True, blank=True, on_delete=models.PROTECT, related_name="%(class)ss")

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="suspicious") | Q(incident__isnull=False),
                name="%(class)s_suspicious_has_an_incident",
            ),
            models.CheckConstraint(
                condition=Q(incident__isnull=True) | Q(closed_by="") | ~Q(closed_by=F("decided_by")),
                name="%(class)s_suspicious_is_closed_by_another",
            ),
            models.CheckConstraint(  # a new name is no second person
                condition=Q(incident__isnull=True)
                | Q(closed_user__isnull=True)
                | Q(decided_user__isnull=True)
                | ~Q(closed_user=F("decided_user")),
                name="%(class)s_suspicious_is_closed_by_another_user",
            ),
            models.CheckConstraint(
                condition=~Q(state="closed") | ~Q(closed_by=""), name="%(class)s_closed_has_a_closer"
            ),
        ]


class ReviewEvent(models.Model):
    """One step of a review. The database refuses to change or remove it."""

    kind = models.CharField(max_length=40, help_text="The model that is reviewed, for example deleteaudittransaction.")
    object_id = models.BigIntegerField()
    at = models.DateTimeField(auto_now_add=True)
    who = models.CharField(max_length=150)
    act = models.CharField(max_length=20, help_text="take, assign, accept, suspect, close, reopen or note")
    from_state = models.CharField(max_length=10)
    to_state = models.CharField(max_length=10)
    assignee_name = models.CharField(max_length=150, blank=True)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["kind", "object_id", "id"], name="review_events_of_an_object")]

    def __str__(self) -> str:
        return f"{self.act} by {self.who}"


class SavedFilter(models.Model):
    """A list with its filters, under a name. ``query`` is the list's query string."""

    page = models.CharField(max_length=80, help_text="The list's URL name, for example audit_deleteauditlog.")
    name = models.CharField(max_length=80)
    query = models.TextField(blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    is_shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["page", "name"]
        constraints = [models.UniqueConstraint(fields=["page", "owner", "name"], name="one_filter_a_page_and_name")]

    def __str__(self) -> str:
        return self.name
