"""What every format writes: the columns of a list, for the rows that its filter chooses, in the list's order."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from audit.lists.listing import Column, Listing, Wanted

EVERY = 1000
"""``tell`` is called after so many rows."""

FORMULA = "^[=+@\t\r\n＝＋－＠-]"
"""How text begins that a spreadsheet would take for a formula, or hide one behind."""

Tell = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows of a list to be written."""

    listing: Listing
    wanted: Wanted

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.listing.columns

    def sql(self, expressions: str) -> str:
        """``SELECT expressions`` over the rows, as one statement without parameters. Raises ``FilterInvalid``."""
        paths = {f"c{place}": F(column.path) for place, column in enumerate(self.columns)}
        rows = self.listing.rows(self.wanted).order_by(*self.listing.ordering).annotate(**paths).values(*paths)
        inner, values = rows.query.sql_with_params()
        composed = connection.ops.compose_sql(inner, values)  # type: ignore[attr-defined]
        return f"SELECT {expressions} FROM ({composed}) rows"  # noqa: S608  # names are ours, values are composed

    def copy(self, expressions: str, options: str, tell: Tell) -> Generator[memoryview]:
        """What COPY sends, one line at a time: flat in memory, whatever the number of rows. Close it: until then the
        database hears nothing else."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL TimeZone = 'UTC'")
            with cursor.cursor.copy(f"COPY ({self.sql(expressions)}) TO STDOUT ({options})") as lines:
                yield from told(lines, tell)

    def rows(self, expressions: str, tell: Tell) -> Iterator[tuple[Any, ...]]:
        """The rows as Python values, through a cursor on the server."""
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL TimeZone = 'UTC'")
            with connection.chunked_cursor() as cursor:
                cursor.execute(self.sql(expressions))
                while chunk := cursor.fetchmany(EVERY):
                    yield from chunk
                    tell(len(chunk))


def told(lines: Any, tell: Tell) -> Iterator[Any]:
    """``lines``, and ``tell`` how many went by."""
    count = 0
    for line in lines:
        yield line
        count += 1
        if count == EVERY:
            tell(count)
            count = 0
    tell(count)
