"""Where a report's rows come from: one statement over tovgov's own database, or a list that is small by nature.

A page is the statement with LIMIT and OFFSET and one row more, so nothing is ever counted; a file reads it through a
cursor on the server, flat in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django.db import connection, transaction
from django.db.models import F, QuerySet

EVERY = 1000
"""Rows that are fetched at once."""


class Rows(Protocol):
    """Rows that can be sorted by one of their columns."""

    def page(self, sort: str, offset: int, limit: int) -> list[dict[str, Any]]: ...

    def each(self, sort: str) -> Iterator[dict[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Statement:
    """A SELECT of named columns, without an order. ``key`` names what makes the order of equals certain."""

    sql: str
    values: Sequence[Any] = ()
    key: tuple[str, ...] = ()

    def page(self, sort: str, offset: int, limit: int) -> list[dict[str, Any]]:
        with connection.cursor() as cursor:
            cursor.execute(f"{self._sorted(sort)} LIMIT %s OFFSET %s", [*self.values, limit, offset])
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def each(self, sort: str) -> Iterator[dict[str, Any]]:
        with transaction.atomic(), connection.chunked_cursor() as cursor:
            cursor.execute(self._sorted(sort), list(self.values))
            names: list[str] = []
            while chunk := cursor.fetchmany(EVERY):
                names = names or [column.name for column in cursor.description]
                yield from (dict(zip(names, row, strict=True)) for row in chunk)

    def _sorted(self, sort: str) -> str:
        ways = [_way(sort), *(f'"{name}"' for name in self.key)]
        return f"SELECT * FROM ({self.sql}) report_rows ORDER BY {', '.join(ways)}"  # noqa: S608  # names are ours


def _way(sort: str) -> str:
    """``-rows`` as a part of ORDER BY; the caller has checked that the report has the column."""
    name = sort.removeprefix("-").replace('"', "")
    return f'"{name}" DESC NULLS LAST' if sort.startswith("-") else f'"{name}" ASC NULLS FIRST'


def of_queryset(rows: QuerySet[Any], /, *, key: str = "id", **columns: Any) -> Statement:
    """``columns`` (name → path or expression) of ``rows``, with its primary key as ``key``."""
    paths = {f"report_{name}": _expression(path) for name, path in {**columns, key: "pk"}.items()}
    found = rows.order_by().annotate(**paths).values(*paths)
    sql, values = found.query.sql_with_params()
    names = ", ".join(f'"report_{name}" AS "{name}"' for name in {**columns, key: ""})
    return Statement(f"SELECT {names} FROM ({sql}) named", values, (key,))  # noqa: S608  # names are ours


def _expression(path: Any) -> Any:
    return F(path) if isinstance(path, str) else path


@dataclass(frozen=True, slots=True)
class Listed:
    """Rows that are in memory already."""

    found: Iterable[Mapping[str, Any]]

    def page(self, sort: str, offset: int, limit: int) -> list[dict[str, Any]]:
        return self._sorted(sort)[offset : offset + limit]

    def each(self, sort: str) -> Iterator[dict[str, Any]]:
        yield from self._sorted(sort)

    def _sorted(self, sort: str) -> list[dict[str, Any]]:
        name = sort.removeprefix("-")
        rows = [dict(row) for row in self.found]
        return sorted(rows, key=lambda row: _comparable(row.get(name)), reverse=sort.startswith("-"))


def _comparable(value: Any) -> tuple[int, Any]:
    """Nothing before everything, and no comparison of unlike things."""
    if value is None or value == "":
        return (0, 0)
    if isinstance(value, datetime):
        return (1, value.timestamp())
    return (1, value) if isinstance(value, int | float) else (2, str(value).casefold())
