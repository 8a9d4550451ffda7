"""Every deleted row is kept, whole: a statement trigger on each table, roots and leaves of partitioned ones too."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import Connection, sql

from audit.protection import installed
from audit.protection.facts import Table, TargetFacts
from audit.protection.rule import Finding, Released, Settings, Status, Step
from audit.protection.statements import chosen_values, forget_guard, released, statement
from audit.protection.table_triggers import Attacher, Kind, TableTrigger, array, refuse_masks_that_misfit

OBJECTS = Released("delete_audit.v1")
ATTACH = Released("delete_audit_attach.v1")
FILE = Released("delete_audit_trigger.v1")
HEIRS = Released("delete_audit_heirs.v1")
HEIRS_FILE = Released("delete_audit_heirs_trigger.v1")
LOG_GOES = "Remove the delete log"
AFTER_DELETE_STATEMENT = 8  # pg_trigger.tgtype: TRIGGER_TYPE_DELETE alone; no ROW (1), no BEFORE (2) bit
AFTER_DELETE_ROW = 1 + 8


def _arguments(table: Table, settings: Settings) -> tuple[str, ...]:
    return array(table.key), array(tuple(settings["masked"].get(table.label, ())))


STATEMENT = Kind("capture_deleted", AFTER_DELETE_STATEMENT, FILE)
ROW = Kind("capture_deleted_row", AFTER_DELETE_ROW, HEIRS_FILE)


def _kinds(table: Table) -> tuple[Kind, ...]:
    """Once a table's heirs are gone, the trigger for each row is still right, only slower."""
    return (ROW,) if table.has_heirs else (STATEMENT, ROW)


TRIGGER = TableTrigger("delete_audit", "tovgov_delete_audit", _kinds, _arguments)
ATTACHER = Attacher("delete_audit", "tovgov_new_delete_audit", "attach_delete_audit", ATTACH)


class DeleteAudit:
    code = "delete_audit"
    title = "Delete audit"
    promise = (
        "Every row that a DELETE, MERGE or foreign-key cascade removes is kept with who, when, from where and how."
    )
    limits: Sequence[str] = (
        "TRUNCATE and DROP remove rows without a DELETE: the truncate and DDL guards stand before them.",
        "A superuser, or the table's owner, can drop the trigger; ownership and drift checks answer that.",
        "A masked column's value is not kept and cannot be recovered.",
        "A DELETE in a table that others inherit from (partitions are none of these) keeps of their rows only the"
        " columns that it has itself.",
        "Rows of excluded tables and of foreign tables are not kept.",
        "An UPDATE that moves a row to another partition deletes nothing, and nothing is kept of it.",
    )
    defaults: Settings = {"tables": ["*"], "exclude": [], "masked": {}, "keep_days": 30}

    def plan(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Step]:
        refuse_masks_that_misfit(facts, settings)
        steps = []
        if any(f.status is not Status.INSTALLED for f in self._objects(connection)):
            made = released(connection, OBJECTS, "capture_deleted()")
            made += released(connection, HEIRS, "capture_deleted_row()")
            steps.append(Step(self.code, "Make the delete log and its function", made, "none", needs="superuser"))
        steps += [self._on(t, settings, connection) for t in TRIGGER.wanting(facts, settings, connection)]
        effect = "Tables and partitions made later are captured too."
        return steps + ATTACHER.steps(self._told(settings), connection, "Watch for new tables", effect)

    def verify(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Finding]:
        triggers = TRIGGER.findings(facts, settings, connection)
        return self._objects(connection) + ATTACHER.findings(self._told(settings), connection) + triggers

    def remove(self, facts: TargetFacts, settings: Settings, connection: Connection) -> list[Step]:
        functions, steps = installed.functions(connection), []
        if installed.has_ground(connection):
            stop = (statement(connection, "delete_audit_remove"), forget_guard(connection, self.code))
            steps.append(Step(self.code, "Stop watching for new tables", stop, "none", needs="superuser"))
        steps += TRIGGER.take_off(facts, connection, "Deletes in this table are no longer kept.")
        if "capture_deleted" in functions:
            drop = (statement(connection, "delete_audit_log_remove"),)
            effect = "The delete log is gone, with every row in it that was not imported."
            steps.append(Step(self.code, LOG_GOES, drop, "none", effect, "superuser"))
        return steps

    def _on(self, table: Table, settings: Settings, connection: Connection) -> Step:
        key, masked = _arguments(table, settings)
        made = TRIGGER.put_on(table, connection, key_columns=sql.Literal(key), masked_columns=sql.Literal(masked))
        effect = "Deletes cost about 2 µs a row more."
        if table.has_heirs:
            effect = "Deletes cost some 25 µs a row more: tables that inherit from each other are kept row by row."
        effect += "" if table.key else " It has no key: rows are kept without."
        locks = f"SHARE ROW EXCLUSIVE on {table.label}, for a moment"
        return Step(self.code, f"Capture deletes from {table.label}", (made,), locks, effect, "superuser")

    def _told(self, settings: Settings) -> Settings:
        return chosen_values(settings) | {"masked": settings["masked"], "mark": FILE.mark, "row_mark": HEIRS_FILE.mark}

    def _objects(self, connection: Connection) -> list[Finding]:
        found = installed.functions(connection).get("capture_deleted")
        findings = [installed.judge_function(self.code, OBJECTS, "capture_deleted", found)]
        rows = installed.functions(connection).get("capture_deleted_row")
        findings.append(installed.judge_function(self.code, HEIRS, "capture_deleted_row", rows))
        have = installed.relations(connection)
        names = ("delete_audit_record", "DeleteAuditLog")
        return findings + [installed.judge_relation(self.code, name, have.get(name)) for name in names]


RULE = DeleteAudit()
