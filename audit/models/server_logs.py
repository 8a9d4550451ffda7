"""Server logs: the files that were read, their entries, and the groups of alike entries that a person reviews."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from audit.models.fields import WordsField
from audit.models.imports import ImportSource
from audit.models.reviews import IN_HANDS, WAITING_STATES, Reviewed
from audit.models.targets import Target


class LogSeverity(models.IntegerChoices):
    """How much an entry matters to a person, by its class; not PostgreSQL's own level."""

    INFO = 10, "Info"
    LOW = 20, "Low"
    MEDIUM = 30, "Medium"
    HIGH = 40, "High"
    CRITICAL = 50, "Critical"


class LogFileState(models.TextChoices):
    READING = "reading", "Being read"
    READ = "read", "Read"
    SKIPPED = "skipped", "Left out"
    FAILED = "failed", "Cannot be read"
    GONE = "gone", "Gone"


class LogFile(models.Model):
    """One file of a server log, and how far it was read. It is known again by its content, under any name."""

    source = models.ForeignKey(ImportSource, on_delete=models.CASCADE, related_name="files")
    identity = models.CharField(max_length=100, help_text="Device and inode, or what else names it at its source.")
    head = models.CharField(max_length=64, help_text="SHA-256 of its first bytes.")
    head_bytes = models.PositiveIntegerField(help_text="How many bytes that is.")
    name = models.CharField(max_length=255, help_text="The one it has now.")
    size = models.BigIntegerField(default=0, help_text="In bytes, when it was last looked at.")
    modified = models.BigIntegerField(default=0, help_text="When it was last written, then: nanoseconds since 1970.")
    offset = models.BigIntegerField(default=0, help_text="Bytes of its text, unpacked, that were read.")
    records = models.BigIntegerField(default=0, help_text="Records that were read, tovgov's own among them.")
    format = models.CharField(max_length=10, blank=True, help_text="csvlog, jsonlog, stderr or syslog")
    encoding = models.CharField(max_length=30, blank=True)
    pending = models.JSONField(default=dict, help_text="What the parser must know to go on.")
    state = models.CharField(max_length=10, choices=LogFileState.choices, default=LogFileState.READING)
    first_at = models.DateTimeField(null=True)
    last_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(auto_now_add=True)
    faults = models.JSONField(default=list, help_text="What in it could not be read: offset, bytes, code, sentence.")
    error_code = models.CharField(max_length=60, blank=True)
    error = models.TextField(
        blank=True, help_text="Why it cannot be read or was left out, or what is strange about it."
    )

    class Meta:
        ordering = ["-seen_at", "-id"]
        verbose_name = "log file"
        indexes = [
            models.Index(fields=["source", "identity"], name="log_files_by_identity"),
            models.Index(fields=["source", "head"], name="log_files_by_head"),
        ]

    def __str__(self) -> str:
        return self.name


class ServerLogGroup(Reviewed):
    """Alike entries of one target, role and day: what a person reviews."""

    review_permission = "audit.review_log"
    queue_order = ("-severity", "at", "id")

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="log_groups", db_index=False)
    day = models.DateField(help_text="UTC")
    kind = models.CharField(max_length=30, help_text="The class, for example failed-password.")
    severity = models.PositiveSmallIntegerField(choices=LogSeverity.choices)
    fingerprint = models.BigIntegerField(help_text="The same for messages that differ only in their values.")
    role = models.CharField(max_length=63, blank=True)
    title = models.TextField(help_text="The message of its first entry, masked.")
    at = models.DateTimeField(help_text="Of its first entry.")
    last_at = models.DateTimeField()
    count = models.BigIntegerField(default=0)
    is_noise = models.BooleanField(
        default=False, help_text="Below the minimum severity, hidden by a filter, or done by tovgov itself."
    )
    explained_by = models.CharField(
        max_length=60, blank=True, help_text="The run of tovgov's own that did it, for example protectionrun-12."
    )

    class Meta(Reviewed.Meta):
        abstract = False
        ordering = ["-at", "-id"]
        verbose_name = "server log group"
        permissions = [("review_log", "Can review server logs"), ("export_log", "Can export server logs")]
        constraints = [
            *Reviewed.Meta.constraints,
            models.UniqueConstraint(
                fields=["target", "day", "kind", "fingerprint", "role", "explained_by"],
                name="one_group_a_day_of_alike_entries",
            ),
        ]
        indexes = [
            models.Index(fields=["-at", "-id"], name="log_groups_latest"),
            models.Index(fields=["target", "-at", "-id"], name="log_groups_of_a_target"),
            models.Index(
                fields=["target", "state", "at", "id"],
                condition=Q(state__in=WAITING_STATES, is_noise=False),
                name="log_groups_waiting",
            ),
            models.Index(
                fields=["-severity", "at", "id"],
                condition=Q(state="unreviewed", is_noise=False),
                name="log_groups_queue",
            ),
            models.Index(fields=["target"], condition=Q(state="unreviewed", is_noise=True), name="log_groups_hidden"),
            models.Index(fields=["-at", "-id"], condition=Q(is_noise=False), name="log_groups_shown"),
            models.Index(fields=["target", "-at", "-id"], condition=Q(is_noise=False), name="log_groups_shown_of_one"),
            models.Index(fields=["kind", "-at", "-id"], name="log_groups_of_a_class"),
            models.Index(
                fields=["explained_by", "-at", "-id"],
                condition=~Q(explained_by=""),
                name="log_groups_explained",
            ),
            models.Index(
                fields=["assignee", "-at", "-id"], condition=Q(assignee__isnull=False), name="log_groups_assigned"
            ),
            models.Index(
                fields=["assignee", "-severity", "at", "id"],
                condition=Q(state__in=IN_HANDS),
                name="log_groups_in_hands",
            ),
        ]

    def __str__(self) -> str:
        times = "once" if self.count == 1 else f"{self.count:,} times"
        return f"{self.kind} in {self.target}, {times} on {self.day}"


class ServerLogEntry(models.Model):
    """One record of a server log, masked. Rows come by COPY at a high rate and are never changed: references are kept
    without constraints of the database."""

    target = models.ForeignKey(
        Target, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    source = models.ForeignKey(
        ImportSource, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    file = models.ForeignKey(
        LogFile, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    of_group = models.ForeignKey(
        ServerLogGroup, on_delete=models.DO_NOTHING, related_name="entries", db_index=False, db_constraint=False
    )
    leaf = models.BigIntegerField(help_text="Its number in the tree of its source's seals, from 0.")
    offset = models.BigIntegerField(help_text="Where in its file it begins, in bytes of text.")
    at = models.DateTimeField()
    level = models.CharField(max_length=12, help_text="PostgreSQL's own: LOG, ERROR, FATAL, PANIC …")
    sqlstate = models.CharField(max_length=5, blank=True)
    kind = models.CharField(max_length=30)
    severity = models.PositiveSmallIntegerField(choices=LogSeverity.choices)
    pid = models.IntegerField(null=True)
    session = models.CharField(max_length=40, blank=True)
    line = models.BigIntegerField(null=True, help_text="Its number within the session.")
    role = models.CharField(max_length=63, blank=True)
    database = models.CharField(max_length=63, blank=True)
    address = models.CharField(max_length=255, blank=True, help_text="Empty for the server's own socket.")
    application = models.TextField(blank=True)
    command = models.CharField(max_length=60, blank=True, help_text="The command tag.")
    message = models.TextField()
    detail = models.TextField(blank=True)
    query = models.TextField(blank=True)
    more = models.TextField(
        blank=True, help_text="JSON: hint, context, transaction, backend type, fields of pgAudit …; empty without any."
    )

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = "server log entry"
        verbose_name_plural = "server log entries"
        indexes = [
            models.Index(fields=["-at", "-id"], name="log_entries_latest"),
            models.Index(fields=["target", "-at", "-id"], name="log_entries_of_a_target"),
            models.Index(fields=["of_group", "-at", "-id"], name="log_entries_of_a_group"),
        ]

    def __str__(self) -> str:
        return f"{self.level} {self.message[:80]}"


class LogWords(models.Model):
    """The words and marks of a stretch of server log entries: those whose ids, divided by ``STRETCH``, are its number.
    The search asks these, which are few, and reads only the stretches that may hold what is sought. A worker notes
    them."""

    STRETCH = 250

    number = models.BigIntegerField(primary_key=True)
    from_at = models.DateTimeField(help_text="Of its oldest entry.")
    to_at = models.DateTimeField(help_text="Of its newest entry.")
    is_stale = models.BooleanField(default=False, help_text="Some of its entries were retired since.")
    # It is in no index: a change of it leaves the index over the words as it is.
    words = WordsField(null=True, help_text="Empty when they are too many to be noted: it may hold anything.")

    class Meta:
        verbose_name = "words of server log entries"
        verbose_name_plural = "words of server log entries"
        indexes = [
            models.Index(fields=["-to_at", "-number"], name="log_words_newest"),
            models.Index(fields=["from_at", "number"], name="log_words_oldest"),
            models.Index(fields=["-to_at"], condition=Q(words=None), name="log_words_unknown"),
        ]

    def __str__(self) -> str:
        return f"words of entries {self.number * self.STRETCH} to {(self.number + 1) * self.STRETCH - 1}"
