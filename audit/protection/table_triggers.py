"""A guard trigger on each chosen table: put on, judged and taken off the same way by every rule that has one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from psycopg import Connection, sql

from audit.exceptions import PolicyMisfit
from audit.protection import installed
from audit.protection.facts import Table, TargetFacts
from audit.protection.installed import AGAIN, WHO, Trigger
from audit.protection.rule import Finding, Released, Settings, Status, Step
from audit.protection.statements import released, set_guard, statement

NEW_TABLES = {"CREATE TABLE", "CREATE TABLE AS", "SELECT INTO", "ALTER TABLE"}
ENABLED = {"D": "it is disabled", "O": "it is silent under replica", "R": "it is for replicas only"}


@dataclass(frozen=True, slots=True)
class Kind:
    """What a trigger calls and when; ``type`` is pg_trigger.tgtype, ``file`` makes it."""

    function: str
    type: int
    file: Released


@dataclass(frozen=True, slots=True)
class TableTrigger:
    """``kinds`` gives those that protect a table, the one that is put on first; ``arguments`` a table's trigger
    arguments under a policy's settings."""

    rule: str
    name: str
    kinds: Callable[[Table], tuple[Kind, ...]]
    arguments: Callable[[Table, Settings], tuple[str, ...]]

    def wanting(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Table]:
        """Chosen tables on which the trigger is not as it must be."""
        have = installed.triggers(connection)
        return [
            table
            for table in facts.chosen(settings["tables"], settings["exclude"])
            if self.judge(table, settings, have.get((table.oid, self.name))).status is not Status.INSTALLED
        ]

    def findings(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Finding]:
        have = installed.triggers(connection)
        chosen = facts.chosen(settings["tables"], settings["exclude"])
        return [self.judge(table, settings, have.get((table.oid, self.name))) for table in chosen]

    def judge(self, table: Table, settings: Settings, found: Trigger | None) -> Finding:
        """The trigger of one table against the released one and the policy."""
        if found is None:
            return Finding(self.rule, table.label, Status.MISSING, "It has no trigger of this rule.", AGAIN)
        kinds = self.kinds(table)
        kind = next((kind for kind in kinds if kind.function == found.function), kinds[0])
        wrong = []
        if found.enabled != "A":
            wrong.append(ENABLED[found.enabled])
        if (found.function_schema, found.function) != (installed.SCHEMA, kind.function):
            wrong.append(f"it calls {found.function_schema}.{found.function}")
        if found.type != kind.type:
            wrong.append("it fires at another event")
        if found.has_condition:
            wrong.append("a condition was put on it")
        if found.words != list(self.arguments(table, settings)):
            wrong.append("its arguments differ")
        if wrong:
            detail = "The trigger was altered: " + ", ".join(wrong) + "."
            return Finding(self.rule, table.label, Status.ALTERED, detail, WHO)
        if found.mark != kind.file.mark:
            return Finding(self.rule, table.label, Status.OUTDATED, f"It is {found.mark or 'unmarked'}.", AGAIN)
        return Finding(self.rule, table.label, Status.INSTALLED)

    def put_on(self, table: Table, connection: Connection, **parts: sql.Composable) -> str:
        file = self.kinds(table)[0].file
        return statement(connection, file.name, table=table.identifier, mark=sql.Literal(file.mark), **parts)

    def take_off(self, facts: TargetFacts, connection: Connection, effect: str) -> list[Step]:
        """A step for each table that has it."""
        have = {oid for oid, name in installed.triggers(connection) if name == self.name}
        return [self._off(table, connection, effect) for table in facts.tables if table.oid in have]

    def _off(self, table: Table, connection: Connection, effect: str) -> Step:
        drop = statement(connection, "drop_trigger", trigger=sql.Identifier(self.name), table=table.identifier)
        locks = f"ACCESS EXCLUSIVE on {table.label}, for a moment"
        needs = f"superuser or owner of {table.label} ({table.owner})"
        return Step(self.rule, f"Take {self.name} off {table.label}", (drop,), locks, effect, needs)


@dataclass(frozen=True, slots=True)
class Attacher:
    """The event trigger ``name``, whose ``function`` (of ``file``) puts a rule's trigger on tables and partitions made
    later. What it needs to know (``told``) stands in the target."""

    rule: str
    name: str
    function: str
    file: Released

    def findings(self, told: Settings, connection: Connection) -> list[Finding]:
        function = installed.functions(connection).get(self.function)
        trigger = installed.event_triggers(connection).get(self.name)
        return [
            installed.judge_settings(self.rule, told, connection),
            installed.judge_function(self.rule, self.file, self.function, function, by_superuser=True),
            installed.judge_event_trigger(self.rule, self.name, self.function, "ddl_command_end", NEW_TABLES, trigger),
        ]

    def steps(self, told: Settings, connection: Connection, title: str, effect: str) -> list[Step]:
        """The step that makes it, when anything of it is not as it must be."""
        if all(finding.status is Status.INSTALLED for finding in self.findings(told, connection)):
            return []
        made = set_guard(connection, self.rule, told) + released(connection, self.file, f"{self.function}()")
        return [Step(self.rule, title, made, "none", effect, "superuser")]


def array(names: tuple[str, ...]) -> str:
    """Names as an array literal, each quoted, as the attaching functions in the target write it too."""
    return "{" + ",".join('"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"' for name in names) + "}"


def refuse_masks_that_misfit(facts: TargetFacts, settings: Settings) -> None:
    """Raise ``PolicyMisfit`` when the policy masks what is not there, or a column of the primary key."""
    known = {table.label: table for table in facts.tables}
    for label, columns in settings["masked"].items():
        if label not in known:
            raise PolicyMisfit(f"The policy masks columns of {label}, which the target does not have.")
        if missing := set(columns) - set(known[label].columns):
            raise PolicyMisfit(f"The policy masks {', '.join(sorted(missing))} of {label}: no such column.")
        if keyed := set(columns) & set(known[label].key):
            raise PolicyMisfit(f"The policy masks {', '.join(sorted(keyed))} of {label}: rows are known by it.")
