"""Asking for a restore: what exactly would happen, who must agree, and the job that does it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import IntegrityError, transaction

from audit import approvals, jobs, ledger
from audit.actors import Actor
from audit.exceptions import NotPermitted, ReasonMissing, Refusal, TovgovError
from audit.models import Approval, Target
from backups.exceptions import CountingTooLong, RestoreRunning
from backups.models import Backup, Restore, RestoreMode
from backups.restore import guard
from backups.restore.case import Case
from backups.restore.compare import TableComparison
from backups.restore.steps import steps

TASK = "backups.tasks.run_restore"
PERMISSION = "backups.request_restore"
OVERRIDE = "backups.override_loss"


@dataclass(frozen=True, slots=True)
class Preview:
    """What would happen, live. ``comparison`` is None when live could not be counted (a finding says why).

    ``refusals`` are the guards that say no; with none of them the restore can be asked for, and once ``approval`` is
    given where ``needs_approval``, it starts.
    """

    mode: RestoreMode
    comparison: list[TableComparison] | None
    findings: list[guard.Finding]
    steps: list[str]
    needs_approval: bool
    approval: Approval | None
    needs_typed_name: bool
    needed_bytes: int
    free_bytes: int | None
    refusals: list[guard.Finding] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """Rows that would be lost in all."""
        return sum(table.lost for table in self.comparison or [])

    def as_dict(self) -> dict[str, Any]:
        """As ``--dry-run --json`` prints it."""
        return {
            "mode": str(self.mode),
            "tables": None if self.comparison is None else [table.as_dict() for table in self.comparison],
            "lost": self.lost,
            "findings": [asdict(finding) for finding in self.findings],
            "steps": self.steps,
            "needs_approval": self.needs_approval,
            "approval": self.approval and {"id": self.approval.pk, "state": self.approval.state},
            "needs_typed_name": self.needs_typed_name,
            "needed_bytes": self.needed_bytes,
            "free_bytes": self.free_bytes,
            "would_start": not self.refusals,
        }


def preview(backup: Backup, target: Target, mode: str, *, actor: Actor, **options: Any) -> Preview:
    """Look at everything and change nothing. ``options`` as for ``request``. Raises ``NotPermitted`` only."""
    actor.require(PERMISSION)
    case = case_for(backup, target, mode, actor=actor, **options)
    found = guard.findings(case)
    server = _seen(case)
    return Preview(
        mode=case.mode,
        comparison=_comparison(case) if server else None,
        findings=found,
        steps=steps(case) if server else [],
        needs_approval=case.needs_approval,
        approval=approvals.find(action_of(case), case.what()),
        needs_typed_name=case.needs_typed_name,
        needed_bytes=guard.needed_bytes(case),
        free_bytes=case.seen.free_bytes if server else None,
        refusals=[finding for finding in found if finding.status == "refuse"],
    )


def _seen(case: Case) -> bool:
    try:
        return case.seen is not None
    except TovgovError:
        return False


def _comparison(case: Case) -> list[TableComparison] | None:
    try:
        return case.comparison
    except TovgovError:
        return None


def case_for(
    backup: Backup,
    target: Target,
    mode: str,
    *,
    actor: Actor,
    override_loss: bool = False,
    merge_tables: tuple[str, ...] | list[str] = (),
    owner_map: dict[str, str] | None = None,
    with_privileges: bool = False,
    dry_run: bool = False,
    typed_name: str = "",
) -> Case:
    """The case that these words describe, of backup and target as they are now."""
    return Case(
        backup=Backup.objects.get(pk=backup.pk),
        target=Target.objects.get(pk=target.pk),
        mode=RestoreMode(mode),
        actor=actor,
        tables=tuple(merge_tables),
        owner_map=dict(owner_map or {}),
        with_privileges=with_privileges,
        override_loss=override_loss,
        dry_run=dry_run,
        typed_name=typed_name,
    )


def action_of(case: Case) -> str:
    return f"restore.{case.mode}"


def request(
    backup: Backup,
    target: Target,
    *,
    actor: Actor,
    mode: str,
    reason: str,
    typed_name: str = "",
    override_loss: bool = False,
    merge_tables: tuple[str, ...] | list[str] = (),
    owner_map: dict[str, str] | None = None,
    with_privileges: bool = False,
    dry_run: bool = False,
) -> Restore:
    """Start a restore: every guard is asked here, whoever calls, and again by the worker.

    Raises ``NotPermitted``, ``ReasonMissing``, what the guards raise, ``ApprovalMissing`` (then ``ask_approval``)
    and ``RestoreRunning``. A refusal is written to the ledger.
    """
    actor.require(PERMISSION)
    if not reason.strip():
        raise ReasonMissing
    case = case_for(
        backup,
        target,
        mode,
        actor=actor,
        typed_name=typed_name,
        override_loss=override_loss,
        merge_tables=merge_tables,
        owner_map=owner_map,
        with_privileges=with_privileges,
        dry_run=dry_run,
    )
    try:
        guard.check(case)
        return _start(case, reason)
    except Refusal as error:
        facts = {"code": error.code, "error": error.message, "backup": str(backup), "mode": mode}
        ledger.append("restore.refused", actor=actor, obj=backup, target=target, reason=reason, **facts)
        raise


def _start(case: Case, reason: str) -> Restore:
    try:
        with transaction.atomic():
            approval = _approval(case)
            restore: Restore = Restore.objects.create(
                backup=case.backup,
                target=case.target,
                mode=case.mode,
                dry_run=case.dry_run,
                merge_tables=list(case.tables),
                owner_map=case.owner_map,
                with_privileges=case.with_privileges,
                override_loss=case.override_loss,
                approval=approval,
                comparison=[table.as_dict() for table in _comparison(case) or []],
                **jobs.asked(case.actor),
                reason=reason,
            )
            facts = {"what": case.what(), "approved_by": approval.decided_name if approval else ""}
            ledger.append("restore.request", actor=case.actor, obj=restore, target=case.target, reason=reason, **facts)
            jobs.enqueue(restore, TASK)
    except IntegrityError as error:
        if "one_open_restore_a_target" in str(error):
            raise RestoreRunning(f"A restore into {case.target} is already asked for or running.") from None
        raise
    return restore


def _approval(case: Case) -> Approval | None:
    """Use up the approval of exactly this. A loss must be approved by someone who may allow it."""
    if not case.needs_approval:
        return None
    approval = approvals.require(action_of(case), actor=case.actor, what=case.what())
    decider = approval.decided_by
    if case.override_loss and not (decider and decider.is_active and decider.has_perm(OVERRIDE)):
        raise NotPermitted(
            f"{approval.decided_name} approved this, but may not allow a loss of rows.", permission=OVERRIDE
        )
    return approval


def ask_approval(backup: Backup, target: Target, *, actor: Actor, mode: str, reason: str, **options: Any) -> Approval:
    """Ask a second person to decide, with the facts to decide on: loss a table, remarks of the guards, the plan of a
    merge. Only what would otherwise start can be asked for. Raises as ``request``."""
    actor.require(PERMISSION)
    options.setdefault("typed_name", target.database)  # typed by whoever starts it
    case = case_for(backup, target, mode, actor=actor, **options)
    remarks = guard.check(case)
    lost = [table for table in _comparison(case) or [] if table.lost]
    dry_run = guard.dry_run_of(case)
    return approvals.request(
        action_of(case),
        actor=actor,
        target=target,
        what=case.what(),
        summary=" ".join(steps(case)),
        reason=reason,
        detail={
            "backup": str(backup),
            "of": backup.snapshot_at and backup.snapshot_at.isoformat(),
            "override_loss": case.override_loss,
            "remarks": remarks,
            "losses": {table.table: table.lost for table in lost},
            "tables": _table_facts(case),
            "plan": dry_run.plan if dry_run else {},
            "options": {"backup": backup.pk, "target": target.pk, "mode": str(case.mode), **_options(case)},
        },
    )


def _options(case: Case) -> dict[str, Any]:
    """What is needed to start exactly this, once it is approved."""
    return {
        "merge_tables": list(case.tables),
        "owner_map": case.owner_map,
        "with_privileges": case.with_privileges,
        "override_loss": case.override_loss,
    }


def _table_facts(case: Case) -> list[dict[str, Any]]:
    try:
        return [table.as_dict() for table in case.comparison]
    except CountingTooLong:
        return []
