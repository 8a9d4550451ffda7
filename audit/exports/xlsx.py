"""Excel: text cells that are text and stay it, one row in memory at a time, a further sheet beyond a sheet's end."""

from __future__ import annotations

import re
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


def write(selection: Selection, out: BinaryIO, tell: Tell) -> int:
    """Write every row; how many."""
    names = [column.name for column in selection.columns]
    fields = ", ".join(f"rows.c{place}" for place in range(len(names)))
    count = 0
    with xlsxwriter.Workbook(out, OPTIONS) as book:
        book.set_calc_mode("manual")
        head, inert = book.add_format({"bold": True}), book.add_format({"quote_prefix": True})
        sheet = _sheet(book, names, head)
        for row in selection.rows(fields, tell):
            place = count % SHEET
            if place == 0 and count:
                sheet = _sheet(book, names, head)
            for column, value in enumerate(row):
                _cell(sheet, place + 1, column, value, inert)
            count += 1
    return count


def _sheet(book: Any, names: list[str], head: Any) -> Any:
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(names):
        sheet.write_string(0, column, name, head)
    return sheet


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
