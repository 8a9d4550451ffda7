"""Excel: text cells that are text and stay it, one row in memory at a time, a further sheet beyond a sheet's end."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, BinaryIO

import xlsxwriter

from audit.exports.selection import FORMULA, Selection, Tell

SUFFIX = "xlsx"
MEDIA = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SHEET = 1_048_575  # rows below the header
CELL = 32_767  # characters; a longer value is cut and says so
CUT = " … [cut]"
EXACT = 2**53
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "use_zip64": True,
}


class Table:
    """Rows below a header, on as many sheets as they need."""

    def __init__(self, book: Any, names: Sequence[str], *, name: str | None = None) -> None:
        self.book, self.names, self.count = book, names, 0
        self.head, self.inert = book.add_format({"bold": True}), book.add_format({"quote_prefix": True})
        self.sheet = self._sheet(name)

    def add(self, row: Sequence[Any]) -> None:
        """Write one row more."""
        place = self.count % SHEET
        if place == 0 and self.count:
            self.sheet = self._sheet()
        for column, value in enumerate(row):
            _cell(self.sheet, place + 1, column, value, self.inert)
        self.count += 1

    def _sheet(self, name: str | None = None) -> Any:
        sheet = self.book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        for column, label in enumerate(self.names):
            sheet.write_string(0, column, label, self.head)
        return sheet


def write(selection: Selection, out: BinaryIO, tell: Tell) -> int:
    """Write every row; how many."""
    names = [column.name for column in selection.columns]
    fields = ", ".join(f"rows.c{place}" for place in range(len(names)))
    with xlsxwriter.Workbook(out, OPTIONS) as book:
        book.set_calc_mode("manual")
        table = Table(book, names)
        for row in selection.rows(fields, tell):
            table.add(row)
    return table.count


def _cell(sheet: Any, row: int, column: int, value: Any, inert: Any) -> None:
    """A number as a number while Excel can hold it, everything else as text; a formula's beginning is marked as text
    even for who edits the cell."""
    if value is None:
        return
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < EXACT:
        sheet.write_number(row, column, value)
        return
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    text = NOT_XML.sub("�", text)
    if len(text) > CELL:
        text = text[: CELL - len(CUT)] + CUT
    sheet.write_string(row, column, text, inert if re.match(FORMULA, text) else None)
