"""The rules of a target: which are on, with which thresholds, how severe, and whether they open an incident."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from audit import ledger
from audit.actors import Actor
from audit.anomalies.rule import Rule
from audit.anomalies.rules import ALL, RULES
from audit.anomalies.setting import Value, read_all
from audit.exceptions import AnomalySettingInvalid, NoSuchAnomalyRule
from audit.models import AnomalySettings, Severity, Target

CHANGE = "audit.change_anomalysettings"


def rule_of(code: str) -> Rule:
    """The rule of a code. Raises ``NoSuchAnomalyRule``."""
    if code not in RULES:
        raise NoSuchAnomalyRule(f"There is no anomaly rule “{code}”; there are {', '.join(RULES)}.")
    return RULES[code]


def ensure(target: Target) -> None:
    """Give a target every rule that it does not have, as the rule itself would be."""
    known = set(AnomalySettings.objects.filter(target=target).values_list("rule", flat=True))
    missing = [rule for rule in ALL if rule.code not in known]
    AnomalySettings.objects.bulk_create(
        [
            AnomalySettings(
                target=target,
                rule=rule.code,
                is_active=rule.is_on,
                severity=rule.severity,
                opens_incident=rule.opens_incident,
            )
            for rule in missing
        ],
        ignore_conflicts=True,
    )


def of_target(target: Target, code: str) -> AnomalySettings:
    """One rule of a target. Raises ``NoSuchAnomalyRule``."""
    rule = rule_of(code)
    ensure(target)
    return AnomalySettings.objects.select_related("target").get(target=target, rule=rule.code)


def settings_of(row: AnomalySettings) -> dict[str, Value]:
    """Its thresholds: the rule's own, and what was set. What a later version of the rule does not know is left out."""
    defaults = rule_of(row.rule).defaults
    return defaults | {name: value for name, value in row.settings.items() if name in defaults}


def tried(row: AnomalySettings, given: Mapping[str, Any]) -> dict[str, Value]:
    """Its thresholds with others in their place, for a dry run. Raises ``AnomalySettingInvalid``."""
    return settings_of(row) | read_all(rule_of(row.rule).settings, given)


def change(
    row: AnomalySettings,
    *,
    actor: Actor,
    settings: Mapping[str, Any] | None = None,
    is_active: bool | None = None,
    severity: str | None = None,
    opens_incident: bool | None = None,
) -> AnomalySettings:
    """Change what is given. Raises ``NotPermitted`` and ``AnomalySettingInvalid``."""
    actor.require(CHANGE)
    if severity is not None and severity not in Severity.values:
        raise AnomalySettingInvalid(f"“{severity}” is no severity; there are {', '.join(Severity.values)}.")
    with transaction.atomic():
        held = (
            AnomalySettings.objects.select_for_update(of=("self",), no_key=True).select_related("target").get(pk=row.pk)
        )
        before = facts(held)
        defaults = rule_of(held.rule).defaults
        wanted = tried(held, settings or {})
        held.settings = {name: value for name, value in wanted.items() if value != defaults[name]}
        held.is_active = held.is_active if is_active is None else is_active
        held.severity = severity or held.severity
        held.opens_incident = held.opens_incident if opens_incident is None else opens_incident
        after = facts(held)
        changed = {name: value for name, value in after.items() if before[name] != value}
        if changed:
            held.changed_by = actor.name
            held.save(update_fields=["settings", "is_active", "severity", "opens_incident", "changed_by"])
            detail: dict[str, Any] = {
                "rule": held.rule,
                "changed": changed,
                "before": {name: before[name] for name in changed},
            }
            ledger.append("anomaly.change", actor=actor, obj=held, target=held.target, **detail)
    row.refresh_from_db()
    return row


def facts(row: AnomalySettings) -> dict[str, Any]:
    """All that can be changed of it."""
    return {
        "is_active": row.is_active,
        "severity": row.severity,
        "opens_incident": row.opens_incident,
        **settings_of(row),
    }
