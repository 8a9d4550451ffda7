"""CSV as spreadsheets and COPY read it: UTF-8, a header, quotes where needed; written by PostgreSQL itself."""

from __future__ import annotations

from contextlib import closing
from typing import BinaryIO

from audit.exports.selection import FORMULA, Selection, Tell
from audit.lists.listing import Column

SUFFIX = "csv"
MEDIA = "text/csv; charset=utf-8"


def write(selection: Selection, out: BinaryIO, tell: Tell) -> int:
    """Write every row; how many. Text that a spreadsheet would run gets an apostrophe before it."""
    expressions = ", ".join(_expression(place, column) for place, column in enumerate(selection.columns))
    count = -1  # the header
    with closing(selection.copy(expressions, "FORMAT csv, HEADER true, ENCODING 'UTF8'", tell)) as lines:
        for line in lines:
            out.write(line)
            count += 1
    return max(count, 0)


def _expression(place: int, column: Column) -> str:
    value = f"rows.c{place}"
    if column.is_text:
        value = f"CASE WHEN {value} ~ '{FORMULA}' THEN '''' || {value} ELSE {value} END"
    return f'{value} AS "{column.name}"'
