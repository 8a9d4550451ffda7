"""The plan: every statement a policy would run on a target, with its locks and effects, and what stays open."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.utils import timezone
from psycopg import Connection

from audit import targets
from audit.actors import Actor
from audit.models import Protection, ProtectionPolicy, Purpose, Target
from audit.protection import base, policies
from audit.protection.facts import TargetFacts, read_facts
from audit.protection.rule import Advising, Rule, Settings, Step

PLAN = "audit.plan_protection"
STANDS_ALONE = {"drop_database_lock"}
"""Rules whose steps do not need the schema tovgov."""


@dataclass(frozen=True)
class Plan:
    """``steps`` will be run, in this order; ``blocked`` are those that our role may not take, ``missing`` says why."""

    steps: tuple[Step, ...]
    blocked: tuple[Step, ...]
    missing: tuple[str, ...]
    promises: tuple[dict[str, Any], ...]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of every statement, in order: an approval fits this plan and no other."""
        words = [[step.rule, *step.statements] for step in (*self.steps, *self.blocked)]
        return hashlib.sha256(json.dumps(words).encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        return {
            "fingerprint": self.fingerprint,
            "steps": [step.as_dict() for step in self.steps],
            "blocked": [step.as_dict() for step in self.blocked],
            "missing": list(self.missing),
            "promises": list(self.promises),
        }


def plan(target: Target, policy: ProtectionPolicy, *, actor: Actor) -> Plan:
    """What is still to be done to bring ``target`` under ``policy``; it is kept on the target's ``Protection`` for the
    page. Nothing is changed on the target.

    Raises ``NotPermitted``, ``PolicyMisfit`` and what ``targets.connected`` raises.
    """
    actor.require(PLAN)
    with targets.connected(target, Purpose.OPERATE, actor=actor, read_only=True) as connection:
        made = make(connection, policy)
    facts = {"planned_policy": policy, "plan": made.as_dict(), "planned_at": timezone.now(), "planned_by": actor.name}
    Protection.objects.update_or_create(target=target, defaults=facts)
    return made


def make(connection: Connection, policy: ProtectionPolicy) -> Plan:
    """The plan over a connection. Raises ``PolicyMisfit``."""
    parts = policies.parts(policy)
    facts = replace(read_facts(connection), policy={rule.code: settings for rule, settings in parts})
    steps = base.schema_steps(connection)
    for rule, settings in parts:
        steps += rule.plan(facts, settings, connection)
    promises = tuple(_promise(rule, settings, facts, connection) for rule, settings in parts)
    return _divided(steps, facts, promises)


def _promise(rule: Rule, settings: Settings, facts: TargetFacts, connection: Connection) -> dict[str, Any]:
    """What the rule promises, and what it does not: in general, and on this target."""
    here = rule.advice(facts, settings, connection) if isinstance(rule, Advising) else []
    return {"rule": rule.code, "title": rule.title, "promise": rule.promise, "limits": [*rule.limits, *here]}


def unmake(connection: Connection, policy: ProtectionPolicy, *, done: frozenset[tuple[str, str]] | None = None) -> Plan:
    """The plan that takes ``policy`` off again and puts back what was before. ``done`` says which steps tovgov's own
    runs planned there: a target that lacks the schema tovgov cannot tell."""
    facts = replace(read_facts(connection), done=done)
    steps: list[Step] = []
    for rule, settings in reversed(policies.parts(policy)):
        steps += rule.remove(facts, settings, connection)
    return _divided([*steps, *base.remove_steps(connection)], facts, ())


def _divided(steps: Iterable[Step], facts: TargetFacts, promises: tuple[dict[str, Any], ...]) -> Plan:
    steps = list(steps)
    able = [step for step in steps if step.is_possible(facts)]
    if any(step.rule == base.CODE for step in steps if step not in able):
        able = [step for step in able if step.rule in STANDS_ALONE]
    blocked = [step for step in steps if step not in able]
    return Plan(tuple(able), tuple(blocked), tuple(_missing(blocked, able, facts)), promises)


def _missing(blocked: list[Step], able: list[Step], facts: TargetFacts) -> list[str]:
    if not blocked:
        return []
    owned = sum(facts.may_alter(table.owner) for table in facts.tables)
    lines = [
        f"We are {facts.role}, which is no superuser, owns {owned} of {len(facts.tables)} tables and"
        f" {'owns' if facts.may_alter(facts.database_owner) else 'does not own'} the database"
        f" (its owner is {facts.database_owner})."
    ]
    needs = sorted({step.needs for step in blocked})
    lines.append(f"{len(blocked)} steps need: {'; '.join(needs)}.")
    can = ", ".join(step.title for step in able) or "nothing of this policy"
    lines.append(f"What can still be done: {can}.")
    return lines
