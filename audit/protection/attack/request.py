"""Attack a target's protection: asked for, run by a worker, reported; a promise that is broken fails the run aloud."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from audit import alerts, approvals, ledger, targets
from audit.actors import Actor
from audit.exceptions import AttackImpossible, PromiseBroken
from audit.models import Approval, ProtectionRun, Purpose, RunKind, Severity, Target
from audit.postgres import queries
from audit.progress import Progress
from audit.protection import policies, traces
from audit.protection.attack import conduct, on_target
from audit.protection.attack.attempt import Outcome, Result
from audit.protection.install import INSTALL, start
from audit.protection.uninstall import policy_of

ACTION = "protection.attack"
ALERT = "protection.promise_broken"


def request(target: Target, *, actor: Actor, reason: str, on_target: bool = False) -> ProtectionRun:
    """Queue an attack on a clone of the target, under its installed policy; with ``on_target`` a few harmless attempts
    are made on the target itself, too, each rolled back.

    Raises ``NotPermitted``, ``ReasonMissing``, ``NothingInstalled``, ``AttackImpossible``, ``WindowOpen``,
    ``ProtectionRunning`` and, on a production target itself, ``ApprovalMissing`` (then ``ask_approval``).
    """
    actor.require(INSTALL)
    policy = policy_of(target)
    _require_superuser(target, actor=actor)
    facts = {"policy": policy, "plan": {"on_target": on_target}}
    return start(
        target, RunKind.ATTACK, facts, actor=actor, reason=reason, action=ACTION,
        what=what_of(target, on_target=on_target), four_eyes=on_target,
    )  # fmt: skip


def ask_approval(target: Target, *, actor: Actor, reason: str) -> Approval:
    """Ask a second person to consent to attempts on the target itself. Raises as ``request``."""
    actor.require(INSTALL)
    policy = policy_of(target)
    return approvals.request(
        ACTION,
        actor=actor,
        target=target,
        what=what_of(target, on_target=True),
        summary=f"Attack {target} under the policy {policy}: a clone of it, and harmless attempts on itself.",
        reason=reason,
        detail={"attempts": on_target.titles(), "each": "in a transaction that is rolled back, locks for 1 s at most"},
    )


def what_of(target: Target, *, on_target: bool) -> dict[str, Any]:
    """The exact act, for an approval."""
    return {"target": target.pk, "on_target": on_target}


def _require_superuser(target: Target, *, actor: Actor) -> None:
    with targets.connected(target, Purpose.OPERATE, actor=actor, read_only=True) as connection:
        row = connection.execute(queries.load("protection/attack/is_superuser")).fetchone()
        if not (row and row[0]):
            raise AttackImpossible


def perform(run: ProtectionRun, progress: Progress) -> None:
    """The worker's part. Raises ``PromiseBroken`` when an attempt came through that the policy promises to stop; the
    report is kept all the same."""
    assert run.policy is not None
    actor = Actor(name=run.asked_name, source=f"worker {run.worker}", user=run.asked_by)
    parts = policies.parts(run.policy)
    with targets.connected(run.target, Purpose.OPERATE, actor=actor, read_only=True):
        pass  # its identity is confirmed before anything is made on its server
    server, target = targets.maintenance(run.target), targets.conninfo(run.target, Purpose.OPERATE)
    progress.phase("Making the clone")

    def tell(result: Result) -> None:
        progress.check()
        progress.advance(1)
        if result.is_broken:
            progress.log(f"{result.title} ({result.role}): {result.outcome}; {result.promised} is promised.")

    def begin(total: int) -> None:
        progress.phase("Attacking the clone", total=total, unit="attempts")

    def named(name: str) -> None:
        traces.leave(run, made=[name])

    results = conduct.attack(server, target, parts, named=named, begin=begin, tell=tell, cancelled=progress.must_stop)
    if run.plan.get("on_target"):
        with targets.connected(run.target, Purpose.OPERATE, actor=actor) as connection:
            traces.leave(run, statements=on_target.statements(), by=connection)
            results += on_target.attack(connection, parts)
    _keep(run, results, actor)
    progress.log(summary(results))
    _conclude(run, results, actor)


def _keep(run: ProtectionRun, results: Sequence[Result], actor: Actor) -> None:
    results = sorted(results, key=lambda result: not result.is_broken)
    with transaction.atomic():
        ProtectionRun.objects.filter(pk=run.pk).update(report=[result.as_dict() for result in results])
        counts = {str(outcome): count for outcome, count in counted(results).items()}
        broken = [result.code for result in results if result.is_broken]
        ledger.append("protection.attacked", actor=actor, obj=run, target=run.target, counts=counts, broken=broken)


def _conclude(run: ProtectionRun, results: Sequence[Result], actor: Actor) -> None:
    broken = [result for result in results if result.is_broken]
    mark = f"target-{run.target.pk}"
    if not broken:
        alerts.resolve(ALERT, fingerprint=mark, actor=actor)
        return
    first = broken[0]
    words = f"{first.title} as {first.role}: {first.outcome}, though {run.policy} promises {first.promised}"
    more = f", and {len(broken) - 1} more" if len(broken) > 1 else ""
    severity = Severity.CRITICAL if run.target.is_production else Severity.WARNING
    alerts.alert(
        ALERT, fingerprint=mark, title=f"{run.target}: {words}{more}.", target=run.target, severity=severity,
        hint="The report of the attack names each.", actor=actor,
    )  # fmt: skip
    raise PromiseBroken(f"{words}{more}.", attempts=[result.code for result in broken])


def counted(results: Sequence[Result]) -> Counter[Outcome]:
    """How many attempts ended how."""
    return Counter(result.outcome for result in results)


def summary(results: Sequence[Result]) -> str:
    """The counts in a sentence."""
    counts = counted(results)
    parts = [f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome]]
    return f"{len(results)} attempts: {', '.join(parts)}."
