"""The ground every rule stands on: the guard role and the schema ``tovgov`` that only it owns."""

from __future__ import annotations

from collections.abc import Collection

from psycopg import Connection, sql

from audit.postgres import queries
from audit.protection import installed
from audit.protection.rule import Finding, Released, Status, Step
from audit.protection.statements import released, statement

GROUND = Released("schema.v1")
CODE = "ground"
WHO = "Find out who did it; then mend it:"
FUNCTIONS = {
    "is_relaxed": "is_relaxed(text)",
    "is_chosen": "is_chosen(text, text)",
    "plain_columns": "plain_columns(oid)",
    "refuse": "refuse(text, text)",
}
TABLES = ("maintenance_window", "protection_record", "guard_setting", "ddl_log")


def schema_steps(connection: Connection) -> list[Step]:
    """The step that lays the ground, unless it is there already."""
    if all(finding.status is Status.INSTALLED for finding in schema_findings(connection)):
        return []
    statements = released(connection, GROUND, *FUNCTIONS.values())
    effect = "A role that nobody can log in as owns the schema tovgov; nobody else may write there."
    return [Step(CODE, "Make the schema tovgov", statements, "none that others wait for", effect, "superuser")]


def schema_findings(connection: Connection) -> list[Finding]:
    """Whether role, schema, tables and functions are as released."""
    functions, relations = installed.functions(connection), installed.relations(connection)
    findings = [installed.judge_function(CODE, GROUND, name, functions.get(name)) for name in FUNCTIONS]
    return findings + [installed.judge_relation(CODE, name, relations.get(name)) for name in TABLES]


def doubts(connection: Connection, known_windows: Collection[int] | None = ()) -> list[Finding]:
    """What must not be: the guards' role or schema opened to others, a maintenance window in the target that is none
    of ``known_windows`` (None: they are not known right now)."""
    if not installed.has_ground(connection):
        return []
    found = connection.execute(queries.load("protection/ground_doubts")).fetchall()
    findings = [Finding(CODE, label, Status.ALTERED, detail, f"{WHO} {mend};") for label, detail, mend in found]
    if known_windows is None or not installed.may_read(connection, "maintenance_window"):
        return findings
    known = sql.Literal(list(known_windows))
    for number, by, rules in connection.execute(queries.load("protection/strange_windows", known=known)):
        words = f"{by} opened it for {rules}, and not through tovgov."
        mend = f"close it there: closed_at of row {number} in tovgov.maintenance_window."
        findings.append(Finding(CODE, f"maintenance window {number}", Status.ALTERED, words, f"{WHO} {mend}"))
    return findings


def remove_steps(connection: Connection) -> list[Step]:
    """The step that takes the schema and, unless another database needs them, the roles away."""
    if not installed.has_ground(connection):
        return []
    effect = "The schema tovgov is gone, and the roles tovgov_guard and tovgov_owner when nothing else needs them."
    statements = (statement(connection, "ground_remove"), statement(connection, "roles_remove"))
    return [Step(CODE, "Remove the schema tovgov", statements, "none that others wait for", effect, "superuser")]
