"""Merge: missing rows of chosen tables come back from a side database into the live one, which goes on working."""

from __future__ import annotations

from django.utils import timezone

from audit import targets
from audit.models import Purpose
from audit.postgres import rows
from audit.postgres.connect import ConnInfo, connect
from audit.progress import Progress
from audit.stopping import stoppable
from backups.copies import best_copy
from backups.exceptions import ProofFailed, TableUnknown
from backups.models import Restore
from backups.restore import guard
from backups.restore.case import Case
from backups.restore.merge_plan import Plan
from backups.restore.merge_rows import merge_rows
from backups.restore.names import TableName, choose
from backups.restore.safety import safety_backup
from backups.restore.side_database import APPLICATION, note, side_database
from backups.unpack import restore_archive


def perform_merge(restore: Restore, case: Case, progress: Progress) -> None:
    """Plan and, unless it is a dry run, put rows back in one transaction and prove it. The side database is dropped
    whatever happens. Raises the guards' errors, ``MergeImpossible``, ``TableUnknown``, ``ProofFailed`` …"""
    progress.phase("Check the guards")
    for remark in guard.check(case, (*guard.BEFORE_SWAP, guard.disk)):
        progress.log(remark)
    if not case.dry_run:
        safety_backup(restore, progress)
    live_facts = case.seen.database
    assert live_facts is not None
    progress.phase("Make a side database")
    with side_database(restore, live_facts, progress) as side:
        _fill(case, side, progress)
        plan = _merge(restore, case, side, progress)
    _note(restore, case, plan, progress)


def _fill(case: Case, side: ConnInfo, progress: Progress) -> None:
    """Restore the chosen tables, or all when a name is not that of a table with rows of its own (it may be the root
    of a partitioned one), and compare them with the manifest. Raises ``ProofFailed``."""
    chosen = _leaves(case)
    restore_archive(case.backup, best_copy(case.backup), side, progress, owners=False, data_of=chosen)
    progress.phase("Compare rows", unit="rows")
    wanted = {(t.schema, t.name): t for t in case.manifest.tables if chosen is None or (t.schema, t.name) in chosen}
    found = rows.states_now(side, tables=chosen, on_tick=progress.check, on_table=lambda t: progress.advance(t.rows))
    if {(table.schema, table.name): table for table in found} != wanted:
        raise ProofFailed("What was restored beside is not what was backed up; nothing was merged.")


def _leaves(case: Case) -> list[TableName] | None:
    known = [TableName(table.schema, table.name) for table in case.manifest.tables]
    try:
        return choose(case.tables, known) or None
    except TableUnknown:
        return None


def _merge(restore: Restore, case: Case, side: ConnInfo, progress: Progress) -> Plan:
    target = restore.target
    with (
        targets.connected(target, Purpose.OPERATE, actor=case.actor, application_name=APPLICATION) as live,
        connect(side, application_name=APPLICATION) as there,
        stoppable(live, progress),
        stoppable(there, progress),
    ):
        return merge_rows(live, there, case.tables, dry_run=case.dry_run, ear=progress)


def _note(restore: Restore, case: Case, plan: Plan, progress: Progress) -> None:
    before = sum(table.live for table in plan.tables)
    put_back = sum(table.inserted or 0 for table in plan.tables)
    back_after = None if case.dry_run else (timezone.now() - restore.queued_at).total_seconds()
    note(restore, plan=plan.as_dict(), rows_before=before, rows_after=before + put_back, rto_seconds=back_after)
    for line in plan.sentences():
        progress.log(line)
    if case.dry_run:
        progress.log(f"{plan.insert:,} rows would come back, {plan.left_out:,} would stay out. Nothing was changed.")
        return
    progress.log(f"{put_back:,} rows are back and proved; {plan.left_out:,} stay out.")
