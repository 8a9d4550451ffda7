"""DROP DATABASE is refused to everybody: the template flag, and a disabled subscription as a second lock."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import Connection, sql

from audit.postgres import queries
from audit.protection import installed
from audit.protection.facts import TargetFacts
from audit.protection.installed import AGAIN, WHO
from audit.protection.rule import Finding, Settings, Status, Step
from audit.protection.statements import forget, remember, statement

FLAG, SECOND = "template flag", "second lock"
LOCK = "Lock the database against DROP"


class DropDatabaseLock:
    code = "drop_database_lock"
    title = "Drop-database lock"
    promise = "DROP DATABASE, WITH (FORCE) too, is refused to owner and superuser until the lock is taken off first."
    limits: Sequence[str] = (
        "The database's owner or a superuser can unset the flag first; drift checks find it within a minute.",
        "Its cost: a role with CREATEDB can clone a template database while nobody is connected to it.",
        "RENAME, and the removal of files on the server's disk, are not refused.",
    )
    defaults: Settings = {"second_lock": False}

    def plan(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Step]:
        steps = []
        if not facts.is_template:
            steps.append(self._set(facts, connection, value=True))
        if settings["second_lock"] and not _has_second_lock(connection):
            made = (statement(connection, "second_lock"),)
            effect = "A subscription that never connects stands in the database: DROP DATABASE is refused for it too."
            steps.append(
                Step(self.code, "Put the second lock on", made, "none that others wait for", effect, "superuser")
            )
        return steps

    def verify(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Finding]:
        label = f"template flag of {facts.database}"
        findings = [Finding(self.code, label, Status.INSTALLED)]
        if not facts.is_template:
            findings = [Finding(self.code, label, Status.MISSING, "DROP DATABASE is possible.", WHO)]
        if settings["second_lock"]:
            findings.append(self._judge_second(facts, connection))
        return findings

    def _judge_second(self, facts: TargetFacts, connection: Connection) -> Finding:
        if not _may_see_subscriptions(connection):
            words = "Our role may not look at subscriptions."
            return Finding(self.code, SECOND, Status.UNKNOWN, words, "Verify as a superuser.")
        if _has_second_lock(connection):
            return Finding(self.code, SECOND, Status.INSTALLED)
        return Finding(self.code, SECOND, Status.MISSING, "It is not there.", AGAIN)

    def remove(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Step]:
        steps = []
        if settings["second_lock"] and _may_see_subscriptions(connection) and _has_second_lock(connection):
            drop = (statement(connection, "second_lock_remove"),)
            steps.append(
                Step(self.code, "Take the second lock off", drop, "none that others wait for", "", "superuser")
            )
        is_ours = self._is_ours(facts, connection)
        return steps + ([self._set(facts, connection, value=False)] if facts.is_template and is_ours else [])

    def _is_ours(self, facts: TargetFacts, connection: Connection) -> bool:
        """Whether this rule set the flag: the target's record says so; an owner who is no superuser cannot keep one
        there, but the plan that was run is known."""
        if FLAG in installed.records(connection, self.code):
            return True
        if facts.done is not None:
            return (self.code, LOCK) in facts.done
        return not installed.has_ground(connection)

    def _set(self, facts: TargetFacts, connection: Connection, *, value: bool) -> Step:
        words = sql.SQL("true" if value else "false")
        made = [statement(connection, "set_template", database=sql.Identifier(facts.database), value=words)]
        title = LOCK if value else "Unlock the database: DROP is possible again"
        if facts.is_superuser and value:
            made.append(remember(connection, self.code, FLAG, {"is_template": False}))
        elif facts.is_superuser and installed.has_ground(connection):
            made.append(forget(connection, self.code, FLAG))
        effect = "DROP DATABASE is refused. A role with CREATEDB may clone the database." if value else ""
        needs = f"superuser, or owner of the database ({facts.database_owner})"
        locks = "a lock on the database's row, for a moment"
        return Step(self.code, title, tuple(made), locks, effect, needs, (facts.database_owner,))


def _may_see_subscriptions(connection: Connection) -> bool:
    row = connection.execute(queries.load("protection/may_see_subscriptions")).fetchone()
    return bool(row and row[0])


def _has_second_lock(connection: Connection) -> bool:
    if not _may_see_subscriptions(connection):
        return False
    row = connection.execute(queries.load("protection/has_second_lock")).fetchone()
    return bool(row and row[0])


RULE = DropDatabaseLock()
