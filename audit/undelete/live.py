"""A deleted row beside the row that has its key now, column by column. Reads the target, changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import psycopg
from psycopg import sql

from audit import targets
from audit.actors import Actor
from audit.exceptions import TovgovError
from audit.models import DeleteAuditLog, Purpose
from audit.postgres import queries
from audit.undelete.application import become
from audit.undelete.columns import Part
from audit.undelete.conflicts import fields
from audit.undelete.shape import Table, complete, load, locate

CONNECT_SECONDS = 3
STATEMENT_MILLISECONDS = 3_000
LARGEST = 1_000_000  # characters
VIEW = "audit.view_deleteauditlog"


class Beside(StrEnum):
    """How the live row stands to the deleted one."""

    ABSENT = "absent"
    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class LiveRow:
    """``values``: column → its JSON text as the log would write it, masked and generated columns left out. ``differs``
    names the columns whose value is another one. ``why`` says why nothing is known."""

    beside: Beside
    values: dict[str, str] = field(default_factory=dict)
    differs: frozenset[str] = frozenset()
    why: str = ""


def live_row(deleted: DeleteAuditLog, *, actor: Actor) -> LiveRow:
    """Look up the row that has the key of ``deleted`` now. A target that cannot be asked is no error here: the answer
    says so. Raises ``NotPermitted``."""
    actor.require(VIEW)
    if len(deleted.row) > LARGEST:
        return _unknown("The row is too large to be compared on a page.")
    options = {"read_only": True, "statement_timeout": STATEMENT_MILLISECONDS, "connect_timeout": CONNECT_SECONDS}
    try:
        with (
            targets.connected(deleted.target, Purpose.BACKUP, actor=actor, **options) as connection,
            connection.transaction(),
        ):
            return _look(connection, deleted)
    except TovgovError as error:
        return _unknown(error.message)


def _unknown(why: str) -> LiveRow:
    return LiveRow(Beside.UNKNOWN, why=why)


def _look(connection: psycopg.Connection, deleted: DeleteAuditLog) -> LiveRow:
    connection.execute(queries.read("settings"))
    part = _part(connection, deleted)
    if part.table is None:
        return _unknown("The table is gone.")
    if part.now.is_forced or part.now.is_hidden:
        return _unknown("Row security keeps its rows from being compared.")
    key = part.key
    if key is None:
        return _unknown("Without a key nobody can say which row it would be.")
    if part.now.can_be_owner:
        become(connection, part.now.owner)
    texts = {"deleted": part.deleted(), "live": part.live(), "row": sql.Literal(deleted.row)}
    definitions = part.definitions(key.columns)
    statement = load("live_row", source=part.now.source, match=key.match(), definitions=definitions, **texts)
    row = connection.execute(statement).fetchone()
    if row is None:
        return LiveRow(Beside.ABSENT)
    before, now = fields(row[0]), fields(row[1])
    differs = frozenset(name for name in now if before.get(name) != now[name])
    return LiveRow(Beside.DIFFERENT if differs else Beside.SAME, now, differs)


def _part(connection: psycopg.Connection, deleted: DeleteAuditLog) -> Part:
    """The row as a part of its own. One that goes through a partitioned root is looked for in all partitions."""
    found = locate(connection, [(deleted.table_oid, deleted.table_schema, deleted.table_name)])
    tables = complete(connection, [table for table in found if table.is_table])
    part = Part(0, deleted.table_oid, deleted.table_schema, deleted.table_name, tuple(deleted.masked), 1)
    by_name: dict[str, Table] = {table.label: table for table in tables.values()}
    part.table = by_name.get(part.label) or tables.get(part.oid)
    part.names = tuple(fields(deleted.row))
    return part
