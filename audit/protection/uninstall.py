"""Take a policy off again: what was before comes back, and nothing of tovgov stays behind."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from psycopg import Connection

from audit import alerts, approvals, ledger, registry, targets
from audit.actors import Actor
from audit.exceptions import CapturedRowsLost, NothingInstalled, ProtectionRightsMissing
from audit.models import Approval, ImportSource, Protection, ProtectionPolicy, ProtectionRun, Purpose, RunKind, Target
from audit.postgres import queries
from audit.progress import Progress
from audit.protection import drift, execute, installed, traces
from audit.protection.install import INSTALL, start, teller
from audit.protection.plan import Plan, unmake
from audit.protection.rule import Step
from audit.protection.rules.delete_audit import LOG_GOES as LAST_LOOK

ACTION = "protection.uninstall"


def plan(target: Target, *, actor: Actor) -> Plan:
    """What would be run. Raises ``NotPermitted``, ``NothingInstalled``, ``PolicyMisfit`` and what ``connected``
    raises."""
    actor.require(INSTALL)
    with targets.connected(target, Purpose.OPERATE, actor=actor, read_only=True) as connection:
        return unmake(connection, policy_of(target), done=steps_of(target))


def request(target: Target, *, actor: Actor, reason: str, may_lose_rows: bool = False) -> ProtectionRun:
    """Queue the removal.

    Raises ``NotPermitted``, ``ReasonMissing``, ``NothingInstalled``, ``CapturedRowsLost`` (when the delete log holds
    rows that cannot be imported, unless ``may_lose_rows``), ``ProtectionRightsMissing``, ``ProtectionRunning`` and, on
    production, ``ApprovalMissing``.
    """
    actor.require(INSTALL)
    policy = policy_of(target)
    with targets.connected(target, Purpose.OPERATE, actor=actor, read_only=True) as connection:
        made = unmake(connection, policy, done=steps_of(target))
        if not can_import(target):
            refuse_loss(connection, target, may_lose_rows=may_lose_rows)
    if made.blocked:
        raise ProtectionRightsMissing(" ".join(made.missing))
    facts = {"policy": policy, "plan": made.as_dict(), "may_lose_rows": may_lose_rows}
    what = what_of(target, policy, may_lose_rows=may_lose_rows)
    return start(target, RunKind.UNINSTALL, facts, actor=actor, reason=reason, action=ACTION, what=what)


def ask_approval(target: Target, *, actor: Actor, reason: str, may_lose_rows: bool = False) -> Approval:
    """Ask a second person to approve the removal."""
    made, policy = plan(target, actor=actor), policy_of(target)
    lost = " Captured rows that were not imported are lost." if may_lose_rows else ""
    return approvals.request(
        ACTION,
        actor=actor,
        target=target,
        what=what_of(target, policy, may_lose_rows=may_lose_rows),
        summary=f"Uninstall the policy {policy} from {target}: {len(made.steps)} steps.{lost}",
        reason=reason,
        detail={"steps": [{"title": step.title, "effect": step.effect} for step in made.steps]},
    )


def what_of(target: Target, policy: ProtectionPolicy, *, may_lose_rows: bool) -> dict[str, Any]:
    """The exact act, for an approval."""
    return {"target": target.pk, "policy": policy.pk, "may_lose_rows": may_lose_rows}


def policy_of(target: Target) -> ProtectionPolicy:
    """The policy that is installed, or whose installation stopped half-way. Raises ``NothingInstalled``."""
    row = Protection.objects.filter(target=target).select_related("policy").first()
    if row is not None and row.policy is not None:
        return row.policy
    runs = ProtectionRun.objects.filter(target=target).exclude(kind=RunKind.ATTACK)
    last: ProtectionRun | None = runs.select_related("policy").first()
    if last is None or last.policy is None or (last.kind == RunKind.UNINSTALL and last.state == "succeeded"):
        raise NothingInstalled(f"No policy is installed on {target}.")
    return last.policy


def steps_of(target: Target) -> frozenset[tuple[str, str]]:
    """Rule and title of every step that was planned for the target since nothing of ours was there."""
    runs = ProtectionRun.objects.filter(target=target)
    last = runs.filter(kind=RunKind.UNINSTALL, state="succeeded").order_by("-pk").first()
    since = runs.filter(kind=RunKind.INSTALL, pk__gt=last.pk if last else 0)
    return frozenset((step["rule"], step["title"]) for run in since for step in run.plan["steps"])


def can_import(target: Target) -> bool:
    """Whether what the delete log holds can be imported before it goes, as far as the last import tells."""
    failing = ImportSource.objects.filter(target=target).exclude(error_code="")
    return bool(registry.log_importers) and not failing.exists()


def refuse_loss(connection: Connection, target: Target, *, may_lose_rows: bool) -> None:
    """Raise ``CapturedRowsLost`` when the delete log holds rows that were not imported and nobody said that they may
    go."""
    if may_lose_rows or not installed.may_read(connection, "delete_audit_record"):
        return
    source = ImportSource.objects.filter(target=target, incarnation__startswith=_incarnation(target)).first()
    row = connection.execute(queries.read("imports/not_imported"), (source or ImportSource()).bounds).fetchone()
    if row and row[0]:
        why = f" The last import said: {source.error}" if source and source.error else ""
        words = f"The delete log holds {row[0]:,} deleted rows that were not imported and would be lost."
        raise CapturedRowsLost(words + why, rows=row[0])


def _incarnation(target: Target) -> str:
    return f"{target.system_identifier}/{target.database_oid}/"


def perform(run: ProtectionRun, progress: Progress) -> None:
    """The worker's part: run again after a kill, it goes on where it stopped."""
    assert run.policy is not None
    actor = Actor(name=run.asked_name, source=f"worker {run.worker}", user=run.asked_by)
    with (
        targets.connected(run.target, Purpose.OPERATE, actor=actor) as connection,
        execute.alone(connection),
    ):
        made = unmake(connection, run.policy, done=steps_of(run.target))
        if made.blocked:
            raise ProtectionRightsMissing(" ".join(made.missing))
        traces.leave(run, statements=(s for step in made.steps for s in step.statements), by=connection)
        progress.phase("Importing what the delete log holds")
        registry.import_log(run.target)
        if not can_import(run.target):
            refuse_loss(connection, run.target, may_lose_rows=run.may_lose_rows)
        progress.phase("Uninstalling", total=len(made.steps), unit="steps")
        tell = teller(progress)

        def before(step: Step) -> None:
            # Once the triggers are off nothing more is captured: what came in since the start is imported here, and
            # what open transactions elsewhere held back.
            if step.title == LAST_LOOK:
                registry.import_log(run.target, to_the_end=True)
                refuse_loss(connection, run.target, may_lose_rows=run.may_lose_rows)
            tell(step)

        execute.run(connection, made.steps, before=before, say=progress.log)
    _forget(run, actor)


def _forget(run: ProtectionRun, actor: Actor) -> None:
    facts: dict[str, Any] = {
        "policy": None,
        "installed_at": None,
        "installed_by": "",
        "findings": [],
        "verified_at": timezone.now(),
    }
    with transaction.atomic():
        Protection.objects.filter(target=run.target).update(**facts)
        alerts.resolve(drift.ALERT, fingerprint=f"target-{run.target.pk}", actor=actor)
        ledger.append("protection.uninstalled", actor=actor, obj=run, target=run.target, policy=str(run.policy))
