"""Reports by mail and each mail of theirs, who may do what on a target, and looks at personal data."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from audit.models.exports import Export, ExportFormat
from audit.models.targets import Target, sendable

REPORT_FORMATS = (ExportFormat.CSV, ExportFormat.XLSX, ExportFormat.PDF, ExportFormat.MARKDOWN, ExportFormat.JSON)


class Rhythm(models.TextChoices):
    DAILY = "daily", "Every day"
    WEEKLY = "weekly", "Every week"
    MONTHLY = "monthly", "Every month"


class Weekday(models.IntegerChoices):
    MONDAY = 0, "Monday"
    TUESDAY = 1, "Tuesday"
    WEDNESDAY = 2, "Wednesday"
    THURSDAY = 3, "Thursday"
    FRIDAY = 4, "Friday"
    SATURDAY = 5, "Saturday"
    SUNDAY = 6, "Sunday"


class ReportSchedule(models.Model):
    """A report that is sent by mail. Each mail goes on where the one before it ended: ``covered_until``."""

    name = models.CharField(max_length=80, unique=True, validators=[sendable])
    report = models.CharField(max_length=40, help_text="Its name, for example deletes.")
    query = models.TextField(blank=True, help_text="Targets and answers as a query string, without a period.")
    format = models.CharField(
        max_length=5, choices=[(one.value, one.label) for one in REPORT_FORMATS], default=ExportFormat.PDF
    )
    rhythm = models.CharField(max_length=7, choices=Rhythm.choices, default=Rhythm.WEEKLY)
    at = models.TimeField(help_text="On the clocks of its zone.")
    weekday = models.PositiveSmallIntegerField(choices=Weekday.choices, default=Weekday.MONDAY)
    day = models.PositiveSmallIntegerField(default=1, help_text="Of the month, for every month: 1 to 28.")
    zone = models.CharField(max_length=60, default="UTC", help_text="For example Asia/Jerusalem.")
    recipients = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="+")
    addresses = ArrayField(
        models.EmailField(), default=list, blank=True, help_text="Of people who are no users; a manager allows them."
    )
    is_active = models.BooleanField(default=True)
    next_at = models.DateTimeField(null=True, editable=False)
    covered_until = models.DateTimeField(null=True, editable=False, help_text="The next mail begins here.")
    last_note = models.CharField(max_length=255, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=150, editable=False)

    class Meta:
        ordering = ["name"]
        verbose_name = "report by mail"
        verbose_name_plural = "reports by mail"
        permissions = [
            ("export_report", "Can export reports"),
            ("allow_address", "Can have reports sent to addresses of people who are no users"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(day__gte=1, day__lte=28), name="a_report_day_is_in_every_month"),
            models.CheckConstraint(
                condition=Q(is_active=False) | Q(next_at__isnull=False), name="an_active_report_mail_has_a_next_time"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class MailState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    SENDING = "sending", "Being sent"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"
    UNSURE = "unsure", "Perhaps sent"
    DROPPED = "dropped", "Not allowed any more"


class ReportMail(models.Model):
    """One report to one person. The file is that of ``export``; it is sent when the file is there."""

    schedule = models.ForeignKey(ReportSchedule, null=True, on_delete=models.SET_NULL, related_name="mails")
    schedule_name = models.CharField(max_length=80)
    export = models.ForeignKey(Export, on_delete=models.PROTECT, related_name="mails")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    address = models.EmailField()
    period_start = models.DateTimeField(null=True)
    period_end = models.DateTimeField(null=True)
    missed = models.PositiveIntegerField(
        default=0, help_text="So many mails before it were not sent; this stands for all."
    )
    state = models.CharField(max_length=10, choices=MailState.choices, default=MailState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    next_at = models.DateTimeField(help_text="Not before this moment.")
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "report mail"
        constraints = [
            models.UniqueConstraint(fields=["export", "address"], name="a_report_is_mailed_once_an_address"),
            models.CheckConstraint(
                condition=Q(period_start__isnull=True) | Q(period_end__gt=F("period_start")),
                name="a_mailed_period_ends_after_it_starts",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_at", "id"], condition=Q(state__in=["waiting", "sending"]), name="report_mails_to_send"
            )
        ]

    def __str__(self) -> str:
        return f"{self.schedule_name} to {self.address}"


class TargetAccess(models.Model):
    """Roles and rights of a target as they were last read from its catalogues."""

    target = models.OneToOneField(Target, on_delete=models.CASCADE, related_name="access")
    read_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)
    roles = models.JSONField(
        default=list, help_text='{"role", "attributes", "superuser", "login", "member_of", "valid_until"}'
    )
    grants = models.JSONField(default=list, help_text='{"role", "type", "object", "rights"}')
    left_out = models.JSONField(default=list, help_text="What could not be read, in sentences.")
    error_code = models.CharField(max_length=60, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        verbose_name = "access of a target"
        verbose_name_plural = "access of targets"
        permissions = [("review_access", "Can see who may do what on targets and in tovgov")]

    def __str__(self) -> str:
        return f"Access of {self.target}"


class Look(models.Model):
    """Somebody looked at personal data: kept for two days, so that the ledger has a look once an hour."""

    actor = models.CharField(max_length=150)
    object_type = models.CharField(max_length=60)
    object_id = models.CharField(max_length=64)
    hour = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["actor", "object_type", "object_id", "hour"], name="a_look_is_noted_once_an_hour"
            )
        ]

    def __str__(self) -> str:
        return f"{self.actor} at {self.object_type} {self.object_id}"
