"""Builders with realistic, overridable defaults. ``BackupFactory(proved=True)`` is a finished, proved backup;
``BackupFactory(running=True)`` one in mid-dump. Nothing here speaks to a server."""

from __future__ import annotations

import hashlib
import json
import uuid
from datetime import datetime, timedelta
from typing import Any

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from audit.models import (
    Alert,
    AlertEvidence,
    Approval,
    AuditImport,
    Change,
    ConnectionAuditLog,
    ConnectionGroup,
    Credential,
    DeleteAuditLog,
    DeleteAuditTransaction,
    DeleteCount,
    Delivery,
    Environment,
    ImportSource,
    Incident,
    KnownClient,
    LogFile,
    LogSeverity,
    MaintenanceWindow,
    NotificationChannel,
    Preflight,
    Purpose,
    SentinelTable,
    ServerLogEntry,
    ServerLogGroup,
    Severity,
    Target,
    Undelete,
)
from audit.postgres.rows import LargeObjects, TableState
from backups.manifest import Dump, Manifest
from backups.models import (
    Backup,
    BackupCopy,
    BackupKind,
    CopyState,
    Destination,
    DestinationKind,
    Level,
    Restore,
    RestoreMode,
    RetentionPolicy,
    Schedule,
    SwapState,
    Verification,
)

PLAY_TABLES = {
    "User": 23,
    "UserProfile": 11,
    "Game": 12,
    "GameRequest": 182,
    "ScheduledSession": 16,
    "UserAvailability": 154,
    "UserGamePreference": 31,
    "UserFriends": 2,
    "UserNotifications": 111,
    "UserSession": 0,
    "EmailVerification": 0,
}
"""The demo database's tables and their rows."""


def ago(**much: float) -> datetime:
    """That much before now: ``ago(hours=3)``."""
    return timezone.now() - timedelta(**much)


def phase(name: str, started: datetime, seconds: float | None) -> dict[str, Any]:
    """One phase as a job row keeps it; ``seconds`` is None while it runs."""
    return {"name": name, "started": started.isoformat(), "seconds": seconds}


class TargetFactory(DjangoModelFactory):
    """A registered target with a pinned identity. ``fresh=True`` has none yet."""

    class Meta:
        model = Target

    name = factory.Sequence(lambda n: f"TovPlay {n}")
    environment = Environment.STAGING
    host = "db.example.org"
    port = 5432
    database = "TovPlay"
    sslmode = "require"
    system_identifier = factory.Sequence(lambda n: str(7445190000000000000 + n))
    pinned_database = factory.SelfAttribute("database")
    database_oid = factory.Sequence(lambda n: 16384 + n)
    server_version = 160014
    identified_at = factory.LazyFunction(lambda: ago(days=40))
    checked_at = factory.LazyFunction(lambda: ago(seconds=40))

    class Params:
        production = factory.Trait(environment=Environment.PRODUCTION)
        fresh = factory.Trait(
            system_identifier="",
            pinned_database="",
            database_oid=None,
            server_version=None,
            identified_at=None,
            checked_at=None,
        )


class CredentialFactory(DjangoModelFactory):
    class Meta:
        model = Credential

    target = factory.SubFactory(TargetFactory)
    purpose = Purpose.OPERATE
    user = "tovplay_admin"
    password = "not-a-real-password"


class SentinelTableFactory(DjangoModelFactory):
    class Meta:
        model = SentinelTable

    target = factory.SubFactory(TargetFactory)
    table = "User"
    least_rows = 10


class PreflightFactory(DjangoModelFactory):
    class Meta:
        model = Preflight

    target = factory.SubFactory(TargetFactory)
    by = "alice"
    lines = factory.LazyFunction(
        lambda: [
            {"check": "reachable", "status": "PASS", "detail": "Answered in 3 ms.", "hint": ""},
            {"check": "database", "status": "PASS", "detail": 'The database is "TovPlay".', "hint": ""},
        ]
    )


class DestinationFactory(DjangoModelFactory):
    """A folder; give ``settings={"folder": str(tmp_path)}`` when bytes are to be written."""

    class Meta:
        model = Destination

    name = factory.Sequence(lambda n: f"Folder {n}")
    kind = DestinationKind.FOLDER
    settings = factory.LazyFunction(lambda: {"folder": "/srv/backups"})
    tested_at = factory.LazyFunction(lambda: ago(hours=2))


class ScheduleFactory(DjangoModelFactory):
    class Meta:
        model = Schedule

    target = factory.SubFactory(TargetFactory)
    cron = "0 */6 * * *"
    next_run_at = factory.LazyFunction(lambda: ago(hours=-2))
    last_run_at = factory.LazyFunction(lambda: ago(hours=4))
    created_by = "miriam"


class RetentionPolicyFactory(DjangoModelFactory):
    class Meta:
        model = RetentionPolicy

    target = factory.SubFactory(TargetFactory)
    changed_at = factory.LazyFunction(lambda: ago(days=40))


class JobFactory(DjangoModelFactory):
    """What every job row has: queued now, or running, succeeded, failed or cancelled by trait."""

    class Meta:
        abstract = True

    asked_name = "alice"
    asked_via = "admin 10.0.0.7"
    queued_at = factory.LazyFunction(lambda: ago(minutes=5))

    class Params:
        running = factory.Trait(
            state="running",
            claim=factory.LazyFunction(uuid.uuid4),
            started_at=factory.LazyFunction(lambda: ago(seconds=12)),
            heartbeat_at=factory.LazyFunction(timezone.now),
            worker="worker-1:4711",
            attempt=1,
        )
        succeeded = factory.Trait(
            state="succeeded",
            claim=factory.LazyFunction(uuid.uuid4),
            started_at=factory.LazyAttribute(lambda o: o.queued_at + timedelta(seconds=1)),
            finished_at=factory.LazyAttribute(lambda o: o.queued_at + timedelta(seconds=20)),
            worker="worker-1:4711",
            attempt=1,
        )
        failed = factory.Trait(
            state="failed",
            started_at=factory.LazyAttribute(lambda o: o.queued_at + timedelta(seconds=1)),
            finished_at=factory.LazyAttribute(lambda o: o.queued_at + timedelta(seconds=9)),
            attempt=1,
            error_code="target.connection_lost",
            error="The server closed the connection.",
            hint="It was restarted, crashed, or the network broke. What was begun is undone; try again.",
        )
        cancelled = factory.Trait(
            state="cancelled",
            finished_at=factory.LazyAttribute(lambda o: o.queued_at + timedelta(seconds=7)),
            cancel_requested_at=factory.LazyAttribute(lambda o: o.queued_at + timedelta(seconds=6)),
            cancel_requested_by="alice",
            error_code="job.cancelled",
            error="Cancelled by alice.",
        )


def _stamp(backup: Any) -> str:
    return f"{backup.target.name}.{backup.target.database}.{backup.queued_at:%Y%m%dT%H%M%SZ}.{backup.kind}"


def _manifest(backup: Any) -> dict[str, Any]:
    """A whole manifest of the demo's tables, as ``backups.manifest`` reads it."""
    tables = [TableState("public", name, rows, str(1_000_003 * (rows + 7))) for name, rows in PLAY_TABLES.items()]
    return Manifest(
        name=backup.name,
        kind=backup.kind,
        target=backup.target.name,
        environment=backup.target.environment,
        database=backup.database,
        database_oid=backup.database_oid or 0,
        system_identifier=backup.system_identifier,
        server_version=backup.server_version or 0,
        tool=backup.dump_version,
        snapshot_at=backup.snapshot_at,
        lsn=backup.lsn,
        database_bytes=backup.database_bytes,
        tables=tables,
        large_objects=LargeObjects(0, 0, "0"),
        sequences=[],
        schema_fingerprint="5e1f" * 16,
        owners_fingerprint="0a7e" * 16,
        database_facts={},
        dump=Dump(f"{backup.name}.dump", backup.dump_bytes, backup.stored_bytes, backup.sha256),
        side_files={},
        ledger_number=0,
        ledger_hash="",
    ).to_dict()


class BackupFactory(JobFactory):
    """A backup. Traits: queued (none), running, failed, cancelled, made (succeeded), stored, readable, proved, held,
    damaged, removed."""

    class Meta:
        model = Backup

    target = factory.SubFactory(TargetFactory)
    kind = BackupKind.MANUAL

    class Params:
        made = factory.Trait(
            succeeded=True,
            name=factory.LazyAttribute(_stamp),
            database=factory.SelfAttribute("target.database"),
            database_oid=factory.SelfAttribute("target.database_oid"),
            system_identifier=factory.SelfAttribute("target.system_identifier"),
            server_version=factory.SelfAttribute("target.server_version"),
            dump_version="pg_dump (PostgreSQL) 18.4",
            lsn="0/1A2B3C48",
            snapshot_at=factory.LazyAttribute(lambda o: o.queued_at + timedelta(seconds=2)),
            tables=len(PLAY_TABLES),
            rows=sum(PLAY_TABLES.values()),
            database_bytes=9_412_608,
            dump_bytes=734_211,
            stored_bytes=182_944,
            manifest=factory.LazyAttribute(_manifest),
            sha256=factory.LazyAttribute(lambda o: hashlib.sha256(_stamp(o).encode()).hexdigest()),
            phases=factory.LazyAttribute(
                lambda o: [
                    phase("Snapshot", o.queued_at + timedelta(seconds=1), 0.041),
                    phase("Count and hash", o.queued_at + timedelta(seconds=1), 0.212),
                    phase("Dump", o.queued_at + timedelta(seconds=2), 1.734),
                    phase("Read back", o.queued_at + timedelta(seconds=4), 0.188),
                ]
            ),
            log="09:12:01 Snapshot\n09:12:01 Count and hash\n09:12:01 11 tables, 542 rows\n09:12:02 Dump",
        )
        stored = factory.Trait(
            made=True, level=Level.STORED, level_at=factory.LazyAttribute(lambda o: o.queued_at + timedelta(seconds=20))
        )
        readable = factory.Trait(
            made=True,
            level=Level.READABLE,
            level_at=factory.LazyAttribute(lambda o: o.queued_at + timedelta(seconds=30)),
        )
        proved = factory.Trait(
            made=True, level=Level.PROVED, level_at=factory.LazyAttribute(lambda o: o.queued_at + timedelta(seconds=60))
        )
        held = factory.Trait(made=True, is_held=True, hold_reason="The audit of June asks for it.")
        damaged = factory.Trait(made=True, damaged_at=factory.LazyFunction(lambda: ago(minutes=2)))
        removed = factory.Trait(
            made=True, removed_at=factory.LazyFunction(lambda: ago(hours=1)), removed_why="Older than 90 days."
        )


class BackupCopyFactory(DjangoModelFactory):
    """A stored copy; ``broken=True`` is one that its destination did not take."""

    class Meta:
        model = BackupCopy

    backup = factory.SubFactory(BackupFactory, stored=True)
    destination = factory.SubFactory(DestinationFactory)
    state = CopyState.STORED
    path = factory.SelfAttribute("backup.name")
    attempts = 1
    stored_at = factory.LazyFunction(lambda: ago(minutes=4))
    read_back_at = factory.LazyFunction(lambda: ago(minutes=4))

    class Params:
        broken = factory.Trait(
            state=CopyState.FAILED,
            attempts=3,
            stored_at=None,
            read_back_at=None,
            error_code="destination.unreachable",
            error="backups.example.org refused the connection.",
        )


class VerificationFactory(JobFactory):
    class Meta:
        model = Verification

    backup = factory.SubFactory(BackupFactory, stored=True)
    level = Level.PROVED

    class Params:
        proved = factory.Trait(succeeded=True, reached=Level.PROVED, scratch_database="tovgov_proof_1")


class RestoreFactory(JobFactory):
    """A restore of a proved backup over its own target; ``done=True`` was swapped in and can be undone."""

    class Meta:
        model = Restore

    backup = factory.SubFactory(BackupFactory, proved=True)
    target = factory.SelfAttribute("backup.target")
    mode = RestoreMode.REPLACE
    reason = "The sync script emptied the tables at 02:10."

    class Params:
        done = factory.Trait(
            succeeded=True,
            proved_at=factory.LazyAttribute(lambda o: o.queued_at + timedelta(seconds=14)),
            swap=SwapState.SWAPPED,
            restored_oid=factory.SelfAttribute("target.database_oid"),
            swapped_at=factory.LazyAttribute(lambda o: o.queued_at + timedelta(seconds=15)),
            swap_milliseconds=34.8,
            rto_seconds=15.2,
            rpo_seconds=4_210.0,
            rows_before=0,
            rows_after=sum(PLAY_TABLES.values()),
            side_database="tovgov_side_1",
            kept_database="tovgov_former_1",
            kept_until=factory.LazyFunction(lambda: ago(days=-7)),
        )


class UndeleteFactory(JobFactory):
    """Deleted rows put back, or a dry run of it."""

    class Meta:
        model = Undelete

    target = factory.SubFactory(TargetFactory)
    reason = "A script deleted them at night."


class ApprovalFactory(DjangoModelFactory):
    """A request that waits for a second person."""

    class Meta:
        model = Approval

    action = "restore.replace"
    target = factory.SubFactory(TargetFactory, production=True)
    summary = factory.LazyAttribute(lambda o: f'Replace the database "{o.target.database}" of {o.target.name}.')
    fingerprint = factory.Sequence(lambda n: hashlib.sha256(str(n).encode()).hexdigest())
    reason = "The sync script emptied the tables at 02:10."
    asked_name = "alice"
    expires_at = factory.LazyFunction(lambda: ago(hours=-20))


class AlertFactory(DjangoModelFactory):
    class Meta:
        model = Alert

    kind = "backup.missed"
    fingerprint = factory.Sequence(lambda n: f"schedule-{n}")
    target = factory.SubFactory(TargetFactory)
    severity = Severity.WARNING
    title = factory.LazyAttribute(lambda o: f"{o.target}: the backup due at 06:00 UTC was not made.")
    hint = "Look whether the worker runs, then back up now."


class AlertEvidenceFactory(DjangoModelFactory):
    class Meta:
        model = AlertEvidence

    alert = factory.SubFactory(AlertFactory)
    kind = "deleteaudittransaction"
    object_id = factory.Sequence(lambda n: 900_000 + n)
    at = factory.LazyFunction(lambda: ago(minutes=12))
    line = "182 rows deleted from GameRequest by tovplay_admin"


class NotificationChannelFactory(DjangoModelFactory):
    """A channel that leads nowhere."""

    class Meta:
        model = NotificationChannel

    name = factory.Sequence(lambda n: f"Night watch {n}")
    url = "jsons://hooks.example.org/path"
    schema = "jsons"
    place = "JSON at hooks.example.org"


class DeliveryFactory(DjangoModelFactory):
    """A message that is not taken yet."""

    class Meta:
        model = Delivery

    alert = factory.SubFactory(AlertFactory)
    channel = factory.SubFactory(NotificationChannelFactory)
    channel_name = factory.SelfAttribute("channel.name")
    change = Change.OPENED
    number = 1
    title = factory.LazyAttribute(lambda o: f"[Warning] {o.alert.title}"[:255])
    body = "Look whether the worker runs, then back up now."
    severity = Severity.WARNING
    attempts = 2
    next_at = factory.LazyFunction(lambda: ago(minutes=-2))
    error = "There is no such host name."


class DeleteAuditTransactionFactory(DjangoModelFactory):
    """One row deleted by the application; ``DeleteAuditLogFactory`` is the row."""

    class Meta:
        model = DeleteAuditTransaction

    target = factory.SubFactory(TargetFactory)
    transaction = factory.Sequence(lambda n: 731 + n)
    incarnation = "7445190000000000000/16384"
    at = factory.LazyFunction(lambda: ago(minutes=12))
    last_at = factory.SelfAttribute("at")
    session_role = "tovplay_app"
    role_in_force = "tovplay_app"
    application_user = "dana"
    client_address = "10.0.0.7"
    application_name = "web"
    query = 'DELETE FROM "GameRequest" WHERE user_id = $1'
    tables = factory.LazyFunction(lambda: {"public.GameRequest": 1})
    row_count = 1


class DeleteAuditLogFactory(DjangoModelFactory):
    """One deleted row; ``masked=["email"]`` for one whose address was not kept."""

    class Meta:
        model = DeleteAuditLog

    of_transaction = factory.SubFactory(DeleteAuditTransactionFactory)
    target = factory.SelfAttribute("of_transaction.target")
    record = factory.Sequence(lambda n: 1 + n)
    position = 1
    at = factory.SelfAttribute("of_transaction.at")
    verb = "DELETE"
    table_oid = 16402
    table_schema = "public"
    table_name = "GameRequest"
    key = factory.Sequence(lambda n: json.dumps({"id": n}))
    row = factory.LazyAttribute(
        lambda o: json.dumps(json.loads(o.key or "{}") | {"name": "Dana Levi", "note": "Friday at nine"})
    )


class ConnectionAuditLogFactory(DjangoModelFactory):
    """A session of the application that a look at the sessions has seen."""

    class Meta:
        model = ConnectionAuditLog

    target = factory.SubFactory(TargetFactory)
    at = factory.LazyFunction(lambda: ago(minutes=3))
    source = "sample"
    pid = factory.Sequence(lambda n: 4000 + n)
    role = "tovplay_app"
    database = "TovPlay"
    client_address = "10.0.0.7"
    application_name = "web"
    tls = True


class LogFileFactory(DjangoModelFactory):
    """A file that was read to its end."""

    class Meta:
        model = LogFile

    identity = factory.Sequence(lambda n: f"2049:{n}")
    head = "5" * 64
    head_bytes = 1024
    name = "postgresql-Thu.csv"
    state = "read"


class KnownClientFactory(DjangoModelFactory):
    """An address that was learned."""

    class Meta:
        model = KnownClient

    target = factory.SubFactory(TargetFactory)
    part = "address"
    value = "10.0.0.7"
    state = "learned"
    times = 120
    days = 4
    first_at = factory.LazyFunction(lambda: ago(days=5))
    last_at = factory.LazyFunction(lambda: ago(minutes=3))


class ServerLogGroupFactory(DjangoModelFactory):
    """A role that was refused a table, twice."""

    class Meta:
        model = ServerLogGroup

    target = factory.SubFactory(TargetFactory)
    at = factory.LazyFunction(lambda: ago(hours=3))
    last_at = factory.SelfAttribute("at")
    day = factory.LazyAttribute(lambda one: one.at.date())
    kind = "privilege-denied"
    severity = LogSeverity.HIGH
    fingerprint = factory.Sequence(int)
    role = "reporting"
    title = "permission denied for table members"
    count = 2


class ConnectionGroupFactory(DjangoModelFactory):
    """The alike connections of a day."""

    class Meta:
        model = ConnectionGroup

    target = factory.SubFactory(TargetFactory)
    day = factory.LazyAttribute(lambda o: o.at.date())
    role = "tovplay_app"
    database = "TovPlay"
    client_address = "10.0.0.7"
    application_name = "web"
    at = factory.LazyFunction(lambda: ago(minutes=3))
    last_at = factory.SelfAttribute("at")
    count = 1


class ServerLogEntryFactory(DjangoModelFactory):
    """A statement of DDL, as a server logged it. Its source, file and group need not be there."""

    class Meta:
        model = ServerLogEntry

    target = factory.SubFactory(TargetFactory)
    source_id = 1
    file_id = 1
    of_group_id = 1
    leaf = factory.Sequence(lambda n: n)
    offset = factory.Sequence(lambda n: 100 * n)
    at = factory.LazyFunction(lambda: ago(minutes=3))
    level = "LOG"
    kind = "drop"
    severity = 40
    role = "tovplay_admin"
    database = "TovPlay"
    address = "10.0.0.99"
    message = 'statement: DROP TABLE "GameRequest"'
    query = 'DROP TABLE "GameRequest"'


class GroupedLogEntryFactory(DjangoModelFactory):
    """One record of a server log, with its group, source and file."""

    class Meta:
        model = ServerLogEntry

    of_group = factory.SubFactory(ServerLogGroupFactory)
    target = factory.SelfAttribute("of_group.target")
    source = factory.SubFactory("tests.factories.ImportSourceFactory", target=factory.SelfAttribute("..target"),
                                kind="folder", name=factory.Sequence(lambda n: f"log {n}"))  # fmt: skip
    file = factory.SubFactory("tests.factories.LogFileFactory", source=factory.SelfAttribute("..source"))
    leaf = factory.Sequence(lambda n: n)
    offset = factory.Sequence(lambda n: 200 * n)
    at = factory.SelfAttribute("of_group.at")
    level = "ERROR"
    sqlstate = "40P01"
    kind = factory.SelfAttribute("of_group.kind")
    severity = factory.SelfAttribute("of_group.severity")
    pid = 4711
    session = "69b2.1267"
    line = 4
    role = factory.SelfAttribute("of_group.role")
    database = "TovPlay"
    address = "10.0.0.7"
    application = "web"
    message = factory.SelfAttribute("of_group.title")


class MaintenanceWindowFactory(DjangoModelFactory):
    class Meta:
        model = MaintenanceWindow

    target = factory.SubFactory(TargetFactory)
    rules = factory.LazyFunction(lambda: ["ddl_guard"])
    reason = "The migration of June."
    minutes = 60
    opened_by = "alice"
    closes_at = factory.LazyFunction(lambda: ago(minutes=-50))


class IncidentFactory(DjangoModelFactory):
    class Meta:
        model = Incident

    number = factory.Sequence(lambda n: n + 1_000)
    target = factory.SubFactory(TargetFactory)
    title = "Users deleted at night by a script"
    opened_by = "alice"
    detected_at = factory.LazyFunction(lambda: ago(hours=1))


class ImportSourceFactory(DjangoModelFactory):
    """A delete log that was read to its end a moment ago."""

    class Meta:
        model = ImportSource

    target = factory.SubFactory(TargetFactory)
    kind = "deletions"
    incarnation = factory.LazyAttribute(lambda o: f"{o.target.system_identifier}/{o.target.database_oid}/1")
    looked_at = factory.LazyFunction(lambda: ago(seconds=30))
    lag_seconds = 0.0


class AuditImportFactory(JobFactory):
    """An import; ``sealed=True`` brought three rows and is in the ledger."""

    class Meta:
        model = AuditImport

    source = factory.SubFactory(ImportSourceFactory)

    class Params:
        sealed = factory.Trait(
            records=2,
            rows=3,
            first_at=factory.LazyFunction(lambda: ago(minutes=2)),
            last_at=factory.LazyFunction(lambda: ago(minutes=1)),
            first_leaf=0,
            last_leaf=2,
            seal="5" * 64,
            sealed_at=factory.LazyFunction(lambda: ago(seconds=40)),
        )


class DeleteCountFactory(DjangoModelFactory):
    """A sample in which counted and captured deletes are the same."""

    class Meta:
        model = DeleteCount

    target = factory.SubFactory(TargetFactory)
    table_oid = factory.Sequence(lambda n: 16400 + n)
    table = "public.GameRequest"
    at = factory.LazyFunction(lambda: ago(minutes=10))
    since = factory.LazyFunction(lambda: ago(minutes=11))
    counted = 182
    captured = 182
    rollbacks = 0
