"""Policies: made, read and edited. A version never changes; an edit makes the next one."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.db import transaction

from audit import ledger
from audit.actors import Actor
from audit.exceptions import NoSuchPolicy, PolicyInvalid
from audit.models import ProtectionPolicy
from audit.protection.rule import Rule, Settings
from audit.protection.rules import RULES

EDIT = "audit.edit_policy"
MAKER = "tovgov"

READY_MADE: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "watch only": (
        "Keeps every deleted row and shows the status. Refuses nothing.",
        [{"rule": "protection_status"}, {"rule": "delete_audit"}],
    ),
    "standard": (
        "Keeps every deleted row; refuses TRUNCATE, DROP of tables and schemas, and DROP DATABASE; records logins.",
        [
            {"rule": "protection_status"},
            {"rule": "delete_audit"},
            {"rule": "truncate_guard"},
            {"rule": "drop_database_lock"},
            {"rule": "connection_log"},
            {"rule": "ddl_guard"},
        ],
    ),
    "lockdown": (
        "Standard; besides, everything belongs to a role without login, ALTER needs a window, and a second lock is on.",
        [
            {"rule": "protection_status"},
            {"rule": "delete_audit"},
            {"rule": "truncate_guard"},
            {"rule": "ownership"},
            {"rule": "drop_database_lock", "settings": {"second_lock": True}},
            {"rule": "connection_log"},
            {"rule": "ddl_guard", "settings": {"alter": True}},
        ],
    ),
}


def ensure_policies() -> None:
    """Make the ready-made policies that are not there yet; those that are there, and edits of them, stay."""
    for name, (note, rules) in READY_MADE.items():
        facts = {"rules": complete(rules), "note": note, "created_by": MAKER}
        ProtectionPolicy.objects.get_or_create(name=name, version=1, defaults=facts)


def edit(name: str, rules: list[dict[str, Any]], *, actor: Actor, note: str = "") -> ProtectionPolicy:
    """The next version of the policy ``name``, or the first of a new one.

    Raises ``NotPermitted`` and ``PolicyInvalid``.
    """
    actor.require(EDIT)
    whole = complete(rules)
    with transaction.atomic():
        latest = ProtectionPolicy.objects.select_for_update(no_key=True).filter(name=name).order_by("-version").first()
        policy = ProtectionPolicy.objects.create(
            name=name, version=latest.version + 1 if latest else 1, rules=whole, note=note, created_by=actor.name
        )
        ledger.append("policy.edit", actor=actor, obj=policy, reason=note, rules=whole)
    return policy


def find(word: str) -> ProtectionPolicy:
    """``standard`` is its newest version, ``standard:1`` that one. Raises ``NoSuchPolicy``."""
    name, _, number = word.rpartition(":")
    rows = ProtectionPolicy.objects.filter(name=word)
    if name and number.isdigit():
        rows = ProtectionPolicy.objects.filter(name=name, version=int(number))
    policy = rows.order_by("-version").first()
    if policy is None:
        raise NoSuchPolicy(f'There is no policy "{word}".')
    return policy


def parts(policy: ProtectionPolicy) -> list[tuple[Rule, Settings]]:
    """Its rules with their settings, in the order of installation. Raises ``PolicyInvalid`` for a rule of a later
    tovgov."""
    wanted = {part["rule"]: part["settings"] for part in complete(policy.rules)}
    return [(rule, wanted[code]) for code, rule in RULES.items() if code in wanted]


def mark(policy: ProtectionPolicy) -> str:
    """SHA-256 of the policy's rules."""
    return hashlib.sha256(json.dumps(policy.rules, sort_keys=True).encode()).hexdigest()


def complete(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """``rules`` with every setting written out. Raises ``PolicyInvalid``."""
    if not rules:
        raise PolicyInvalid("A policy has at least one rule.")
    found: dict[str, Settings] = {}
    for part in rules:
        rule = RULES.get(part.get("rule", ""))
        if rule is None:
            raise PolicyInvalid(f'There is no rule "{part.get("rule", "")}". There are: {", ".join(RULES)}.')
        if rule.code in found:
            raise PolicyInvalid(f"The rule {rule.code} stands there twice.")
        found[rule.code] = _settings(rule, part.get("settings", {}))
    if found.get("truncate_guard", {}).get("mode") == "capture" and "delete_audit" not in found:
        raise PolicyInvalid("The truncate guard keeps rows in the delete log: add the rule delete_audit.")
    return [{"rule": code, "settings": found[code]} for code in RULES if code in found]


def _settings(rule: Rule, given: Settings) -> Settings:
    for name, value in given.items():
        if name not in rule.defaults:
            raise PolicyInvalid(f"The rule {rule.code} has no setting {name}; it has {', '.join(rule.defaults)}.")
        if type(value) is not type(rule.defaults[name]):
            kind = type(rule.defaults[name]).__name__
            raise PolicyInvalid(f"The setting {name} of {rule.code} must be a {kind}.")
    return {**rule.defaults, **given}
