"""Verify: what the catalogues of the target say of every object of its policy, never a stored flag."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence

import psycopg
from django.utils import timezone
from psycopg import Connection, sql

from audit import targets
from audit.actors import Actor
from audit.exceptions import NothingInstalled, PolicyMisfit, TovgovError
from audit.models import MaintenanceWindow, Protection, Purpose, Target
from audit.postgres import queries
from audit.protection import base, installed, policies
from audit.protection.facts import TargetFacts, read_facts
from audit.protection.plan import PLAN
from audit.protection.rule import Finding, Rule, Settings, Status

HINT = "Mend what the sentence names, then verify again."
WORST = (Status.MISSING, Status.ALTERED, Status.OUTDATED, Status.UNKNOWN, Status.INSTALLED)


def verify(target: Target, *, actor: Actor) -> list[Finding]:
    """Judge the installed policy now and keep the findings. A target that cannot be asked gives UNKNOWN for each rule.

    Raises ``NotPermitted`` and ``NothingInstalled``.
    """
    actor.require(PLAN)
    row = Protection.objects.select_related("policy").filter(target=target, policy__isnull=False).first()
    if row is None or row.policy is None:
        raise NothingInstalled(f"No policy is installed on {target}.")
    parts = policies.parts(row.policy)
    try:
        with targets.connected(target, Purpose.OPERATE, actor=actor) as connection:
            findings = look(connection, parts, _windows_of(target))
            _tell_the_target(connection, findings)
    except TovgovError as error:
        findings = [Finding(rule.code, target.name, Status.UNKNOWN, error.message, error.hint) for rule, _ in parts]
    row.findings = [finding.as_dict() for finding in findings]
    row.verified_at = timezone.now()
    row.save(update_fields=["findings", "verified_at"])
    return findings


def _windows_of(target: Target) -> list[int] | None:
    """The numbers that our open windows have in the target; None while one is just being opened."""
    rows = MaintenanceWindow.objects.filter(target=target, relocked_at=None)
    numbers = [number for number in rows.values_list("number_there", flat=True) if number is not None]
    return numbers if len(numbers) == rows.count() else None


def look(
    connection: Connection, parts: Sequence[tuple[Rule, Settings]], known_windows: Collection[int] | None = ()
) -> list[Finding]:
    """Every finding of these rules, and of the ground where one of them stands on it."""
    facts = read_facts(connection)
    findings = base.schema_findings(connection) + base.doubts(connection, known_windows)
    for rule, settings in parts:
        findings += _look_at(rule, facts, settings, connection)
    return findings


def _look_at(rule: Rule, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Finding]:
    """A rule that names what is no longer there has lost it; the other rules are looked at all the same."""
    try:
        return rule.verify(facts, settings, connection)
    except PolicyMisfit as error:
        return [Finding(rule.code, rule.title, Status.MISSING, error.message, error.hint)]


def by_rule(findings: Sequence[Finding]) -> dict[str, Status]:
    """The worst status of each rule."""
    worst: dict[str, Status] = {}
    for finding in findings:
        status = Status(finding.status)
        known = worst.get(finding.rule, Status.INSTALLED)
        worst[finding.rule] = min(status, known, key=WORST.index)
    return worst


def summary(findings: Sequence[Finding]) -> str:
    """How many objects have which status, in a sentence."""
    counts = Counter(str(finding.status) for finding in findings)
    return ", ".join(f"{counts[status]} {status}" for status in WORST if counts[status]) + "."


def _tell_the_target(connection: Connection, findings: Sequence[Finding]) -> None:
    """The table ProtectionStatus, where it is there and ours to write."""
    if not (installed.may_read(connection, "ProtectionStatus") and installed.may_write(connection)):
        return
    statuses = sql.Literal(json.dumps(by_rule(findings)))
    try:
        connection.execute(queries.load("protection/status_update", statuses=statuses))
    except psycopg.errors.ReadOnlySqlTransaction:
        return  # a standby: its primary is told
