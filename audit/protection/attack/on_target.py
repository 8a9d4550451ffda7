"""The harmless few that are tried on the target itself: as superuser, whom the guards must hold too, in transactions
that are rolled back in every case. They touch no table but tovgov's own."""

from __future__ import annotations

from dataclasses import replace

import psycopg
from psycopg import Connection

from audit.postgres import queries
from audit.protection.attack.attempt import As, Attempt, Outcome, Result
from audit.protection.attack.clone import Parts
from audit.protection.attack.suite import ATTEMPTS
from audit.protection.attack.trial import words
from audit.protection.rule import Settings

HARMLESS = tuple(attempt for attempt in ATTEMPTS if attempt.on_target and attempt.role is As.SUPERUSER)


def titles() -> list[str]:
    """What would be tried."""
    return [f"{attempt.title} as {attempt.role}" for attempt in HARMLESS]


def statements() -> list[str]:
    """What would be sent."""
    return [statement for attempt in HARMLESS for statement in attempt.statements]


def attack(connection: Connection, parts: Parts) -> list[Result]:
    """Try each. What is not refused has happened in a transaction that was rolled back, and is judged as if it had
    stayed."""
    rules = {rule.code: settings for rule, settings in parts}
    major = connection.info.server_version // 10_000
    return [_try(connection, attempt, rules) for attempt in HARMLESS if attempt.applies(rules, major)]


def _try(connection: Connection, attempt: Attempt, rules: dict[str, Settings]) -> Result:
    promised = attempt.promised(rules)
    blank = Result(attempt.code, attempt.title, attempt.role, attempt.statements, Outcome.OPEN, promised)
    blank = replace(blank, place="target", detail="It ran, and was rolled back.")
    if promised is not Outcome.REFUSED:
        # What is only found afterwards cannot be found here: it is rolled back before anyone looks.
        return replace(blank, outcome=Outcome.UNTRIED, detail=f"Nothing refuses it here; {promised} in the clone.")
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(queries.read("protection/attack/gently"))
            for statement in attempt.statements:
                connection.execute(statement.encode())
    except psycopg.Error as error:
        if connection.closed:
            raise
        return replace(blank, outcome=Outcome.REFUSED, detail=words(error))
    return blank
