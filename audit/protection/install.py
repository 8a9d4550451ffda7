"""Install a policy: asked for, approved on production, run by a worker step by step, resumed where it stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from django.db import transaction
from django.utils import timezone
from psycopg import sql

from audit import approvals, jobs, ledger, targets
from audit.actors import Actor
from audit.exceptions import PlanOutdated, ProtectionRightsMissing, ProtectionRunning, ReasonMissing, WindowOpen
from audit.models import (
    Approval,
    MaintenanceWindow,
    Protection,
    ProtectionPolicy,
    ProtectionRun,
    Purpose,
    RunKind,
    Target,
)
from audit.postgres import queries
from audit.progress import Progress
from audit.protection import execute, installed, policies, traces, verify
from audit.protection.plan import Plan, make, plan
from audit.protection.rule import Step

ACTION = "protection.install"
INSTALL = "audit.install_protection"
TASK = "audit.tasks.run_protection"


def request(
    target: Target,
    policy: ProtectionPolicy,
    *,
    actor: Actor,
    reason: str,
    fingerprint: str = "",
    partly: bool = False,
) -> ProtectionRun:
    """Queue the installation of ``policy``. ``fingerprint`` is the plan that was shown: another plan is refused.

    Raises ``NotPermitted``, ``ReasonMissing``, ``PolicyMisfit``, ``PlanOutdated``, ``ProtectionRightsMissing`` (unless
    ``partly``), ``WindowOpen``, ``ProtectionRunning`` and, on production, ``ApprovalMissing`` (then ``ask_approval``).
    """
    actor.require(INSTALL)
    made = _planned(target, policy, actor=actor, fingerprint=fingerprint)
    if made.blocked and not partly:
        raise ProtectionRightsMissing(" ".join(made.missing), steps=[step.title for step in made.blocked])
    facts = {"policy": policy, "plan": made.as_dict(), "partly": partly}
    return start(
        target, RunKind.INSTALL, facts, actor=actor, reason=reason, action=ACTION, what=what_of(target, policy, made)
    )


def ask_approval(
    target: Target, policy: ProtectionPolicy, *, actor: Actor, reason: str, fingerprint: str = ""
) -> Approval:
    """Ask a second person to approve exactly the plan that is shown. Raises as ``request`` does."""
    actor.require(INSTALL)
    made = _planned(target, policy, actor=actor, fingerprint=fingerprint)
    return approvals.request(
        ACTION,
        actor=actor,
        target=target,
        what=what_of(target, policy, made),
        summary=f"Install the policy {policy} on {target}: {len(made.steps)} steps.",
        reason=reason,
        detail={
            "steps": [{"title": s.title, "effect": s.effect, "locks": s.locks} for s in made.steps],
            "limits": [line for part in made.promises for line in part["limits"]],
            "fingerprint": made.fingerprint,
        },
    )


def what_of(target: Target, policy: ProtectionPolicy, made: Plan) -> dict[str, Any]:
    """The exact act, for an approval: another target, policy or statement needs another one."""
    return {"target": target.pk, "policy": policy.pk, "plan": made.fingerprint}


def _planned(target: Target, policy: ProtectionPolicy, *, actor: Actor, fingerprint: str) -> Plan:
    made = plan(target, policy, actor=actor)
    if fingerprint and fingerprint != made.fingerprint:
        raise PlanOutdated
    return made


def start(
    target: Target,
    kind: RunKind,
    facts: dict[str, Any],
    *,
    actor: Actor,
    reason: str,
    action: str,
    what: dict[str, Any],
    four_eyes: bool = True,
) -> ProtectionRun:
    """Make the run's row and queue it, with its approval used up on production (unless not ``four_eyes``)."""
    if not reason.strip():
        raise ReasonMissing
    if MaintenanceWindow.objects.filter(target=target, relocked_at=None).exists():
        raise WindowOpen
    with jobs.only_one("one_open_protection_run_a_target", ProtectionRunning()):
        needed = target.is_production and four_eyes
        approval = approvals.require(action, actor=actor, what=what) if needed else None
        run: ProtectionRun = ProtectionRun.objects.create(
            target=target,
            kind=kind,
            approval=approval,
            **jobs.asked(actor),
            reason=reason,
            max_attempts=3,
            **facts,
        )
        ledger.append(action, actor=actor, obj=run, target=target, reason=reason, what=what)
        jobs.enqueue(run, TASK)
    return run


def perform(run: ProtectionRun, progress: Progress) -> None:
    """The worker's part. What stands already is not done again: a run that was killed goes on where it stopped.

    Raises ``PlanOutdated`` before anything is changed when a step is needed now that was not in the plan.
    """
    assert run.policy is not None
    actor = Actor(name=run.asked_name, source=f"worker {run.worker}", user=run.asked_by)
    with (
        targets.connected(run.target, Purpose.OPERATE, actor=actor) as connection,
        execute.alone(connection),
    ):
        steps = _still_to_do(run, make(connection, run.policy))
        traces.leave(run, statements=(statement for step in steps for statement in step.statements), by=connection)
        progress.phase("Installing", total=len(steps), unit="steps")
        execute.run(connection, steps, before=teller(progress), say=progress.log)
        _write_status(connection, run)
    _keep(run, actor)
    findings = verify.verify(run.target, actor=actor)
    progress.log(verify.summary(findings))
    ProtectionRun.objects.filter(pk=run.pk).update(report=[finding.as_dict() for finding in findings])


def teller(progress: Progress) -> Callable[[Step], None]:
    """Log each step and stop between two when asked to."""

    def tell(step: Step) -> None:
        progress.check()
        progress.advance(1)
        progress.log(step.title)

    return tell


def _still_to_do(run: ProtectionRun, now: Plan) -> list[Step]:
    planned = {(step["rule"], tuple(step["statements"])) for step in run.plan["steps"]}
    blocked = {(step["rule"], tuple(step["statements"])) for step in run.plan["blocked"]}
    new = [s for s in (*now.steps, *now.blocked) if (s.rule, s.statements) not in planned | blocked]
    if new:
        raise PlanOutdated(f"{len(new)} steps are needed that the plan does not have, for example: {new[0].title}.")
    if now.blocked and not run.partly:
        raise ProtectionRightsMissing(" ".join(now.missing))
    return [step for step in now.steps if (step.rule, step.statements) in planned]


def _write_status(connection: psycopg.Connection, run: ProtectionRun) -> None:
    """What the application's people read."""
    assert run.policy is not None
    if not installed.may_read(connection, "ProtectionStatus") or not installed.may_write(connection):
        return
    with connection.transaction():
        connection.execute(queries.load("protection/status_clear"))
        connection.execute(
            queries.load(
                "protection/status_write",
                policy=sql.Literal(run.policy.name),
                version=sql.Literal(run.policy.version),
                hash=sql.Literal(policies.mark(run.policy)),
                by=sql.Literal(run.asked_name),
            )
        )


def _keep(run: ProtectionRun, actor: Actor) -> None:
    facts: dict[str, Any] = {
        "policy": run.policy,
        "installed_at": timezone.now(),
        "installed_by": run.asked_name,
        "plan": {},
    }
    with transaction.atomic():
        Protection.objects.update_or_create(target=run.target, defaults=facts)
        ledger.append("protection.installed", actor=actor, obj=run, target=run.target, policy=str(run.policy))
