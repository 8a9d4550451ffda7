"""Post-mortems: what people say of an incident when it is over. Every text that was saved stays on record."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from audit.models.incidents import Incident


class PostMortemState(models.TextChoices):
    DRAFT = "draft", "Draft"
    IN_REVIEW = "in review", "In review"
    REVIEWED = "reviewed", "Reviewed"


class PostMortem(models.Model):
    """The one post-mortem of an incident, its text in Markdown. ``audit.postmortems`` changes it."""

    incident = models.OneToOneField(Incident, on_delete=models.PROTECT, related_name="post_mortem")
    state = models.CharField(max_length=9, choices=PostMortemState.choices, default=PostMortemState.DRAFT)
    text = models.TextField(blank=True)
    version = models.PositiveIntegerField(default=1, help_text="The revision whose text stands here.")
    opened_at = models.DateTimeField(auto_now_add=True)
    opened_by = models.CharField(max_length=150)
    edited_at = models.DateTimeField()
    edited_by = models.CharField(max_length=150)
    asked_at = models.DateTimeField(null=True, help_text="When its review was asked for.")
    asked_by = models.CharField(max_length=150, blank=True)
    reviewed_at = models.DateTimeField(null=True)
    reviewed_by = models.CharField(max_length=150, blank=True)
    review_note = models.TextField(blank=True)

    class Meta:
        ordering = ["-opened_at", "-id"]
        verbose_name = "post-mortem"
        permissions = [("review_postmortem", "Can review post-mortems that somebody else wrote")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="reviewed") | (Q(reviewed_at__isnull=False) & ~Q(reviewed_by="")),
                name="a_reviewed_post_mortem_has_a_reviewer",
            ),
            models.CheckConstraint(
                condition=~Q(state="reviewed") | ~Q(reviewed_by=F("edited_by")),
                name="nobody_reviews_their_own_post_mortem",
            ),
            models.CheckConstraint(
                condition=~Q(state="in review") | (Q(asked_at__isnull=False) & ~Q(asked_by="")),
                name="a_review_was_asked_for_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"Post-mortem of {self.incident}"

    @property
    def target(self) -> object:
        return self.incident.target


class PostMortemRevision(models.Model):
    """A text that somebody saved. One that was written onto an older version stands ``beside`` the others until its
    words were taken over."""

    post_mortem = models.ForeignKey(PostMortem, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    onto = models.PositiveIntegerField(help_text="The version that its writer had read; 0 for the first.")
    text = models.TextField(blank=True)
    made_at = models.DateTimeField(auto_now_add=True)
    made_by = models.CharField(max_length=150)
    is_beside = models.BooleanField(default=False, help_text="Somebody else had saved meanwhile.")
    settled_at = models.DateTimeField(null=True, help_text="When its words were taken over, or found not needed.")
    settled_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["post_mortem", "number"], name="revisions_are_numbered"),
            models.CheckConstraint(
                condition=Q(settled_at__isnull=True) | (Q(is_beside=True) & ~Q(settled_by="")),
                name="what_was_settled_stood_beside",
            ),
        ]

    def __str__(self) -> str:
        return f"Revision {self.number} by {self.made_by}"
