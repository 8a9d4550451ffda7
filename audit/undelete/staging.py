"""The deleted rows on their way: from tovgov's own store into a temporary table of the target."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import psycopg
from psycopg import sql

from audit.postgres import queries
from audit.undelete.columns import Part
from audit.undelete.shape import Table, complete, load, locate


@dataclass(frozen=True, slots=True)
class Deleted:
    """One deleted row as tovgov keeps it; ``log`` and ``of`` are the keys of its row and transaction there."""

    log: int
    of: int
    oid: int
    schema: str
    name: str
    masked: tuple[str, ...]
    row: str


def stage(connection: psycopg.Connection, rows: Iterable[Deleted]) -> list[Part]:
    """Send the rows, oldest first, and say which parts they make: one a table and set of columns."""
    connection.execute(queries.read("undelete/stage"))
    parts: dict[tuple[int, str, str, tuple[str, ...]], Part] = {}
    with connection.cursor() as cursor, cursor.copy(queries.read("undelete/copy")) as copy:
        for number, row in enumerate(rows):
            what = (row.oid, row.schema, row.name, row.masked)
            part = parts.setdefault(what, Part(len(parts), *what))
            copy.write_row((number, part.number, row.log, row.of, row.row))
    connection.execute(queries.read("undelete/analyze"))
    return _by_columns(connection, list(parts.values()))


def _by_columns(connection: psycopg.Connection, parts: list[Part]) -> list[Part]:
    """Rows from before and after an ALTER TABLE are parts of their own."""
    known = {part.number: part for part in parts}
    for number, names, rows in connection.execute(queries.read("undelete/key_sets")).fetchall():
        part = known[number]
        if part.rows:
            part = Part(len(parts), part.oid, part.schema, part.name, part.masked)
            parts.append(part)
            new, old = sql.Literal(part.number), sql.Literal(number)
            connection.execute(load("split", new=new, part=old, names=sql.Literal(list(names))))
        part.rows, part.names = rows, tuple(names)
    return parts


def find_tables(connection: psycopg.Connection, parts: list[Part]) -> None:
    """Give each part the table that it goes into, or say that there is none."""
    found = locate(connection, [(part.oid, part.schema, part.name) for part in parts])
    whole = complete(connection, [table for table in found if table.is_table])
    by_name = {table.label: table for table in whole.values()}
    for part in parts:
        part.table = by_name.get(part.label) or whole.get(part.oid)
        _tell(part, whole.get(part.oid))


def _tell(part: Part, same_oid: Table | None) -> None:
    if part.table is None:
        part.find("table_gone", "The table is gone. Restore it from a backup first.", part.rows)
        return
    if part.now.label != part.label:
        part.find("renamed", f"The table is called {part.now.label} now.")
    elif part.now.oid != part.oid:
        called = f"; the one that the rows were in is called {same_oid.label}" if same_oid else ""
        part.find("replaced", f"The table is another one of the same name{called}.")
    if part.now.is_hidden:
        part.find("row_security", "Row security hides rows of it from our role, so nothing could be proved.", part.rows)
    elif part.now.is_forced:
        words = (
            "Row security binds its owner too, so its triggers, checks and casts would run with the rights of our role."
        )
        part.find("own_rights", words, part.rows)
    if part.now.has_rules:
        part.find("rules", "A rule changes what an INSERT into it does.", part.rows)
