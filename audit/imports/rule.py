"""What the installed policy says of the logs that are imported."""

from __future__ import annotations

from typing import Any

from audit.models import Protection, Target

RULE = "delete_audit"
KEEP_DAYS = 30
"""For policies of before there was this setting."""


def protected() -> list[Target]:
    """Active targets whose installed policy keeps deleted rows."""
    return [target for target, _ in with_rule(RULE)]


def with_rule(rule: str) -> list[tuple[Target, dict[str, Any]]]:
    """Active targets whose installed policy has ``rule``, each with the rule's settings."""
    rows = Protection.objects.filter(policy__isnull=False, target__is_active=True, target__identified_at__isnull=False)
    found = ((row.target, _settings(row, rule)) for row in rows.select_related("target", "policy"))
    return [(target, settings) for target, settings in found if settings is not None]


def settings_of(target: Target) -> dict[str, Any] | None:
    """The settings of the rule delete_audit in the installed policy; None when it is not in it."""
    row = Protection.objects.filter(target=target).select_related("policy").first()
    return _settings(row, RULE) if row is not None else None


def _settings(row: Protection, rule: str) -> dict[str, Any] | None:
    parts = row.policy.rules if row.policy else []
    return next((part["settings"] for part in parts if part["rule"] == rule), None)


def keep_days(settings: dict[str, Any]) -> int:
    """How many days an imported record stays in the target."""
    return max(0, int(settings.get("keep_days", KEEP_DAYS)))
