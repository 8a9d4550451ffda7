"""Comparing columns with exactly the operators that an index or a foreign key uses."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from psycopg import sql

SYMBOLS = frozenset("+-*/<>=~!@#%^&|`?")  # what an operator's name is made of


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


def compared(
    ours: str, columns: Collection[str], theirs: str, others: Collection[str], operators: Collection[Operator]
) -> list[sql.Composed]:
    """``ours.column = theirs.other`` for each pair, with exactly these operators; ``ours`` and ``theirs`` are
    aliases."""
    return [
        sql.SQL("{} {} {}").format(sql.Identifier(ours, column), operator.sql, sql.Identifier(theirs, other))
        for column, operator, other in zip(columns, operators, others, strict=True)
    ]


def equal(
    ours: str, columns: Collection[str], theirs: str, others: Collection[str], operators: Collection[Operator]
) -> sql.Composed:
    """That all of them are equal."""
    return sql.SQL(" AND ").join(compared(ours, columns, theirs, others, operators))
