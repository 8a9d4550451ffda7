"""Do all foreign keys hold? By an anti-join each, because what the catalogue says of itself proves nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from audit.postgres.queries import load, read

SQL = Path(__file__).parent / "sql"
OPERATOR_SIGNS = frozenset("+-*/<>=~!@#%^&|`?")


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key as the catalogue has it; ``operators`` are (schema, sign), one a column."""

    name: str
    schema: str
    table: str
    is_partitioned: bool
    parent_schema: str
    parent: str
    parent_is_partitioned: bool
    is_full: bool
    is_period: bool
    columns: list[str]
    parent_columns: list[str]
    operator_signs: list[str]
    operator_schemas: list[str]

    def __str__(self) -> str:
        return f'"{self.schema}"."{self.table}" {self.name}'


@dataclass(frozen=True, slots=True)
class Orphans:
    """How many rows of a table refer to nothing."""

    constraint: str
    rows: int


def find_orphans(conn: psycopg.Connection, on_key: Callable[[int, int], None] | None = None) -> list[Orphans]:
    """The foreign keys of the database of ``conn`` that do not hold, with their rows. ``on_key`` is called before
    each with how many are done of how many."""
    keys = [ForeignKey(*row) for row in conn.execute(read("proof/foreign_keys", SQL))]
    found = []
    for done, key in enumerate(keys):
        if on_key:
            on_key(done, len(keys))
        row = conn.execute(_statement(key)).fetchone()
        if row and row[0]:
            found.append(Orphans(str(key), int(row[0])))
    return found


def _statement(key: ForeignKey) -> sql.Composed:
    columns = list(zip(key.columns, key.parent_columns, key.operator_schemas, key.operator_signs, strict=True))
    compared = columns[:-1] if key.is_period else columns
    parts = {
        "table": _table(key.schema, key.table, key.is_partitioned),
        "parent": _table(key.parent_schema, key.parent, key.parent_is_partitioned),
        "refers": _any_or_all(key),
        "matches": sql.SQL(" AND ").join(_match(*column) for column in compared),
    }
    if key.is_period:
        periods = {"period": sql.Identifier(key.columns[-1]), "parent_period": sql.Identifier(key.parent_columns[-1])}
        return load("proof/orphans_period", SQL, **parts, **periods)
    return load("proof/orphans", SQL, **parts)


def _table(schema: str, name: str, is_partitioned: bool) -> sql.Composable:
    table = sql.Identifier(schema, name)
    return table if is_partitioned else load("proof/only", SQL, table=table)


def _any_or_all(key: ForeignKey) -> sql.Composed:
    """MATCH SIMPLE asks for a parent when no column is NULL, MATCH FULL as soon as one is not."""
    word = sql.SQL(" OR ") if key.is_full else sql.SQL(" AND ")
    return sql.SQL("(") + word.join(_is_set(column) for column in key.columns) + sql.SQL(")")


def _is_set(column: str) -> sql.Composed:
    return load("proof/is_set", SQL, column=sql.Identifier(column))


def _match(column: str, parent_column: str, schema: str, sign: str) -> sql.Composed:
    if not set(sign) <= OPERATOR_SIGNS:
        raise ValueError(f"not an operator: {sign!r}")
    return load(
        "proof/match",
        SQL,
        column=sql.Identifier(column),
        parent_column=sql.Identifier(parent_column),
        schema=sql.Identifier(schema),
        operator=sql.SQL(sign),  # signs only, as checked above
    )
