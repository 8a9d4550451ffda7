"""Imports: what was read from a target's audit log, how far, and the deleted rows themselves."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Left

from audit.models.jobs import Job, JobManager
from audit.models.reviews import IN_HANDS, WAITING_STATES, Reviewed
from audit.models.targets import Target

NEVER = 2**64 - 1
"""A transaction that no server reaches."""

ACTOR_LENGTH = 100
"""So many characters of an application's user are indexed: what a client may set freely must fit an index."""


class ImportKind(models.TextChoices):
    """What a source is."""

    DELETIONS = "deletions", "Deleted rows, kept by the policy"
    LOGINS = "logins", "Logins, kept by the login trigger"
    SAMPLES = "samples", "Sessions, seen by a look once a minute"
    FOLDER = "folder", "Server log in a folder"
    SQL = "sql", "Server log, read through SQL"
    SENT = "sent", "Server log, uploaded or piped in"


SERVER_LOGS = (ImportKind.FOLDER, ImportKind.SQL, ImportKind.SENT)


class ImportSource(models.Model):
    """One log of one target, and how far it was read.

    ``incarnation`` names the server and database the position belongs to: after a restore, reading begins anew there,
    and what is known already is left out.
    """

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="import_sources")
    kind = models.CharField(max_length=20, choices=ImportKind.choices)
    name = models.CharField(max_length=80, blank=True, help_text="Tells the sources of one target and kind apart.")
    settings = models.JSONField(default=dict, help_text="What its kind needs, for example the folder.")
    is_active = models.BooleanField(default=True)
    keep_days = models.PositiveIntegerField(null=True, blank=True, help_text="Entries older than this are retired.")
    retention = models.JSONField(
        default=dict,
        help_text='{"after": {table: [time, id]}, "done_at"}: how far entries were looked through for what is over.',
    )
    incarnation = models.CharField(max_length=80, blank=True, help_text="system identifier/database oid/timeline")
    position = models.JSONField(default=dict, help_text='{"transaction", "record", …}: everything up to it was read.')
    imported = models.JSONField(default=dict, help_text="Deleted rows stored of this incarnation, by the table's oid.")
    looked_at = models.DateTimeField(null=True, help_text="When the log was last read to its horizon.")
    heard_at = models.DateTimeField(null=True, help_text="Time of the newest record.")
    lag_seconds = models.FloatField(null=True, help_text="Age of the oldest record that was not read then.")
    sampled_at = models.DateTimeField(null=True, help_text="When counted and captured deletes were last compared.")
    error_code = models.CharField(max_length=60, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        permissions = [("manage_sources", "Can keep sources of server logs")]
        constraints = [
            models.UniqueConstraint(fields=["target", "kind", "name"], name="one_source_a_target_kind_and_name")
        ]

    def __str__(self) -> str:
        return f"{self.name or self.kind} of {self.target}"

    @property
    def bounds(self) -> dict[str, Any]:
        """What was read, as the parameters of ``audit/sql/imports``: records up to (transaction, record) of the table
        with the oid ``log``, and those that a restore brought along with transactions this server has not reached."""
        inherited = self.position.get("inherited") or {}
        is_done = bool(inherited.get("done"))
        return {
            "log": self.position.get("log", 0),
            "transaction": str(self.position.get("transaction", 0)),
            "record": self.position.get("record", 0),
            "inherited_from": str(inherited["from"] if is_done else NEVER),
            "inherited_until": inherited["until"] if is_done else "-infinity",
            "inherited_last": inherited["last"] if is_done else 0,
        }


class AuditImport(Job):
    """One reading of a source. What it brought stands sealed in the ledger."""

    source = models.ForeignKey(ImportSource, on_delete=models.CASCADE, related_name="imports")
    records = models.BigIntegerField(default=0, help_text="Records read from the target.")
    rows = models.BigIntegerField(default=0, help_text="Rows stored.")
    known = models.BigIntegerField(default=0, help_text="Records left out because they were here already.")
    ours = models.BigIntegerField(default=0, help_text="Records of tovgov's own sessions, left out.")
    explained = models.BigIntegerField(default=0, help_text="Records that runs of tovgov's own explain, kept as noise.")
    faults = models.BigIntegerField(default=0, help_text="Places that could not be read as a record.")
    pruned = models.BigIntegerField(default=0, help_text="Records removed from the target afterwards.")
    first_at = models.DateTimeField(null=True)
    last_at = models.DateTimeField(null=True)
    from_position = models.JSONField(default=dict)
    to_position = models.JSONField(default=dict)
    lag_seconds = models.FloatField(null=True, help_text="Age of the oldest record when the reading began.")
    first_leaf = models.BigIntegerField(null=True, help_text="Its rows are the leaves from here …")
    last_leaf = models.BigIntegerField(null=True, help_text="… to here of its source's tree.")
    seal = models.CharField(max_length=64, blank=True, help_text="The tree's root after them, in hex.")
    sealed_at = models.DateTimeField(null=True, help_text="When the seal was written to the ledger.")

    objects = JobManager()

    class Meta(Job.Meta):
        abstract = False
        ordering = ["-queued_at", "-id"]
        permissions = [("run_import", "Can start imports of audit logs")]
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(
                fields=["source"], condition=Q(state__in=["queued", "running"]), name="one_open_import_a_source"
            ),
        ]

    def __str__(self) -> str:
        return f"Import of {self.source}"

    @property
    def target(self) -> Target:
        return self.source.target


class DeleteAuditTransaction(Reviewed):
    """The deletes of one statement's transaction: what a person reviews."""

    review_permission = "audit.review_deletion"

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="delete_transactions", db_index=False)
    transaction = models.BigIntegerField(help_text="xid8 in the target.")
    incarnation = models.CharField(max_length=80)
    at = models.DateTimeField(help_text="Of its first delete.")
    last_at = models.DateTimeField()
    session_role = models.CharField(max_length=63)
    role_in_force = models.CharField(max_length=63)
    application_user = models.TextField(blank=True)
    client_address = models.GenericIPAddressField(null=True)
    application_name = models.CharField(max_length=63, blank=True)
    query = models.TextField(blank=True, help_text="Of its first delete.")
    tables = models.JSONField(default=dict, help_text='{"schema.table": rows}')
    row_count = models.BigIntegerField(default=0)
    undeleted = models.BigIntegerField(default=0, help_text="Rows put back since.")

    class Meta(Reviewed.Meta):
        abstract = False
        ordering = ["-at", "-id"]
        verbose_name = "delete transaction"
        permissions = [
            ("review_deletion", "Can review deletes"),
            ("export_deletion", "Can export deletes"),
            ("undelete", "Can put deleted rows back"),
        ]
        constraints = [
            *Reviewed.Meta.constraints,
            models.UniqueConstraint(
                fields=["target", "transaction", "incarnation"], name="one_row_a_target_and_transaction"
            ),
        ]
        indexes = [  # each list filter walks an index in the list's own order
            models.Index(fields=["-at", "-id"], name="deletes_latest"),
            models.Index(fields=["target", "-at", "-id"], name="deletes_of_a_target"),
            models.Index(fields=["state", "-at", "-id"], name="deletes_of_a_state"),
            models.Index(fields=["session_role", "-at", "-id"], name="deletes_of_a_role"),
            models.Index(
                Left("application_user", ACTOR_LENGTH), F("at").desc(), F("id").desc(), name="deletes_of_an_actor"
            ),
            models.Index(fields=["client_address", "-at", "-id"], name="deletes_from_an_address"),
            models.Index(
                fields=["assignee", "-at", "-id"], condition=Q(assignee__isnull=False), name="deletes_of_an_assignee"
            ),
            models.Index(
                fields=["target", "state", "at", "id"], condition=Q(state__in=WAITING_STATES), name="deletes_waiting"
            ),
            models.Index(fields=["assignee", "at", "id"], condition=Q(state__in=IN_HANDS), name="deletes_in_hands"),
        ]

    def __str__(self) -> str:
        rows = "1 row" if self.row_count == 1 else f"{self.row_count:,} rows"
        return f"{rows} deleted from {self.target}, {self.at:%Y-%m-%d %H:%M:%S} UTC"


class DeleteAuditLog(models.Model):
    """One deleted row. ``row`` is the text of its JSON exactly as the target wrote it; masked columns are not in it."""

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="+", db_index=False)
    of_transaction = models.ForeignKey(DeleteAuditTransaction, on_delete=models.PROTECT, related_name="deleted_rows",
                                       db_index=False)  # fmt: skip
    leaf = models.BigIntegerField(null=True, help_text="Its number in the tree of its source's seals, from 0.")
    record = models.BigIntegerField(help_text="tovgov.delete_audit_record.id in the target.")
    position = models.PositiveIntegerField(help_text="Its place in the record, from 1.")
    at = models.DateTimeField()
    verb = models.CharField(max_length=10)
    table_oid = models.BigIntegerField()
    table_schema = models.CharField(max_length=63)
    table_name = models.CharField(max_length=63)
    key = models.TextField(blank=True, help_text="Its primary key as JSON; empty for a table without one.")
    masked = models.JSONField(default=list, help_text="Columns that were not kept.")
    query = models.TextField(blank=True, help_text="Of its statement; on the first row of each alone.")
    row = models.TextField()

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = "deleted row"
        constraints = [
            models.UniqueConstraint(
                fields=["of_transaction", "record", "position"], name="a_deleted_row_is_imported_once"
            ),
        ]
        indexes = [
            models.Index(fields=["-at", "-id"], name="deleted_rows_latest"),
            models.Index(fields=["target", "-at", "-id"], name="deleted_rows_of_a_target"),
            models.Index(fields=["table_name", "-at", "-id"], name="deleted_rows_of_a_table"),
        ]

    def __str__(self) -> str:
        return f"{self.table_schema}.{self.table_name} {self.key or 'without key'}"


class DeleteCount(models.Model):
    """What PostgreSQL itself counted as deleted in a table, beside what was captured, at one moment."""

    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="delete_counts")
    incarnation = models.CharField(max_length=80)
    table_oid = models.BigIntegerField()
    table = models.CharField(max_length=140)
    at = models.DateTimeField()
    counted = models.BigIntegerField(help_text="pg_stat_user_tables.n_tup_del, of all that belong to it.")
    members = models.JSONField(default=dict, help_text="The same by oid, for a table with partitions or children.")
    captured = models.BigIntegerField(help_text="Rows captured of this table until then.")
    rollbacks = models.BigIntegerField(help_text="pg_stat_database.xact_rollback: counted deletes may be rolled back.")
    reset_at = models.DateTimeField(null=True, help_text="pg_stat_database.stats_reset")
    bound = models.BigIntegerField(
        null=True, help_text="Counted minus captured is at most this while every delete is captured."
    )
    surplus = models.BigIntegerField(default=0, help_text="Deletes counted since the sample before and not captured.")
    is_certain = models.BooleanField(default=False, help_text="Only a trigger that was off explains the surplus.")
    since = models.DateTimeField(null=True, help_text="When the sample before was taken.")

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["target", "table_oid", "-at"], name="delete_counts_of_a_table")]

    def __str__(self) -> str:
        return f"{self.table} at {self.at:%Y-%m-%d %H:%M} UTC"
