"""One whole incident for looking at its page: a night, its loss, its proof, its timeline and its story."""

from __future__ import annotations

from audit import incidents, losses, timeline
from audit.actors import Actor
from audit.models import Incident, IncidentKind, LossCount, Severity
from tests import factories
from tests.cast import Cast
from tests.factories import PLAY_TABLES, ago

STORY = {
    "summary": "The **sync script** ran against production and emptied three tables.",
    "impact": "Nobody could find a game for *50 minutes*.",
    "root_causes": "- The script takes its database from an old file\n- Its role may do all\n\n```\nsync --all\n```",
    "went_well": "The deletes were captured.\n\n| who | when |\n|---|---|\n| alarm | 02:12 |",
}


def build(people: Cast) -> Incident:
    """A data loss of last night, mitigated, with a proof, a pinned and a hidden line."""
    alice = Actor.person(people.alice, "scenery")
    target = factories.TargetFactory(
        name="TovPlay night", production=True, rto_goal_minutes=180, rpo_goal_minutes=30, database="TovPlay"
    )
    backup = factories.BackupFactory(target=target, proved=True, queued_at=ago(hours=9))
    row = incidents.open_incident(
        "Three tables emptied by the sync script", target=target, actor=alice, kind=IncidentKind.DATA_LOSS,
        severity=Severity.CRITICAL, began_at=ago(hours=6), detected_at=ago(hours=5), reason="The phone rang.",
    )  # fmt: skip
    _night(row)
    incidents.investigate(row, actor=alice, note="I read the server's log.")
    counts = {f"public.{name}": rows for name, rows in (PLAY_TABLES | {"User": 0, "Game": 0, "GameRequest": 0}).items()}
    LossCount.objects.create(
        incident=row, state="succeeded", started_at=ago(hours=4), finished_at=ago(hours=4), counted_at=ago(hours=4),
        counts=counts, asked_name="alice", log="02:30:01 Count the target\n02:30:02 Compute",
    )  # fmt: skip
    losses.compute(row, actor=alice)
    proof = {
        "holds": True,
        "tables": [{"schema": "public", "name": n, "found_rows": r} for n, r in PLAY_TABLES.items()],
    }
    restore = factories.RestoreFactory(backup=backup, done=True, queued_at=ago(hours=3), proof=proof)
    losses.prove(row, restore, actor=alice)
    incidents.tell(row, STORY, version=row.version, actor=alice, causes=["script", "rights"])
    timeline.assemble(row)
    timeline.pin(row.lines.filter(kind="delete")[0], actor=alice)
    timeline.hide(row.lines.filter(kind="connection")[0], actor=alice, reason="That was our own monitoring.")
    timeline.add(row, "The support phone rang: nobody can sign in.", actor=alice, at=ago(hours=5.1))
    return row


def _night(row: Incident) -> None:
    """What the logs tell of it."""
    target = row.target
    for table, rows in (("Game", 12), ("User", 23), ("GameRequest", 182)):
        factories.DeleteAuditTransactionFactory(
            target=target, at=ago(hours=5.9), tables={f"public.{table}": rows}, row_count=rows,
            session_role="tovplay_admin", application_user="", client_address="10.0.0.99", application_name="sync",
        )  # fmt: skip
    group = factories.ConnectionGroupFactory(target=target, outcome="failed password", at=ago(hours=5.95))
    factories.ConnectionAuditLogFactory(target=target, of_group=group, outcome="failed password", at=ago(hours=5.95))
    drop = factories.ServerLogGroupFactory(target=target, kind="drop", severity=40, at=ago(hours=5.8))
    factories.GroupedLogEntryFactory(of_group=drop, message="statement: DROP TABLE " + "old_users, " * 30)
    alert = factories.AlertFactory(
        target=target, incident=row, kind="anomaly.whole-table-delete", severity=Severity.CRITICAL,
        title="TovPlay night: every row of 3 tables was deleted.",
    )  # fmt: skip
    factories.AlertEvidenceFactory(alert=alert, at=ago(hours=5.9), line="182 rows deleted from GameRequest")
