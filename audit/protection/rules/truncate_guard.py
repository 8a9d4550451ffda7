"""TRUNCATE is refused, or its rows are kept first."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import Connection, sql

from audit.exceptions import PolicyMisfit
from audit.protection import installed
from audit.protection.facts import Table, TargetFacts
from audit.protection.rule import Finding, Released, Settings, Status, Step
from audit.protection.statements import chosen_values, forget_guard, released, statement
from audit.protection.table_triggers import Attacher, Kind, TableTrigger, array, refuse_masks_that_misfit

GUARD = Released("truncate_guard.v1")
ATTACH = Released("truncate_guard_attach.v1")
FILE = Released("truncate_guard_trigger.v1")
BEFORE_TRUNCATE_STATEMENT = 2 + 32  # pg_trigger.tgtype: TRIGGER_TYPE_BEFORE and TRIGGER_TYPE_TRUNCATE
MODES = ("refuse", "capture")


def _arguments(table: Table, settings: Settings) -> tuple[str, ...]:
    return settings["mode"], array(table.key), array(tuple(settings["masked"].get(table.label, ())))


KIND = Kind("guard_truncate", BEFORE_TRUNCATE_STATEMENT, FILE)
TRIGGER = TableTrigger("truncate_guard", "tovgov_truncate_guard", lambda table: (KIND,), _arguments)
ATTACHER = Attacher("truncate_guard", "tovgov_new_truncate_guard", "attach_truncate_guard", ATTACH)


class TruncateGuard:
    code = "truncate_guard"
    title = "Truncate guard"
    promise = "TRUNCATE of a protected table is refused (mode refuse), or its rows are kept first (mode capture)."
    limits: Sequence[str] = (
        "A superuser, or the table's owner, can drop the trigger; ownership and drift checks answer that.",
        "In mode capture a TRUNCATE takes as long as writing its rows, and is refused where row security hides some.",
        "A TRUNCATE inside a maintenance window of this rule is not kept in mode refuse.",
    )
    defaults: Settings = {"tables": ["*"], "exclude": [], "masked": {}, "mode": "refuse"}

    def plan(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Step]:
        if settings["mode"] not in MODES:
            raise PolicyMisfit(f'The truncate guard knows no mode "{settings["mode"]}", only {" and ".join(MODES)}.')
        refuse_masks_that_misfit(facts, settings)
        steps = []
        if self._guard(connection).status is not Status.INSTALLED:
            made = released(connection, GUARD, "guard_truncate()")
            steps.append(Step(self.code, "Make the truncate guard", made, "none", needs="superuser"))
        steps += [self._on(t, settings, connection) for t in TRIGGER.wanting(facts, settings, connection)]
        effect = "Tables and partitions made later are guarded too."
        return steps + ATTACHER.steps(self._told(settings), connection, "Guard new tables too", effect)

    def verify(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Finding]:
        triggers = TRIGGER.findings(facts, settings, connection)
        return [self._guard(connection), *ATTACHER.findings(self._told(settings), connection), *triggers]

    def remove(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Step]:
        steps = []
        if installed.has_ground(connection):
            stop = (statement(connection, "truncate_guard_remove"), forget_guard(connection, self.code))
            steps.append(Step(self.code, "Stop guarding new tables", stop, "none", needs="superuser"))
        steps += TRIGGER.take_off(facts, connection, "TRUNCATE of this table is free again.")
        if settings["mode"] == "capture" and installed.GUARD in facts.roles:
            steps += self._rights_back(facts, connection)
        if "guard_truncate" in installed.functions(connection):
            drop = (statement(connection, "truncate_guard_function_remove"),)
            steps.append(Step(self.code, "Remove the truncate guard", drop, "none", needs="superuser"))
        return steps

    def _on(self, table: Table, settings: Settings, connection: Connection) -> Step:
        mode, key, masked = _arguments(table, settings)
        parts = {"mode": sql.Literal(mode), "key_columns": sql.Literal(key), "masked_columns": sql.Literal(masked)}
        made: tuple[str, ...] = (TRIGGER.put_on(table, connection, **parts),)
        effect = f"No role can TRUNCATE {table.label} any more outside of a maintenance window."
        if mode == "capture":
            names = {"schema": sql.Identifier(table.schema), "table": table.identifier}
            made = (statement(connection, "truncate_guard_rights", **names), *made)
            effect = f"TRUNCATE of {table.label} keeps every row first and takes as long. tovgov_guard may read it."
        locks = f"SHARE ROW EXCLUSIVE on {table.label}, for a moment"
        return Step(self.code, f"Guard {table.label} against TRUNCATE", made, locks, effect, "superuser")

    def _rights_back(self, facts: TargetFacts, connection: Connection) -> list[Step]:
        """From every table: one made later got the right from the attaching function."""
        steps = []
        for table in facts.tables:
            names = {"schema": sql.Identifier(table.schema), "table": table.identifier}
            back = (statement(connection, "truncate_guard_rights_back", **names),)
            title = f"Take back the guard's right to read {table.label}"
            steps.append(Step(self.code, title, back, "none", needs=f"superuser or {table.owner}"))
        return steps

    def _told(self, settings: Settings) -> Settings:
        return chosen_values(settings) | {"masked": settings["masked"], "mode": settings["mode"], "mark": FILE.mark}

    def _guard(self, connection: Connection) -> Finding:
        found = installed.functions(connection).get("guard_truncate")
        return installed.judge_function(self.code, GUARD, "guard_truncate", found)


RULE = TruncateGuard()
