"""The shape of a database's tables as a merge needs it: columns, keys, references, triggers, sequences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from audit.postgres import queries
from backups.restore.names import TableName

ROOT = Path(__file__).parent.parent / "sql"
SYMBOLS = set("+-*/<>=~!@#%^&|`?")  # what an operator's name is made of

read: Callable[[str], LiteralString] = partial(queries.read, root=ROOT)
load = partial(queries.load, root=ROOT)
T = TypeVar("T")


def _own_words(text: str) -> sql.SQL:
    """An expression as the target's server itself prints it (pg_get_expr, pg_get_indexdef), names qualified."""
    return sql.SQL(text)


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: str
    not_null: bool
    has_default: bool
    is_generated: bool


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator with its schema, so that no search_path decides which one is meant."""

    schema: str
    name: str

    @property
    def sql(self) -> sql.Composed:
        if not set(self.name) <= SYMBOLS:
            raise ValueError(f"not an operator: {self.name!r}")
        return sql.SQL("OPERATOR({}.{})").format(sql.Identifier(self.schema), sql.SQL(self.name))


@dataclass(frozen=True, slots=True)
class Key:
    """A unique index or an exclusion constraint. ``expressions`` and ``predicate`` are the server's own text."""

    name: str
    is_primary: bool
    columns: tuple[str, ...]
    expressions: tuple[str, ...]
    operators: tuple[Operator, ...]
    predicate: str | None
    nulls_are_equal: bool

    @property
    def condition(self) -> sql.Composable:
        """Which rows the key is about; all, unless the index is partial."""
        return sql.SQL("({})").format(_own_words(self.predicate)) if self.predicate else sql.SQL("true")

    def select(self, aliases: Collection[str]) -> sql.Composed:
        """The key's expressions under these names, for a query over one table."""
        pairs = zip(self.expressions, aliases, strict=True)
        return sql.SQL(", ").join(
            sql.SQL("({}) AS {}").format(_own_words(text), sql.Identifier(alias)) for text, alias in pairs
        )


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key of ``child`` to ``parent``. Each operator compares a parent's column with a child's."""

    name: str
    child: TableName
    parent: TableName
    columns: tuple[str, ...]
    parent_columns: tuple[str, ...]
    operators: tuple[Operator, ...]
    is_deferrable: bool
    of_a_partition: bool


@dataclass(frozen=True, slots=True)
class Sequence:
    schema: str
    name: str
    column: str
    increment: int

    def __str__(self) -> str:
        return self.identifier.as_string(None)

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)


@dataclass(frozen=True, slots=True)
class Table:
    """One table, or the root of a partitioned one. ``root`` is set for a partition: it is no table to merge."""

    name: TableName
    oid: int
    is_partitioned: bool
    root: TableName | None
    owner: str
    can_be_owner: bool
    columns: dict[str, Column]
    primary: Key | None
    others: tuple[Key, ...]
    references: tuple[Reference, ...]
    triggers: tuple[str, ...]
    sequences: tuple[Sequence, ...]

    @property
    def source(self) -> sql.Composable:
        """The table as a FROM clause names it: without inheritance children, which are tables of their own."""
        return self.name.identifier if self.is_partitioned else sql.SQL("ONLY {}").format(self.name.identifier)


def read_shape(conn: psycopg.Connection) -> dict[TableName, Table]:
    """Every table of the database that ``conn`` is in."""
    rows = _rows(conn, "merge/tables")
    names = {row["oid"]: TableName(row["schema"], row["name"]) for row in rows}
    roots = {names[row["oid"]]: _root(row) for row in rows}
    columns = _grouped(conn, "merge/columns", _column)
    keys = _grouped(conn, "merge/keys", _key)
    sequences = _grouped(conn, "merge/sequences", lambda row: Sequence(**row))
    triggers = {row["oid"]: tuple(row["names"]) for row in _rows(conn, "merge/triggers")}
    references: dict[TableName, list[Reference]] = defaultdict(list)
    for row in _rows(conn, "merge/references"):
        if row["child"] in names and row["parent"] in names:
            reference = _reference(row, names, roots)
            references[reference.child].append(reference)
    return {
        names[row["oid"]]: Table(
            name=names[row["oid"]],
            oid=row["oid"],
            is_partitioned=row["is_partitioned"],
            root=_root(row),
            owner=row["owner"],
            can_be_owner=row["can_be_owner"],
            columns={column.name: column for column in columns[row["oid"]]},
            primary=next((key for key in keys[row["oid"]] if key.is_primary), None),
            others=tuple(key for key in keys[row["oid"]] if not key.is_primary),
            references=tuple(references[names[row["oid"]]]),
            triggers=triggers.get(row["oid"], ()),
            sequences=tuple(sequences[row["oid"]]),
        )
        for row in rows
    }


def _rows(conn: psycopg.Connection, name: str) -> list[dict[str, Any]]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(read(name)).fetchall()


def _grouped(conn: psycopg.Connection, name: str, make: Callable[[dict[str, Any]], T]) -> dict[int, list[T]]:
    groups: dict[int, list[T]] = defaultdict(list)
    for row in _rows(conn, name):
        groups[row.pop("oid")].append(make(row))
    return groups


def _root(row: dict[str, Any]) -> TableName | None:
    return TableName(row["root_schema"], row["root_name"]) if row["root_name"] is not None else None


def _column(row: dict[str, Any]) -> Column:
    return Column(**row)


def _key(row: dict[str, Any]) -> Key:
    operators = tuple(Operator(*pair) for pair in row.pop("operators"))
    columns, expressions = tuple(row.pop("columns")), tuple(row.pop("expressions"))
    return Key(**row, columns=columns, expressions=expressions, operators=operators)


def _reference(row: dict[str, Any], names: dict[int, TableName], roots: dict[TableName, TableName | None]) -> Reference:
    """Told with the roots of partitioned tables, whichever partition declares it."""
    child, parent = names[row["child"]], names[row["parent"]]
    return Reference(
        name=row["name"],
        child=roots[child] or child,
        parent=roots[parent] or parent,
        columns=tuple(row["columns"]),
        parent_columns=tuple(row["parent_columns"]),
        operators=tuple(Operator(*pair) for pair in row["operators"]),
        is_deferrable=row["is_deferrable"],
        of_a_partition=roots[child] is not None or roots[parent] is not None,
    )
