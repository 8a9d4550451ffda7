"""What must be known of the target's tables to put rows back into them, read from its catalogues."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from audit.postgres import queries

SYMBOLS = frozenset("+-*/<>=~!@#%^&|`?")  # what an operator's name is made of
T = TypeVar("T")


def load(name: str, /, **parts: sql.Composable) -> sql.Composed:
    """``sql/undelete/<name>.sql`` with its names and literals filled."""
    return queries.load(f"undelete/{name}", queries.ROOT, **parts)


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it is now. ``default`` is the server's own text of it."""

    name: str
    type: str
    base: str
    type_schema: str
    not_null: bool
    default: str | None
    is_generated: bool
    is_identity: bool
    is_users: bool
    has_casts: bool

    @property
    def is_given(self) -> bool:
        """Whether a row that says nothing about it can be put in."""
        return not self.not_null or self.default is not None or self.is_identity or self.is_generated

    @property
    def is_json(self) -> bool:
        return self.base in ("json", "jsonb") and self.type_schema == "pg_catalog"

    @property
    def definition(self) -> sql.Composed:
        """For json_to_record. A type is named as the server itself prints it, qualified."""
        kind = "pg_catalog.json" if self.base == "hstore" else self.type
        return sql.SQL("{} {}").format(sql.Identifier(self.name), sql.SQL(kind))

    def value(self, record: str = "r") -> sql.Composable:
        """How its value is taken from a record of json_to_record."""
        it = sql.Identifier(record, self.name)
        if self.base == "hstore":
            return load("value_hstore", schema=sql.Identifier(self.type_schema), value=it)
        if self.is_json and self.not_null:  # to_json writes json's own null and NULL alike; here it was the former
            return load("value_json", value=it, type=sql.SQL(self.type))
        return it


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
    """A unique index over plain columns."""

    name: str
    is_primary: bool
    is_deferrable: bool
    columns: tuple[str, ...]
    operators: tuple[Operator, ...]
    nulls_are_equal: bool

    def match(self) -> sql.Composed:
        """That the live row ``t`` has the values of the deleted row ``r``."""
        parts = [_equal("t", c, o, "r", c) for c, o in zip(self.columns, self.operators, strict=True)]
        if self.nulls_are_equal:
            nulls = [load("both_null", a=sql.Identifier("t", c), b=sql.Identifier("r", c)) for c in self.columns]
            parts = [sql.SQL("({} OR {})").format(p, n) for p, n in zip(parts, nulls, strict=True)]
        return sql.SQL(" AND ").join(parts)


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key. ``is_the_servers``: only the server itself can judge it."""

    name: str
    parent: int
    parent_root: int
    parent_schema: str
    parent_name: str
    parent_kind: str
    parent_owner: str
    can_be_parent_owner: bool
    is_forced: bool
    is_deferrable: bool
    is_the_servers: bool
    columns: tuple[str, ...]
    parent_columns: tuple[str, ...]
    parent_types: tuple[str, ...]
    operators: tuple[Operator, ...]

    @property
    def parent_source(self) -> sql.Composable:
        return source_of(self.parent_schema, self.parent_name, self.parent_kind)

    @property
    def parent_definitions(self) -> sql.Composed:
        pairs = zip(self.parent_columns, self.parent_types, strict=True)
        return sql.SQL(", ").join(sql.SQL("{} {}").format(sql.Identifier(c), sql.SQL(t)) for c, t in pairs)

    def match(self) -> sql.Composed:
        """That the parent ``p`` is the one that the deleted row ``r`` names."""
        columns = zip(self.parent_columns, self.operators, self.columns, strict=True)
        return sql.SQL(" AND ").join(_equal("p", parent, operator, "r", child) for parent, operator, child in columns)

    def is_set(self) -> sql.Composed:
        """That a deleted row names a parent at all."""
        return sql.SQL(" AND ").join(load("has_value", column=sql.Literal(c)) for c in self.columns)


@dataclass(frozen=True, slots=True)
class Sequence:
    column: str
    schema: str
    name: str
    increment: int
    owner: str

    def __str__(self) -> str:
        return self.identifier.as_string(None)

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)


@dataclass(frozen=True, slots=True)
class Table:
    """A table or a partition. ``root`` is its own oid unless it is a partition. ``triggers`` are (name, enabled)."""

    oid: int
    schema: str
    name: str
    kind: str
    root: int
    owner: str
    can_be_owner: bool
    is_forced: bool
    is_hidden: bool
    has_rules: bool
    columns: tuple[Column, ...] = ()
    keys: tuple[Key, ...] = ()
    references: tuple[Reference, ...] = ()
    triggers: tuple[tuple[str, str], ...] = ()
    sequences: tuple[Sequence, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def is_table(self) -> bool:
        return self.kind in ("r", "p")

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)

    @property
    def source(self) -> sql.Composable:
        """As a FROM clause names it: without inheritance children, which are tables of their own."""
        return source_of(self.schema, self.name, self.kind)

    @property
    def key(self) -> Key | None:
        """By what a row is known: the primary key, else the first unique key without a column that may be NULL."""
        required = {column.name for column in self.columns if column.not_null}
        return next((k for k in self.keys if k.is_primary or set(k.columns) <= required), None)


def source_of(schema: str, name: str, kind: str) -> sql.Composable:
    table = sql.Identifier(schema, name)
    return table if kind == "p" else load("only", table=table)


def _equal(left: str, a: str, operator: Operator, right: str, b: str) -> sql.Composed:
    return load("equal", a=sql.Identifier(left, a), operator=operator.sql, b=sql.Identifier(right, b))


def locate(connection: psycopg.Connection, wanted: Iterable[tuple[int, str, str]]) -> list[Table]:
    """What has one of these oids or names (oid, schema, name): tables, but also a view that took a name."""
    wanted = list(wanted)
    oids, schemas, names = ([row[i] for row in wanted] for i in range(3))
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(queries.read("undelete/locate"), {"oids": oids, "schemas": schemas, "names": names})
        return [Table(**row) for row in cursor]


def complete(connection: psycopg.Connection, tables: Collection[Table]) -> dict[int, Table]:
    """The same tables by oid, with their columns, keys, references, triggers and sequences."""
    oids = {"oids": [table.oid for table in tables]}
    columns = _grouped(connection, "columns", oids, lambda row: Column(**row))
    keys = _grouped(connection, "keys", oids, _key)
    references = _grouped(connection, "references", oids, _reference)
    triggers = _grouped(connection, "triggers", oids, lambda row: (row["name"], row["enabled"]))
    sequences = _grouped(connection, "sequences", oids, lambda row: Sequence(**row))
    return {
        t.oid: replace(
            t,
            columns=tuple(columns[t.oid]),
            keys=tuple(keys[t.oid]),
            references=tuple(references[t.oid]),
            triggers=tuple(triggers[t.oid]),
            sequences=tuple(sequences[t.oid]),
        )
        for t in tables
    }


def _grouped(
    connection: psycopg.Connection, name: str, values: dict[str, Any], make: Callable[[dict[str, Any]], T]
) -> dict[int, list[T]]:
    groups: dict[int, list[T]] = defaultdict(list)
    with connection.cursor(row_factory=dict_row) as cursor:
        for row in cursor.execute(queries.read(f"undelete/{name}"), values):
            groups[row.pop("oid")].append(make(row))
    return groups


def _key(row: dict[str, Any]) -> Key:
    operators = tuple(Operator(*pair) for pair in row.pop("operators"))
    return Key(**row | {"columns": tuple(row["columns"])}, operators=operators)


def _reference(row: dict[str, Any]) -> Reference:
    operators = tuple(Operator(*pair) for pair in row.pop("operators"))
    row |= {name: tuple(row[name]) for name in ("columns", "parent_columns", "parent_types")}
    return Reference(**row, operators=operators)
