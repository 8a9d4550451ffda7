"""A day in the life of tovgov, for pictures and for looking at every page: invented people, example.org."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from audit import ledger
from audit.actors import Actor
from audit.anomalies import configure
from audit.models import (
    AnomalyFiring,
    DeleteAuditTransaction,
    Environment,
    Export,
    JobState,
    LedgerEntry,
    MaintenanceWindow,
    Protection,
    ProtectionRun,
    ReviewEvent,
    ReviewState,
    RunKind,
    SavedFilter,
    Severity,
    Target,
)
from audit.protection import policies
from backups.models import Backup, BackupKind, Level
from tests import cast, factories
from tests.browser import answer_scenery, papers, seal_scenery
from tests.factories import ago


def build() -> cast.Cast:
    """Four people, five targets in different trouble, their backups, restores, approvals and alerts."""
    people = cast.gather()
    places = [
        factories.DestinationFactory(name="Rack 2", settings={"folder": "/srv/tovgov/backups"}),
        factories.DestinationFactory(
            name="Bucket Frankfurt", kind="s3", settings={"bucket": "tovplay-backups", "region": "eu-central-1"}
        ),
        factories.DestinationFactory(
            name="Cellar", kind="sftp", settings={"host": "cellar.example.org", "user": "tovgov", "folder": "/backups"}
        ),
    ]
    production = _target("TovPlay production", Environment.PRODUCTION, "TovPlay", places, growing=41_200_000)
    _target("TovPlay staging", Environment.STAGING, "TovPlay_staging", places[:2], growing=12_900_000)
    ledgerbook = _target("Ledgerbook", Environment.PRODUCTION, "ledgerbook", places, growing=7_430_000_000)
    Target.objects.filter(pk=ledgerbook.pk).update(
        check_error_code="target.database_missing",
        check_error='There is no database named "ledgerbook".',
        checked_at=ago(minutes=3),
    )
    factories.AlertFactory(
        target=ledgerbook,
        kind="target.identity",
        severity=Severity.CRITICAL,
        title='Ledgerbook: There is no database named "ledgerbook".',
        hint="Names are exact: TovPlay is not tovplay. If it was there yesterday, it was dropped: open Recover.",
        times=4,
    )
    scratch = factories.TargetFactory(name="Scratch", environment=Environment.SCRATCH, database="scratch", fresh=True)
    shop = _target("Shop development", Environment.DEVELOPMENT, "shop", places[:1], growing=88_000_000, proved=False)
    factories.AlertFactory(
        target=shop, title="Shop development: the backup due at 06:00 UTC was not made.", opened_at=ago(hours=2)
    )
    factories.CredentialFactory(target=production, user="tovplay_backup", purpose="backup")
    factories.CredentialFactory(target=production, user="tovplay_admin", purpose="operate")
    factories.SentinelTableFactory(target=production, table="User", least_rows=20)
    factories.PreflightFactory(target=production, lines=_preflight())
    factories.RetentionPolicyFactory(target=production, max_age_days=400)
    _jobs(production, places)
    _approvals(production, people)
    _history(people, production, scratch)
    _protection(production)
    _deletes(production, people)
    _imports(production)
    _alerts(production)
    answer_scenery.build(people, production)
    return people


def _alerts(target: Target) -> None:
    """One with evidence in an incident, told on two channels; one that is silenced."""
    night = DeleteAuditTransaction.objects.get(state="suspicious")
    burst = factories.AlertFactory(
        target=target,
        kind="anomaly.delete-burst",
        severity=Severity.CRITICAL,
        title="TovPlay production: 1,204 rows were deleted by tovplay_admin within 10 minutes.",
        cited=24,
        incident=night.incident,
    )
    configure.ensure(target)
    at = {"first_at": night.at, "last_at": night.at}
    AnomalyFiring.objects.create(
        target=target, rule="delete-burst", key="tovplay_admin", count=24, weight=1204, alert=burst, **at
    )
    factories.AlertEvidenceFactory(alert=burst, object_id=night.pk)
    factories.AlertEvidenceFactory(alert=burst)
    factories.AlertFactory(
        target=target, silenced_until=ago(hours=-3), silenced_by="alice", silenced_why="We move house."
    )
    factories.NotificationChannelFactory(tested_at=ago(hours=1), test_error="There is no such host name.")
    channel = factories.NotificationChannelFactory(tested_at=ago(hours=2))
    factories.DeliveryFactory(alert=burst, channel=channel)
    factories.DeliveryFactory(alert=burst, state="failed", attempts=10)


def _imports(target: Target) -> None:
    """A log that is read, an import of it, and deletes that nobody captured."""
    source = factories.ImportSourceFactory(target=target)
    factories.AuditImportFactory(source=source, succeeded=True, sealed=True)
    seal_scenery.build(source)
    folder = factories.ImportSourceFactory(
        target=target, kind="folder", settings={"folder": "/var/log/postgresql", "patterns": ["*.csv"]}, keep_days=90
    )
    factories.AuditImportFactory(source=folder, succeeded=True)
    factories.ImportSourceFactory(
        target=target, kind="sql", error_code="target.rights_missing",
        error="The role may not list the server's log folder.",
    )  # fmt: skip
    factories.ImportSourceFactory(target=target, kind="sent", is_active=False)
    for is_certain in (True, False):
        factories.DeleteCountFactory(target=target, surplus=7, is_certain=is_certain)


def _logs(target: Target) -> None:
    """Logins, a guess, a log line of each severity; one group in its review; clients that were learned."""
    for number, outcome in enumerate(("accepted", "failed password", "unknown role")):
        group = factories.ConnectionGroupFactory(target=target, outcome=outcome, at=ago(minutes=20 + number))
        factories.ConnectionAuditLogFactory(
            target=target, of_group=group, outcome=outcome, at=group.at, source="server log",
            reason="" if outcome == "accepted" else 'password authentication failed for user "tovplay_app"',
        )  # fmt: skip
    factories.ConnectionGroupFactory(target=target, role="known", new=[], is_noise=True)
    for severity in (10, 20, 30, 40, 50):
        lines = factories.ServerLogGroupFactory(
            target=target, severity=severity, at=ago(minutes=15), is_noise=severity < 30
        )
        factories.GroupedLogEntryFactory(of_group=lines, detail="DETAIL " * 20, more='{"hint":"Look at the log."}')
    for number, state in enumerate(("seen", "learned", "confirmed", "refused")):
        factories.KnownClientFactory(target=target, state=state, value=f"10.0.0.{number}")


def _undeletes(night: DeleteAuditTransaction) -> None:
    """A dry run that met another row, then one that met none, and the rows put back."""
    differs = {"column": "email", "deleted": '"dan@example.org"', "live": '"imposter@example.org"'}
    taken: dict[str, Any] = {
        "code": "key_taken",
        "table": "public.GameRequest",
        "sentence": "1 rows have a key that another row has now.",
        "rows": 1,
        "examples": [{"log": 1, "columns": [differs]}],
    }
    table: dict[str, Any] = {
        "table": "public.GameRequest",
        "into": "public.GameRequest",
        "rows": 3,
        "put": 3,
        "there": 0,
        "statement": 'INSERT INTO "public"."GameRequest" ("id", "email") OVERRIDING SYSTEM VALUE\nSELECT r."id"',
        "sha256": "0" * 64,
        "findings": [taken | {"code": "identity", "sentence": "id keeps its number.", "examples": []}],
    }
    moves = [{"sequence": '"public"."GameRequest_id_seq"', "before": 4, "now": 182}]
    plan = {"tables": [table], "rows": 3, "put": 3, "there": 0, "deferred": [], "sequences": moves, "refusals": []}
    met = {"tables": [table | {"put": 2, "findings": [taken]}], "put": 2, "refusals": [taken]}
    for dry, shown in ((True, plan | met), (True, plan), (False, plan)):
        undelete = factories.UndeleteFactory(target=night.target, dry_run=dry, plan=shown, succeeded=True)
        undelete.transactions.add(night)


def _deletes(target: Target, people: cast.Cast) -> None:
    """A script's night, in an incident; the application's own clean-up; one in Alice's hands; an export."""
    incident = factories.IncidentFactory(target=target, title="Requests deleted at night by a script")
    night = factories.DeleteAuditTransactionFactory(
        target=target,
        at=ago(days=4),
        session_role="tovplay_admin",
        application_user="",
        client_address="10.0.0.99",
        application_name="psql",
        query='DELETE FROM "GameRequest" WHERE created_at < now();\nDELETE FROM "UserNotifications"',
        tables={"public.GameRequest": 2, "public.UserNotifications": 1},
        row_count=3,
        state=ReviewState.SUSPICIOUS,
        incident=incident,
        decided_by="alice",
        decided_user=people.alice,
        decided_at=ago(hours=3),
        assignee=people.alice,
        assignee_name="alice",
    )
    kind = {"kind": "deleteaudittransaction", "object_id": night.pk, "who": "alice"}
    ReviewEvent.objects.create(act="take", from_state="unreviewed", to_state="in review", **kind)
    note = "Nobody of us ran this.\nThe address is the old build machine."
    ReviewEvent.objects.create(act="suspect", from_state="in review", to_state="suspicious", note=note, **kind)
    for number in range(3):
        factories.DeleteAuditLogFactory(of_transaction=night, position=number + 1, masked=["email"] if number else [])
    _undeletes(night)
    papers.build(incident)
    _logs(target)
    for minutes in (12, 90, 7200):
        one = factories.DeleteAuditTransactionFactory(target=target, at=ago(minutes=minutes))
        factories.DeleteAuditLogFactory(of_transaction=one)
    factories.DeleteAuditTransactionFactory(
        target=target, at=ago(hours=5), state=ReviewState.IN_REVIEW, assignee=people.miriam, assignee_name="miriam"
    )
    deletes = {"page": "audit_deleteaudittransaction"}
    shared = {"query": "state=unreviewed", "owner": people.alice, "is_shared": True}
    SavedFilter.objects.create(name="Old and unreviewed", **shared, **deletes)
    SavedFilter.objects.create(name="Mine", query="assignee=miriam", owner=people.miriam, **deletes)
    Export.objects.create(
        page="audit_deleteauditlog",
        query="table=GameRequest",
        format="csv",
        state=JobState.SUCCEEDED,
        started_at=ago(minutes=30),
        finished_at=ago(minutes=29),
        asked_name="alice",
        asked_by=people.alice,
        rows=1_204_331,
        bytes=301_000_000,
        sha256="5e1f" * 16,
        path="made-up.csv",
        expires_at=ago(days=-6),
    )


def _protection(target: Target) -> None:
    """A policy installed, one object altered since, a plan that mends it, and a window that was."""
    policies.ensure_policies()
    policy = policies.find("standard")
    step = {
        "rule": "ddl_guard",
        "title": "Guard against DROP",
        "statements": ["CREATE EVENT TRIGGER …"],
        "locks": "none that others wait for",
        "effect": "No role can DROP a protected table outside of a maintenance window.",
        "needs": "superuser",
        "roles": [],
    }
    plan = {"fingerprint": "f" * 64, "steps": [step], "blocked": [], "missing": [], "promises": []}
    finding = {"rule": "ddl_guard", "object": "event trigger tovgov_guard_drop", "hint": "Find out who did it."}
    Protection.objects.create(
        target=target,
        policy=policy,
        installed_at=ago(days=9),
        installed_by="miriam",
        findings=[finding | {"status": "ALTERED", "detail": "It is disabled."}],
        verified_at=ago(minutes=1),
        planned_policy=policy,
        plan=plan,
        planned_at=ago(minutes=2),
        planned_by="miriam",
    )
    ProtectionRun.objects.create(
        target=target,
        policy=policy,
        kind=RunKind.INSTALL,
        plan=plan,
        state=JobState.SUCCEEDED,
        started_at=ago(days=9),
        finished_at=ago(days=9),
        asked_name="miriam",
    )
    MaintenanceWindow.objects.create(
        target=target,
        rules=["ddl_guard"],
        reason="Release 4.2 adds a column.",
        minutes=15,
        opened_by="miriam",
        closes_at=timezone.now() + timedelta(minutes=15),
        closed_at=timezone.now(),
        closed_by="miriam",
        relocked_at=timezone.now(),
        ddl=[{"at": "", "tag": "ALTER TABLE", "object": "table public.User", "role": "owner", "query": "ALTER …"}],
    )


def _target(
    name: str, environment: str, database: str, places: list[Any], *, growing: int, proved: bool = True
) -> Target:
    target = factories.TargetFactory(name=name, environment=environment, database=database)
    luck = random.Random(name)  # only a picture
    size = growing * 0.82
    for back in range(16, 0, -1):
        size *= 1 + luck.uniform(-0.004, 0.03)
        level = {"proved": True} if proved and back % 2 else {"stored": True}
        backup = factories.BackupFactory(
            target=target,
            kind=BackupKind.SCHEDULED,
            queued_at=ago(hours=6 * back - 4),
            database_bytes=int(size),
            dump_bytes=int(size * 0.61),
            stored_bytes=int(size * 0.19),
            **level,
        )
        for place in places:
            broken = back == 1 and place is places[-1] and len(places) == 3 and environment == Environment.PRODUCTION
            factories.BackupCopyFactory(backup=backup, destination=place, broken=broken)
    if proved:
        factories.ScheduleFactory(target=target)
    return target


def _preflight() -> list[dict[str, str]]:
    lines = [
        ("Reachable", "PASS", "db.example.org:5432 answered in 3 ms.", ""),
        ("Encrypted connection", "PASS", "TLSv1.3, certificate valid until 14 Feb 2027.", ""),
        ("Database", "PASS", 'It is "TovPlay", number 16384, as pinned.', ""),
        (
            "Rights of tovplay_backup",
            "FAIL",
            "No rights on large objects.",
            "GRANT pg_read_all_data TO …;",
        ),
        ("Client tools", "PASS", "pg_dump 18.4 reads this server (16.14).", ""),
        ("Free disk", "UNKNOWN", "The role may not ask.", "Grant pg_read_server_files, or look on the server."),
        ("Clock", "PASS", "0.2 s apart.", ""),
    ]
    return [dict(zip(("check", "status", "detail", "hint"), line, strict=True)) for line in lines]


def _jobs(target: Target, places: list[Any]) -> None:
    began = ago(seconds=21)
    running = factories.BackupFactory(
        target=target,
        running=True,
        started_at=ago(seconds=22),
        phase="Dump",
        unit="bytes",
        done=412_000_000,
        total=1_030_000_000,
        phases=[
            factories.phase("Snapshot", ago(seconds=22), 0.052),
            factories.phase("Count and hash", ago(seconds=22), 0.911),
            factories.phase("Dump", began, None),
        ],
        log="\n".join(
            [
                f"{began:%H:%M:%S} Snapshot",
                f"{began:%H:%M:%S} exported 00000003-0000001B-1",
                f"{began:%H:%M:%S} Count and hash",
                f"{began:%H:%M:%S} 11 tables, 542 rows",
                f"{began:%H:%M:%S} Dump",
                f'{began:%H:%M:%S} pg_dump: dumping contents of table "public.GameRequest"',
            ]
        ),
    )
    assert running.pk
    proved = Backup.objects.filter(target=target, level=Level.PROVED).order_by("-snapshot_at").first()
    factories.VerificationFactory(backup=proved, proved=True, queued_at=ago(hours=1))
    factories.VerificationFactory(backup=proved, failed=True, queued_at=ago(hours=30), error_code="copy.damaged",
        error="The copy in Cellar is 4,096 bytes shorter than what was stored.",
        hint="Use another copy; keep the damaged one for the question of who or what changed it.")  # fmt: skip
    factories.RestoreFactory(backup=proved, target=target, done=True, queued_at=ago(days=2))
    failed = factories.BackupFactory(target=target, failed=True, queued_at=ago(days=6), phases=[
        factories.phase("Snapshot", ago(days=6), 0.05), factories.phase("Dump", ago(days=6), 7.2)])  # fmt: skip
    assert failed.pk


def _approvals(target: Target, people: cast.Cast) -> None:
    lost = [("GameRequest", 182, 182, 0), ("User", 23, 23, 0), ("UserNotifications", 140, 111, 29)]
    factories.ApprovalFactory(
        target=target,
        asked_by=people.alice,
        summary='Replace the database "TovPlay" of TovPlay production with the backup of 06:00 UTC.',
        detail={
            "backup": "TovPlay, 20 Nov 2026 06:00 UTC, proved",
            "rows_lost": 29,
            "tables": [dict(zip(("table", "live", "backup", "lost"), row, strict=True)) for row in lost],
        },
    )


def _history(people: cast.Cast, target: Target, scratch: Target) -> None:
    ledger.append("target.add", actor=Actor.person(people.miriam, "admin 10.0.0.4"), obj=target, target=target)
    ledger.append("target.pin", actor=Actor.person(people.alice, "admin 10.0.0.7"), obj=target, target=target,
        now={"oid": target.database_oid, "system_identifier": target.system_identifier})  # fmt: skip
    for backup in Backup.objects.filter(target=target).order_by("queued_at")[:12]:
        ledger.append("backup.succeeded", actor=Actor.system("worker"), obj=backup, target=target)
    ledger.append("approval.request", actor=Actor.person(people.alice, "admin 10.0.0.7"), obj=scratch, target=target,
        reason="The sync script emptied the tables at 02:10.")  # fmt: skip
    assert LedgerEntry.objects.count()
    User.objects.update(last_login=timezone.now())
