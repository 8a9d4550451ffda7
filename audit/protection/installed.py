"""What tovgov has put into a target, read from its catalogues, and how it differs from what was released."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import class_row

from audit.postgres import queries
from audit.protection.rule import Finding, Released, Status

GUARD = "tovgov_guard"
SCHEMA = "tovgov"
AGAIN = "Install the policy again."
WHO = "Find out who did it; then install the policy again."


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    owner: str
    owner_is_superuser: bool
    body: str
    is_definer: bool
    settings: list[str]
    mark: str


@dataclass(frozen=True, slots=True)
class Trigger:
    table_oid: int
    name: str
    enabled: str
    function: str
    function_schema: str
    type: int
    has_condition: bool
    arguments: bytes
    mark: str

    @property
    def words(self) -> list[str]:
        """The trigger's arguments."""
        return [part.decode() for part in self.arguments.split(b"\0")[:-1]]


@dataclass(frozen=True, slots=True)
class EventTrigger:
    name: str
    enabled: str
    event: str
    tags: list[str]
    function: str
    function_schema: str


@dataclass(frozen=True, slots=True)
class Relation:
    name: str
    owner: str
    mark: str


def functions(connection: Connection) -> dict[str, Function]:
    """Functions of the schema tovgov by name."""
    with connection.cursor(row_factory=class_row(Function)) as cursor:
        rows = cursor.execute(queries.load("protection/functions")).fetchall()
    return {row.name: row for row in rows}


def triggers(connection: Connection) -> dict[tuple[int, str], Trigger]:
    """Our triggers by (table's oid, name)."""
    with connection.cursor(row_factory=class_row(Trigger)) as cursor:
        rows = cursor.execute(queries.load("protection/triggers")).fetchall()
    return {(row.table_oid, row.name): row for row in rows}


def relations(connection: Connection) -> dict[str, Relation]:
    """Tables and views of the schema tovgov by name."""
    with connection.cursor(row_factory=class_row(Relation)) as cursor:
        rows = cursor.execute(queries.load("protection/relations")).fetchall()
    return {row.name: row for row in rows}


def event_triggers(connection: Connection) -> dict[str, EventTrigger]:
    """Our event triggers by name."""
    with connection.cursor(row_factory=class_row(EventTrigger)) as cursor:
        rows = cursor.execute(queries.load("protection/event_triggers")).fetchall()
    return {row.name: row for row in rows}


def may_read(connection: Connection, table: str) -> bool:
    """Whether the table of ours is there and may be read."""
    row = connection.execute(queries.load("protection/may_read", table=sql.Literal(table))).fetchone()
    return bool(row and row[0])


def may_write(connection: Connection) -> bool:
    """Whether the schema tovgov stands and we may tell the guards that it is our own work."""
    row = connection.execute(queries.load("protection/may_write")).fetchone()
    return bool(row and row[0])


def guard_settings(connection: Connection) -> dict[str, dict[str, Any]] | None:
    """What the guards are told, by rule and name; None when it is not ours to read."""
    if not may_read(connection, "guard_setting"):
        return None
    found: dict[str, dict[str, Any]] = {}
    for rule, name, value in connection.execute(queries.load("protection/guard_settings")):
        found.setdefault(rule, {})[name] = value
    return found


def records(connection: Connection, rule: str) -> dict[str, Any]:
    """What was before, by object; nothing when it is not there or not ours to read."""
    if not may_read(connection, "protection_record"):
        return {}
    return dict(connection.execute(queries.load("protection/records", rule=sql.Literal(rule))).fetchall())


def has_ground(connection: Connection) -> bool:
    """Whether the schema tovgov stands."""
    row = connection.execute(queries.load("protection/has_ground")).fetchone()
    return bool(row and row[0])


def judge_relation(rule: str, name: str, found: Relation | None) -> Finding:
    """Whether a table or view of ours is there and belongs to the guard."""
    label = f"{SCHEMA}.{name}"
    if found is None:
        return Finding(rule, label, Status.MISSING, "It is not there.", AGAIN)
    if found.owner != GUARD:
        return Finding(rule, label, Status.ALTERED, f"It belongs to {found.owner}.", WHO)
    return Finding(rule, label, Status.INSTALLED)


def judge_event_trigger(rule: str, name: str, function: str, event: str, tags: set[str],
                        found: EventTrigger | None) -> Finding:  # fmt: skip
    """Whether an event trigger is there, always enabled, at its event and with its function."""
    label = f"event trigger {name}"
    if found is None:
        return Finding(rule, label, Status.MISSING, "It is not there.", AGAIN)
    wrong = []
    if found.enabled != "A":
        wrong.append(
            {"D": "it is disabled", "O": "it is silent under replica", "R": "it is for replicas"}[found.enabled]
        )
    if (found.function_schema, found.function) != (SCHEMA, function):
        wrong.append(f"it calls {found.function_schema}.{found.function}")
    if (found.event, set(found.tags)) != (event, tags):
        wrong.append("it fires at another event")
    if wrong:
        return Finding(rule, label, Status.ALTERED, ", ".join(wrong).capitalize() + ".", WHO)
    return Finding(rule, label, Status.INSTALLED)


def judge_settings(rule: str, wanted: dict[str, Any], connection: Connection) -> Finding:
    """Whether the guards are told what the policy says."""
    label = f"settings of {rule}"
    found = guard_settings(connection)
    if found is None:
        if has_ground(connection):
            return Finding(rule, label, Status.UNKNOWN, "Our role may not read them.", "Verify with a stronger role.")
        return Finding(rule, label, Status.MISSING, "They are not there.", AGAIN)
    if rule not in found:
        return Finding(rule, label, Status.MISSING, "They are not there.", AGAIN)
    wrong = sorted(name for name, value in wanted.items() if found[rule].get(name) != value)
    if wrong:
        return Finding(rule, label, Status.ALTERED, f"Not as the policy says: {', '.join(wrong)}.", AGAIN)
    return Finding(rule, label, Status.INSTALLED)


def released_body(released: Released, function: str) -> str:
    """The body of ``function`` as the released file defines it."""
    pattern = rf"FUNCTION tovgov\.{function}\(.*?AS \$tovgov\$(.*?)\$tovgov\$"
    found = re.search(pattern, released.text, re.DOTALL)
    assert found is not None, f"{released.name} defines no {function}"
    return found.group(1)


def released_settings(released: Released, function: str) -> set[str]:
    """The SET clauses of ``function`` in the released file, as pg_proc.proconfig spells them."""
    head = re.search(rf"FUNCTION tovgov\.{function}\(.*?AS \$tovgov\$", released.text, re.DOTALL)
    assert head is not None, f"{released.name} defines no {function}"
    pairs = re.findall(r"SET (\w+) = ([^\n]+?)(?=\s+SET |\s+AS \$tovgov\$|\n)", head.group(0))
    return {f"{name}={value.strip().strip(chr(39))}".lower() for name, value in pairs}


def judge_function(
    rule: str, released: Released, name: str, found: Function | None, *, by_superuser: bool = False
) -> Finding:
    """Compare a function with the released one: body, owner (a superuser, or the guard), SECURITY DEFINER and
    settings."""
    label = f"function {SCHEMA}.{name}"
    if found is None:
        return Finding(rule, label, Status.MISSING, "It is not there.", AGAIN)
    if found.mark != released.mark and found.mark.startswith("tovgov "):
        return Finding(rule, label, Status.OUTDATED, f"It is {found.mark}.", AGAIN)
    wrong = []
    if found.body != released_body(released, name):
        wrong.append("its body was changed")
    if not (found.owner_is_superuser if by_superuser else found.owner == GUARD):
        wrong.append(f"it belongs to {found.owner}")
    if not found.is_definer:
        wrong.append("it does not run as its owner")
    if {s.lower() for s in found.settings} != released_settings(released, name):
        wrong.append("its settings were changed")
    if wrong:
        return Finding(rule, label, Status.ALTERED, ", ".join(wrong).capitalize() + ".", WHO)
    return Finding(rule, label, Status.INSTALLED)
