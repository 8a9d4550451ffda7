"""DROP of what is protected is refused, and the guards themselves stay as they are: event triggers."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import Connection

from audit.postgres import queries
from audit.protection import installed
from audit.protection.facts import TargetFacts
from audit.protection.rule import Finding, Released, Settings, Status, Step
from audit.protection.statements import chosen_values, forget_guard, released, set_guard, statement

GUARD = Released("ddl_guard.v1")
STARTS = {
    "DROP OWNED", "DROP SCHEMA", "DROP EXTENSION", "DROP LANGUAGE",
    "DROP FUNCTION", "DROP ROUTINE", "CREATE FUNCTION", "ALTER FUNCTION", "ALTER ROUTINE",
}  # fmt: skip
EVENTS = {
    "tovgov_guard_drop": ("guard_drop", "sql_drop", set[str]()),
    "tovgov_guard_start": (
        "guard_start",
        "ddl_command_start",
        STARTS,
    ),
    "tovgov_guard_end": ("guard_end", "ddl_command_end", set[str]()),
}


class DdlGuard:
    code = "ddl_guard"
    title = "DDL guard"
    promise = (
        "DROP of protected tables, columns, views, sequences and schemas is refused to every role, superusers"
        " included, whichever command would take them; so is a change of tovgov's own objects. Temporary objects are"
        " free. Each attempt leaves a line in the server's log."
    )
    limits: Sequence[str] = (
        "Event triggers never fire for DROP DATABASE: the drop-database lock stands before that.",
        "Event triggers never fire for commands on event triggers: a superuser can drop or disable them; drift checks"
        " find it within a minute.",
        "A superuser who hides the command in a DO block can drop the guards' schema; drift checks find it too.",
        "From PostgreSQL 17 a superuser can switch event triggers off for a session (event_triggers = off).",
    )
    defaults: Settings = {"tables": ["*"], "exclude": [], "alter": False}

    def plan(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Step]:
        facts.chosen([pattern for pattern in settings["tables"] if not pattern.endswith(".*")])
        if all(finding.status is Status.INSTALLED for finding in self.verify(facts, settings, connection)):
            return []
        functions = (f"{function}()" for function, _, _ in EVENTS.values())
        made = (*set_guard(connection, self.code, self._told(settings)), *released(connection, GUARD, *functions))
        effect = "No role can DROP a protected table, column, view, sequence or schema outside of a maintenance window."
        if settings["alter"]:
            effect += " Nor can any ALTER a protected table: migrations need a window."
        return [Step(self.code, "Guard against DROP", made, "none that others wait for", effect, "superuser")]

    def verify(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Finding]:
        functions, triggers = installed.functions(connection), installed.event_triggers(connection)
        findings = [installed.judge_settings(self.code, self._told(settings), connection)]
        for name, (function, event, tags) in EVENTS.items():
            findings.append(installed.judge_function(self.code, GUARD, function, functions.get(function)))
            findings.append(installed.judge_event_trigger(self.code, name, function, event, tags, triggers.get(name)))
        return findings + self._switched_off(connection)

    def _switched_off(self, connection: Connection) -> list[Finding]:
        """From PostgreSQL 17 on they can be switched off by a setting; for one session that is seen by nobody."""
        hint = "ALTER DATABASE or ALTER ROLE … RESET event_triggers; ALTER SYSTEM RESET event_triggers."
        return [
            Finding(self.code, "setting event_triggers", Status.ALTERED, f"Event triggers are off for {whom}.", hint)
            for (whom,) in connection.execute(queries.load("protection/event_triggers_off"))
        ]

    def remove(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Step]:
        if not installed.has_ground(connection):
            return []
        drop = (statement(connection, "ddl_guard_remove"), forget_guard(connection, self.code))
        effect = "Owners can DROP what is theirs again."
        return [Step(self.code, "Remove the DDL guard", drop, "none that others wait for", effect, "superuser")]

    def _told(self, settings: Settings) -> Settings:
        return chosen_values(settings) | {"alter": bool(settings["alter"])}


RULE = DdlGuard()
