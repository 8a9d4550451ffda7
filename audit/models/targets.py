"""Targets: databases of other people that tovgov protects, watches, backs up, proves and recovers."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from audit.models.fields import EncryptedTextField

NAME_BYTES = 63


def sendable(text: str) -> None:
    """Names may hold quotes, blanks and any script; a NUL or half a character cannot be sent to a server."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValidationError("holds a character that is no text.", code="no_text") from None
    if "\0" in text:
        raise ValidationError("holds a NUL.", code="nul")


def name_in_postgresql(name: str) -> None:
    """A name that PostgreSQL keeps whole: bytes count, not letters."""
    sendable(name)
    size = len(name.encode())
    if size > NAME_BYTES:
        raise ValidationError(f"a name in PostgreSQL has at most {NAME_BYTES} bytes; this has {size}.", code="long")


class Environment(models.TextChoices):
    """Ordered by worth: a backup is never restored into a higher environment than its own."""

    PRODUCTION = "production", "Production"
    STAGING = "staging", "Staging"
    DEVELOPMENT = "development", "Development"
    SCRATCH = "scratch", "Scratch"

    @property
    def rank(self) -> int:
        """4 for production down to 1 for scratch."""
        return 4 - list(Environment).index(self)


class Target(models.Model):
    """One database on one server, with the identity that was pinned when it was registered."""

    name = models.CharField(
        max_length=80,
        unique=True,
        validators=[sendable],
        help_text="What people call it, for example “TovPlay production”.",
    )
    environment = models.CharField(max_length=20, choices=Environment.choices)
    host = models.CharField(
        max_length=255, blank=True, validators=[sendable], help_text="Host name, address or socket folder."
    )
    port = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(65_535)],
        help_text="5432 when empty.",
    )
    database = models.CharField(
        max_length=63, validators=[name_in_postgresql], help_text="The exact name: TovPlay is not tovplay."
    )
    service = models.CharField(
        max_length=80, blank=True, validators=[sendable], help_text="A libpq service instead of host and port."
    )
    sslmode = models.CharField(
        max_length=12,
        default="prefer",
        choices=[(m, m) for m in ("disable", "prefer", "require", "verify-ca", "verify-full")],
    )
    maintenance_database = models.CharField(
        max_length=63,
        default="postgres",
        validators=[name_in_postgresql],
        help_text="Where tovgov connects when the database itself is gone.",
    )
    proving_target = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        limit_choices_to={"environment": Environment.SCRATCH},
        help_text="A scratch server on which backups are proved; empty: a scratch database beside the target.",
    )
    rpo_goal_minutes = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        verbose_name="RPO goal",
        help_text="At most so many minutes of data may be lost. Empty: no goal was set.",
    )
    rto_goal_minutes = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        verbose_name="RTO goal",
        help_text="After at most so many minutes it must be in service again. Empty: no goal was set.",
    )
    notes = models.TextField(blank=True, validators=[sendable])
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    # The pinned identity; empty until the first good connection.
    system_identifier = models.CharField(max_length=20, blank=True, editable=False)
    pinned_database = models.CharField(max_length=63, blank=True, editable=False)
    database_oid = models.BigIntegerField(null=True, editable=False)
    server_version = models.PositiveIntegerField(null=True, editable=False, help_text="As 160014.")
    identified_at = models.DateTimeField(null=True, editable=False)

    own_addresses = models.JSONField(
        default=list, editable=False, help_text="From where the server has seen tovgov come; “local” is its socket."
    )

    # The last word of a check; the history is in the ledger.
    checked_at = models.DateTimeField(null=True, editable=False)
    check_error_code = models.CharField(max_length=60, blank=True, editable=False)
    check_error = models.TextField(blank=True, editable=False)

    class Meta:
        ordering = ["name"]
        permissions = [
            ("test_target", "Can test the connection of a target"),
            ("identify_target", "Can confirm a new identity of a target"),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(database=""), name="target_names_a_database"),
            models.CheckConstraint(
                condition=Q(identified_at__isnull=True)
                | (
                    ~Q(system_identifier="")
                    & ~Q(pinned_database="")
                    & Q(database_oid__isnull=False)
                    & Q(server_version__isnull=False)
                ),
                name="target_identity_is_whole",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_production(self) -> bool:
        return self.environment == Environment.PRODUCTION

    @property
    def is_identified(self) -> bool:
        return self.identified_at is not None

    @property
    def rank(self) -> int:
        """The worth of its environment, see ``Environment.rank``."""
        return Environment(self.environment).rank


class Purpose(models.TextChoices):
    """What a credential is for. A missing one falls back to the next stronger."""

    WATCH = "watch", "Watch (read-only)"
    BACKUP = "backup", "Back up"
    OPERATE = "operate", "Operate (restore, protect)"


class Credential(models.Model):
    """A role on the target's server and its password, encrypted at rest."""

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="credentials")
    purpose = models.CharField(max_length=10, choices=Purpose.choices)
    user = models.CharField(max_length=63, blank=True, validators=[name_in_postgresql])
    password = EncryptedTextField(blank=True, validators=[sendable])

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["target", "purpose"], name="one_credential_a_purpose"),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_purpose_display()})"


class SentinelTable(models.Model):
    """A table that must exist with at least so many rows, or the database is not the one we think it is."""

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="sentinels")
    schema = models.CharField(max_length=63, default="public", validators=[name_in_postgresql])
    table = models.CharField(max_length=63, validators=[name_in_postgresql])
    least_rows = models.PositiveBigIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["target", "schema", "table"], name="one_sentinel_a_table"),
        ]

    def __str__(self) -> str:
        return f"{self.schema}.{self.table} ≥ {self.least_rows}"


class PreflightLine(models.TextChoices):
    PASS = "PASS", "Pass"
    FAIL = "FAIL", "Fail"
    UNKNOWN = "UNKNOWN", "Unknown"


class Preflight(models.Model):
    """One *Test connection*: ``lines`` is a list of {"check", "status", "detail", "hint"}."""

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="preflights")
    at = models.DateTimeField(auto_now_add=True)
    by = models.CharField(max_length=150)
    lines = models.JSONField(default=list)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["target", "-at"])]

    def __str__(self) -> str:
        return f"{self.target} {self.at:%Y-%m-%d %H:%M} UTC"

    @property
    def passed(self) -> bool:
        """No line failed; a line that is UNKNOWN is not a failure and not a pass."""
        return all(line["status"] != PreflightLine.FAIL for line in self.lines)
