"""The loss of an incident from what is known: backup, captured deletes, counts; what is unknown stays unknown; proofs
that prove, and each that does not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from audit import incidents, losses, tasks
from audit.actors import Actor
from audit.exceptions import (
    IncidentClosed,
    LossRunning,
    LossTimeless,
    NoSuchProof,
    NotPermitted,
    ProofDry,
    ProofNotPassed,
    ProofOfAnother,
    ProofTooEarly,
    ProofTooYoung,
    ProofUndone,
)
from audit.models import Incident, IncidentKind, LedgerEntry, LossCount
from backups.models import Restore
from tests import factories
from tests.factories import PLAY_TABLES, ago

pytestmark = pytest.mark.django_db

BEGAN = timedelta(hours=3)


def one(**more: Any) -> Incident:
    """An incident that began three hours ago, with a proved backup of an hour before."""
    target = more.pop("target", None) or factories.TargetFactory()
    factories.BackupFactory(target=target, proved=True, queued_at=ago(hours=4))
    row: Incident = factories.IncidentFactory(target=target, began_at=ago(hours=3), kind=IncidentKind.DATA_LOSS, **more)
    return row


def deleted(row: Incident, rows: int, table: str = "public.GameRequest", **more: Any) -> None:
    more = {"at": ago(hours=2.5), "target": row.target} | more
    factories.DeleteAuditTransactionFactory(tables={table: rows}, row_count=rows, **more)


def counted(row: Incident, **counts: int) -> None:
    """A finished count of the live target, with these tables changed."""
    tables = {f"public.{name}": rows for name, rows in (PLAY_TABLES | counts).items()}
    LossCount.objects.create(
        incident=row, state="succeeded", finished_at=ago(hours=2), counted_at=ago(hours=2), counts=tables
    )


def line(row: Incident, table: str = "public.GameRequest") -> tuple[int | None, ...]:
    found = row.losses.get(table=table)
    return found.rows_before, found.rows_after, found.lost, found.captured, found.returned


def restored(row: Incident, **more: Any) -> Restore:
    """A restore of the backup of before, in service two hours ago."""
    assert row.target is not None
    backup = row.target.backups.order_by("snapshot_at").first()  # type: ignore[attr-defined]
    comparison = [{"schema": "public", "name": name, "live": 0} for name in PLAY_TABLES]
    tables = [{"schema": "public", "name": name, "found_rows": rows} for name, rows in PLAY_TABLES.items()]
    facts = {"done": True, "queued_at": ago(hours=2), "comparison": comparison, "backup": backup}
    facts |= {"proof": {"holds": True, "tables": tables}}
    made: Restore = factories.RestoreFactory(**facts | more)
    return made


# --- the loss --------------------------------------------------------------------------------------------------------


def test_counts_before_and_after_say_what_is_missing(asker: Actor) -> None:
    row = one()
    counted(row, GameRequest=100, User=23)
    losses.compute(row, actor=asker)
    assert line(row) == (182, 100, 82, 0, 0)
    assert line(row, "public.User") == (23, 23, 0, 0, 0)
    assert (row.lost_rows, row.returned_rows, row.loss_basis["at_least"]) == (82, 0, False)
    assert row.lost_seconds == pytest.approx(3598, abs=5)


def test_captured_deletes_count_when_they_are_more(asker: Actor) -> None:
    row = one()
    counted(row, GameRequest=170)
    deleted(row, 30)
    losses.compute(row, actor=asker)
    assert line(row) == (182, 170, 30, 30, 0)
    assert row.lost_seconds == 0.0, "each lost row was captured"


def test_rows_that_were_found_missing_count_though_new_ones_hide_them(asker: Actor) -> None:
    row = one()
    counted(row, GameRequest=160)  # 45 of 182 are gone, 23 were written since
    losses.compute(row, actor=asker)
    assert line(row) == (182, 160, 22, 0, 0)
    plan = {"tables": [{"table": '"public"."GameRequest"', "schema": "public", "name": "GameRequest", "inserted": 45}]}
    merged = restored(row, mode="merge", plan=plan, comparison=[], proof={})
    losses.prove(row, merged, actor=asker)
    assert line(row) == (182, 160, 45, 0, 45)


def test_what_nobody_counted_stays_unknown_and_is_never_nothing(asker: Actor) -> None:
    row = one()
    losses.compute(row, actor=asker)
    assert line(row) == (182, None, None, 0, 0)
    assert (row.lost_rows, row.returned_rows) == (None, None)
    assert "nobody has counted" in " ".join(row.loss_basis["words"])
    deleted(row, 30)
    losses.compute(row, actor=asker)
    assert line(row) == (182, None, 30, 30, 0)
    assert (row.lost_rows, row.loss_basis["at_least"]) == (30, True)


def test_without_a_proved_backup_captured_deletes_are_all_that_is_known(asker: Actor) -> None:
    row: Incident = factories.IncidentFactory(began_at=ago(hours=3))
    losses.compute(row, actor=asker)
    assert (row.lost_rows, row.lost_seconds, row.losses.count()) == (None, None, 0)
    deleted(row, 7)
    losses.compute(row, actor=asker)
    assert line(row) == (None, None, 7, 7, 0)
    assert row.lost_rows == 7


def test_a_backup_that_is_only_readable_or_younger_than_the_impact_says_nothing(asker: Actor) -> None:
    row: Incident = factories.IncidentFactory(began_at=ago(hours=3))
    factories.BackupFactory(target=row.target, readable=True, queued_at=ago(hours=4))
    factories.BackupFactory(target=row.target, proved=True, queued_at=ago(hours=2))
    losses.compute(row, actor=asker)
    assert "No proved backup" in row.loss_basis["words"][0]


def test_deletes_reviewed_as_right_or_of_another_incident_are_left_out_and_that_is_said(asker: Actor) -> None:
    row = one()
    counted(row)
    deleted(row, 5, state="accepted")
    deleted(row, 6, state="suspicious", incident=factories.IncidentFactory())
    deleted(row, 7, at=ago(hours=3.5))
    losses.compute(row, actor=asker)
    assert (row.lost_rows, line(row)[2]) == (0, 0)
    assert any("11 other deletes are not counted" in words for words in row.loss_basis["words"])


def test_a_database_that_is_gone_has_lost_all(asker: Actor) -> None:
    row = one()
    LossCount.objects.create(
        incident=row, state="succeeded", finished_at=ago(hours=2), counted_at=ago(hours=2), is_missing=True
    )
    losses.compute(row, actor=asker)
    assert row.lost_rows == sum(PLAY_TABLES.values())
    assert "no such database" in row.loss_basis["words"][1]


def test_what_a_restore_counted_before_it_acted_is_what_was_left(asker: Actor) -> None:
    row = one()
    restored(row)
    counted(row)  # of later: the restored target
    losses.compute(row, actor=asker)
    assert line(row) == (182, 0, 182, 0, 182)
    assert row.returned_rows == row.lost_rows == sum(PLAY_TABLES.values())


def test_partitions_are_summed_under_their_table(asker: Actor) -> None:
    row = one()
    tables = {f"public.{name}": rows for name, rows in PLAY_TABLES.items()} | {"public.User": 20}
    LossCount.objects.create(
        incident=row, state="succeeded", finished_at=ago(hours=2), counted_at=ago(hours=2), counts=tables,
        roots={"public.User": "public.People", "public.Game": "public.People"},
    )  # fmt: skip
    deleted(row, 3, "public.People")
    losses.compute(row, actor=asker)
    assert line(row, "public.People") == (35, 32, 3, 3, 0)
    assert row.lost_rows == 3


def test_dropped_and_truncated_in_the_log_stand_in_the_basis(asker: Actor) -> None:
    row = one()
    group = factories.ServerLogGroupFactory(target=row.target, kind="truncate", severity=40, at=ago(hours=2.9))
    factories.GroupedLogEntryFactory(of_group=group, message="statement: TRUNCATE users")
    losses.compute(row, actor=asker)
    assert any("TRUNCATE users" in words for words in row.loss_basis["words"])


@pytest.mark.django_db(transaction=True)
def test_a_target_that_is_out_of_use_is_not_connected_to(asker: Actor) -> None:
    row = one(target=factories.TargetFactory(is_active=False))
    deleted(row, 4)
    job = losses.request(row, actor=asker)
    tasks.count_loss(job.pk)
    row.refresh_from_db()
    job.refresh_from_db()
    assert (job.state, row.lost_rows, row.loss_basis["at_least"]) == ("succeeded", 4, True)
    assert "not in use any more" in " ".join(row.loss_basis["words"])


def test_nobody_computes_without_a_beginning(asker: Actor) -> None:
    row: Incident = factories.IncidentFactory(began_at=None)
    for act in (losses.compute, losses.request):
        with pytest.raises(LossTimeless):
            act(row, actor=asker)


def test_one_computation_at_a_time(asker: Actor) -> None:
    row = one()
    losses.request(row, actor=asker)
    with pytest.raises(LossRunning):
        losses.request(row, actor=asker)


def test_an_auditor_computes_and_links_nothing(auditor: Actor) -> None:
    row = one()
    restore = restored(row)
    for act in (losses.compute, losses.request):
        with pytest.raises(NotPermitted):
            act(row, actor=auditor)
    with pytest.raises(NotPermitted):
        losses.prove(row, restore, actor=auditor)


# --- proofs ----------------------------------------------------------------------------------------------------------


def test_a_restore_that_passed_proves_it_and_the_incident_is_resolved(asker: Actor) -> None:
    row = one()
    restore = restored(row)
    assert [found.row for found in losses.proofs(row)] == [restore]
    losses.prove(row, restore, actor=asker)
    assert (row.proof_kind, row.proof_id, row.is_answered) == ("backups.Restore", restore.pk, True)
    assert row.rto_seconds == pytest.approx(3615, abs=5)
    assert row.rpo_seconds == row.lost_seconds == pytest.approx(3598, abs=5)
    assert row.returned_rows == sum(PLAY_TABLES.values())
    assert "proved equal to the backup" in row.proof_line
    incidents.resolve(row, actor=asker, note="All rows are back.")
    told = LedgerEntry.objects.get(action="incident.prove")
    assert told.detail["id"] == restore.pk


def test_goals_are_met_missed_or_none(asker: Actor) -> None:
    row = one(target=factories.TargetFactory(rto_goal_minutes=90, rpo_goal_minutes=10))
    assert [goal.verdict for goal in losses.goals(row)] == ["not known yet", "not known yet"]
    losses.prove(row, restored(row), actor=asker)
    assert [goal.verdict for goal in losses.goals(row)] == ["met", "missed"]
    other = one()
    assert [goal.verdict for goal in losses.goals(other)] == ["no goal", "no goal"]


def test_a_committed_undelete_proves_it(asker: Actor) -> None:
    row = one()
    deleted(row, 30)
    counted(row, GameRequest=152)
    plan = {"tables": [{"table": "public.GameRequest", "into": "public.GameRequest", "rows": 30, "put": 30}]}
    undelete = factories.UndeleteFactory(
        target=row.target, succeeded=True, outcome="committed", plan=plan, queued_at=ago(hours=1)
    )
    losses.prove(row, undelete, actor=asker)
    assert line(row) == (182, 152, 30, 30, 30)
    assert (row.rpo_seconds, row.lost_seconds, row.returned_rows) == (0.0, 0.0, 30)


def test_a_failed_comparison_is_no_proof(asker: Actor) -> None:
    row = one()
    restore = restored(row, proof={"holds": False, "tables": []})
    with pytest.raises(ProofNotPassed):
        losses.prove(row, restore, actor=asker)
    failed = factories.UndeleteFactory(target=row.target, failed=True, queued_at=ago(hours=1))
    with pytest.raises(ProofNotPassed):
        losses.prove(row, failed, actor=asker)
    assert losses.proofs(row) == []


def test_a_restore_of_another_target_is_no_proof(asker: Actor) -> None:
    row, other = one(), one()
    with pytest.raises(ProofOfAnother):
        losses.prove(row, restored(other), actor=asker)


def test_a_copy_of_another_targets_backup_is_no_proof(asker: Actor) -> None:
    row, other = one(), one()
    restore = restored(other, target=row.target, mode="copy")
    with pytest.raises(ProofOfAnother):
        losses.prove(row, restore, actor=asker)


def test_a_dry_run_is_no_proof(asker: Actor) -> None:
    row = one()
    merge = restored(row, mode="merge", dry_run=True, swap="none", swapped_at=None)
    with pytest.raises(ProofDry):
        losses.prove(row, merge, actor=asker)


def test_what_was_undone_is_no_proof(asker: Actor) -> None:
    row = one()
    with pytest.raises(ProofUndone):
        losses.prove(row, restored(row, swap="undone"), actor=asker)


def test_what_ended_before_the_impact_is_no_proof(asker: Actor) -> None:
    row = one()
    backup = factories.BackupFactory(target=row.target, proved=True, queued_at=ago(hours=9))
    with pytest.raises(ProofTooEarly):
        losses.prove(row, restored(row, backup=backup, queued_at=ago(hours=5)), actor=asker)


def test_a_backup_of_after_the_impact_is_no_proof(asker: Actor) -> None:
    row = one()
    backup = factories.BackupFactory(target=row.target, proved=True, queued_at=ago(hours=2.8))
    with pytest.raises(ProofTooYoung):
        losses.prove(row, restored(row, backup=backup), actor=asker)


def test_a_resolved_incident_takes_no_other_proof(asker: Actor) -> None:
    row = one()
    restore = restored(row)
    losses.prove(row, restore, actor=asker)
    incidents.resolve(row, actor=asker, note="All rows are back.")
    with pytest.raises(IncidentClosed):
        losses.prove(row, restore, actor=asker)


@pytest.mark.parametrize("name", ["", "restore", "restore-x", "restore-999", "backup-1", "undelete-" + "9" * 30])
def test_what_is_no_restore_is_named(name: str) -> None:
    with pytest.raises(NoSuchProof):
        losses.find(name)


def test_a_restore_is_found_by_its_name(asker: Actor) -> None:
    restore = restored(one())
    assert losses.find(f"restore-{restore.pk}") == restore
