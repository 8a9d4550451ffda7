"""The suite: every group of attempts, in the order of the report."""

from __future__ import annotations

from collections.abc import Mapping

from audit.protection.attack.attempt import Attempt
from audit.protection.attack.attempts import databases, drops, guards, own_tables, records, rights, rows, truncation
from audit.protection.rule import Settings

GROUPS: tuple[tuple[str, tuple[Attempt, ...]], ...] = tuple(
    (group.TITLE, group.ATTEMPTS) for group in (rows, truncation, drops, guards, records, rights, databases, own_tables)
)
ATTEMPTS = tuple(attempt for _, attempts in GROUPS for attempt in attempts)


def fitting(rules: Mapping[str, Settings], major: int) -> list[Attempt]:
    """The attempts that make sense under these rules, those that cannot be rolled back last."""
    chosen = [attempt for attempt in ATTEMPTS if attempt.applies(rules, major)]
    return sorted(chosen, key=lambda attempt: attempt.commits)
