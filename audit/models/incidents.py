"""Incidents: something happened to a target that people must understand, answer, and learn from."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from audit.models.alerts import Severity
from audit.models.approvals import Approval
from audit.models.targets import Target


class IncidentKind(models.TextChoices):
    DATA_LOSS = "data loss", "Data loss"
    DROPPED = "dropped database", "Dropped database"
    WRONG = "wrong database", "Wrong database"
    ACCESS = "unauthorised access", "Unauthorised access"
    SCHEMA = "schema gap", "Schema gap"
    BACKUP = "failed backup", "Failed backup"
    SYNC = "sync", "Sync"
    OTHER = "other", "Other"


LOSSY = (IncidentKind.DATA_LOSS, IncidentKind.DROPPED, IncidentKind.SYNC)
"""Kinds that resolve only with a proof that the rows are back, or with an accepted loss."""


class IncidentStatus(models.TextChoices):
    OPEN = "open", "Open"
    INVESTIGATING = "investigating", "Investigating"
    MITIGATED = "mitigated", "Mitigated"
    RESOLVED = "resolved", "Resolved"
    REVIEWED = "reviewed", "Reviewed"
    CLOSED = "closed", "Closed"


UNRESOLVED = (IncidentStatus.OPEN, IncidentStatus.INVESTIGATING, IncidentStatus.MITIGATED)
"""What still joins an incident joins one of these."""


class Cause(models.TextChoices):
    """Causes that come again are counted by these; the words are in ``root_causes``."""

    SCRIPT = "script", "A script or a job did it"
    PERSON = "person's act", "An act by hand went wrong"
    WRONG_PLACE = "wrong place", "It ran on the wrong database"
    RIGHTS = "rights", "Too many rights"
    SECRET = "secret", "A leaked or guessed password"  # no password: a cause
    DEPLOYMENT = "deployment", "A release or a migration"
    SETTINGS = "settings", "A wrong setting"
    SOFTWARE = "software", "A fault in software"
    HARDWARE = "hardware", "Machine, disk or network"
    NO_BACKUP = "no backup", "Backups were missing or unproved"
    UNNOTICED = "unnoticed", "It went unnoticed for too long"
    UNKNOWN = "unknown", "Not known"


STAMPS = ("began_at", "detected_at", "acknowledged_at", "mitigated_at", "resolved_at")
"""In this order, as far as they are known."""


def _in_order(first: str, then: str) -> Q:
    return Q(**{f"{first}__isnull": True}) | Q(**{f"{then}__isnull": True}) | Q(**{f"{first}__lte": F(then)})


ORDERED = Q()
for place, name in enumerate(STAMPS):
    for later in STAMPS[place + 1 :]:
        ORDERED &= _in_order(name, later)


class Incident(models.Model):
    """One incident with its stamps, its loss, its proof and what people say of it. ``audit.incidents`` changes it."""

    number = models.PositiveIntegerField(unique=True, help_text="Without a gap, from 1.")
    target = models.ForeignKey(Target, null=True, on_delete=models.PROTECT, related_name="incidents")
    kind = models.CharField(max_length=20, choices=IncidentKind.choices, default=IncidentKind.OTHER)
    status = models.CharField(max_length=13, choices=IncidentStatus.choices, default=IncidentStatus.OPEN)
    fingerprint = models.CharField(
        max_length=180, blank=True, help_text="What tovgov itself finds of the same cause joins the unresolved one."
    )
    title = models.CharField(max_length=255)
    severity = models.CharField(max_length=10, choices=Severity.choices, default=Severity.WARNING)
    lead = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    lead_name = models.CharField(max_length=150, blank=True)

    opened_at = models.DateTimeField(auto_now_add=True)
    opened_by = models.CharField(max_length=150)
    reason = models.TextField(blank=True)
    began_at = models.DateTimeField(null=True, blank=True, help_text="When the impact began.")
    detected_at = models.DateTimeField(null=True, blank=True, help_text="When somebody or something noticed.")
    acknowledged_at = models.DateTimeField(null=True, blank=True, help_text="When a person took it.")
    mitigated_at = models.DateTimeField(null=True, blank=True, help_text="When the impact had ended.")
    resolved_at = models.DateTimeField(null=True, blank=True, help_text="When everything was as it should be again.")
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.CharField(max_length=150, blank=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=150, blank=True)
    closing_note = models.TextField(blank=True)

    # The story, in people's words (Markdown). ``version`` grows with each change of these.
    version = models.PositiveIntegerField(default=1)
    summary = models.TextField(blank=True)
    impact = models.TextField(blank=True, help_text="Who could not do what, and for how long.")
    trigger = models.TextField(blank=True)
    detection = models.TextField(blank=True)
    root_causes = models.TextField(blank=True)
    contributing_factors = models.TextField(blank=True)
    went_well = models.TextField(blank=True)
    went_wrong = models.TextField(blank=True)
    lucky = models.TextField(blank=True)
    causes = ArrayField(models.CharField(max_length=20, choices=Cause.choices), default=list, blank=True)

    # What was lost and came back; ``audit.losses`` computes it, the tables are in ``IncidentLoss``.
    lost_rows = models.BigIntegerField(null=True, help_text="Over all tables; empty while nobody knows.")
    returned_rows = models.BigIntegerField(null=True)
    lost_seconds = models.FloatField(null=True, help_text="Data written in so many seconds may be gone for good.")
    loss_basis = models.JSONField(default=dict, blank=True, help_text="What the loss was computed from.")
    loss_at = models.DateTimeField(null=True, help_text="When it was computed.")
    rto_seconds = models.FloatField(null=True, help_text="From the beginning of the impact to proved data in service.")
    rpo_seconds = models.FloatField(null=True, help_text="Age of the data that came back when the impact began.")

    timeline_at = models.DateTimeField(null=True, help_text="When its timeline was last assembled.")
    timeline_left_out = models.PositiveIntegerField(default=0, help_text="So many more entries would be lines of it.")

    # What proves that the rows are back, or who accepted that they are not.
    proof_kind = models.CharField(max_length=40, blank=True, help_text="app.model of a restore or an undelete.")
    proof_id = models.BigIntegerField(null=True)
    proof_line = models.CharField(max_length=255, blank=True)
    proof_at = models.DateTimeField(null=True)
    acceptance = models.ForeignKey(
        Approval, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Of the loss."
    )

    class Meta:
        ordering = ["-opened_at", "-id"]
        permissions = [
            ("handle_incident", "Can open and work on incidents"),
            ("lead_incident", "Can take the lead, change kind and stamps, review and close incidents"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["fingerprint"],
                condition=Q(status__in=["open", "investigating", "mitigated"]) & ~Q(fingerprint=""),
                name="one_unresolved_incident_a_cause",
            ),
            models.CheckConstraint(condition=ORDERED, name="incident_stamps_are_in_order"),
            models.CheckConstraint(
                condition=~Q(status="closed") | (Q(closed_at__isnull=False) & ~Q(closed_by="")),
                name="a_closed_incident_has_a_closer",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["resolved", "reviewed"]) | Q(resolved_at__isnull=False),
                name="a_resolved_incident_has_its_time",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["resolved", "reviewed", "closed"])
                | ~Q(kind__in=["data loss", "dropped database", "sync"])
                | Q(proof_at__isnull=False)
                | Q(acceptance__isnull=False),
                name="a_data_loss_resolves_with_a_proof",
            ),
            models.CheckConstraint(
                condition=Q(proof_at__isnull=True)
                | (~Q(proof_kind="") & Q(proof_id__isnull=False) & ~Q(proof_line="")),
                name="a_proof_names_its_record",
            ),
        ]
        indexes = [
            models.Index(fields=["target", "-opened_at"], name="incidents_of_a_target"),
            models.Index(fields=["status", "-opened_at"], name="incidents_by_status"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.title}" if self.number else self.title

    @property
    def code(self) -> str:
        """What people call it, for example INC-12."""
        return f"INC-{self.number}"

    @property
    def is_open(self) -> bool:
        """Not resolved yet: what belongs to it still joins it."""
        return self.status in UNRESOLVED

    @property
    def is_lossy(self) -> bool:
        """Whether it resolves only with a proof or an accepted loss."""
        return self.kind in LOSSY

    @property
    def wants_post_mortem(self) -> bool:
        """Whether it is reviewed only with a reviewed post-mortem or a waiver: rows were lost, or it was critical."""
        return self.is_lossy or self.severity == Severity.CRITICAL

    @property
    def is_answered(self) -> bool:
        """Whether there is such a proof, or such an acceptance."""
        return self.proof_at is not None or self.acceptance_id is not None

    @property
    def time_to_detect(self) -> timedelta | None:
        """From the beginning of the impact."""
        return _between(self.began_at, self.detected_at)

    @property
    def time_to_acknowledge(self) -> timedelta | None:
        """From the detection."""
        return _between(self.detected_at, self.acknowledged_at)

    @property
    def time_to_mitigate(self) -> timedelta | None:
        """From the detection."""
        return _between(self.detected_at, self.mitigated_at)

    @property
    def time_to_resolve(self) -> timedelta | None:
        """From the detection."""
        return _between(self.detected_at, self.resolved_at)


def _between(first: object, then: object) -> timedelta | None:
    return then - first if first is not None and then is not None else None  # type: ignore[operator]


class IncidentLoss(models.Model):
    """What one table lost, how that is known, and how much came back."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="losses")
    table = models.CharField(max_length=255, help_text="schema.table")
    rows_before = models.BigIntegerField(null=True)
    rows_after = models.BigIntegerField(null=True)
    lost = models.BigIntegerField(null=True, help_text="Empty while nobody knows.")
    captured = models.BigIntegerField(default=0, help_text="So many deletes of it were captured, row by row.")
    returned = models.BigIntegerField(default=0)
    basis = models.CharField(max_length=255, help_text="Where the numbers come from, in words.")

    class Meta:
        ordering = ["-lost", "table"]
        verbose_name_plural = "incident losses"
        constraints = [models.UniqueConstraint(fields=["incident", "table"], name="one_loss_a_table")]

    def __str__(self) -> str:
        return f"{self.table}: {self.lost if self.lost is not None else 'unknown'}"


class TimelineLine(models.Model):
    """A line of an incident's timeline: assembled from a record (``source_kind``, ``source_id``, ``what``) or written
    by a person. A hidden line stays on record."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="lines")
    at = models.DateTimeField()
    kind = models.CharField(max_length=40, help_text="delete, log, connection, alert, backup, restore, note …")
    text = models.TextField()
    source_kind = models.CharField(max_length=60, blank=True, help_text="app.model of the evidence.")
    source_id = models.BigIntegerField(null=True)
    what = models.CharField(max_length=40, blank=True, help_text="began, ended, opened … of that record.")
    is_pinned = models.BooleanField(default=False)
    added_at = models.DateTimeField(auto_now_add=True)
    added_by = models.CharField(max_length=150)
    hidden_at = models.DateTimeField(null=True)
    hidden_by = models.CharField(max_length=150, blank=True)
    hidden_why = models.TextField(blank=True)

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "source_kind", "source_id", "what"],
                condition=~Q(source_kind=""),
                name="a_record_is_told_once_a_timeline",
            ),
            models.CheckConstraint(
                condition=Q(hidden_at__isnull=True) | (~Q(hidden_by="") & ~Q(hidden_why="")),
                name="a_hidden_line_has_a_person_and_a_reason",
            ),
        ]
        indexes = [models.Index(fields=["incident", "at"], name="lines_of_an_incident")]

    def __str__(self) -> str:
        return self.text[:255]
