"""Excel: a sheet with the head, then the rows as text that stays text, numbers as numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, BinaryIO

import xlsxwriter

from audit.exports import xlsx
from audit.exports.selection import Tell, told
from audit.reports.head import Head
from audit.reports.report import Scope

SUFFIX = xlsx.SUFFIX
MEDIA = xlsx.MEDIA
MOST: int | None = None


def write(scope: Scope, head: Head, out: BinaryIO, tell: Tell) -> int:
    """Write head and rows; how many rows."""
    columns = scope.report.columns
    with xlsxwriter.Workbook(out, xlsx.OPTIONS) as book:
        book.set_properties({"created": head.made_at.replace(tzinfo=None)})
        _about(book, head)
        table = xlsx.Table(book, [column.label for column in columns])
        for row in told(scope.report.rows(scope).each(scope.sort), tell):
            table.add([_plain(row[column.name], scope) for column in columns])
    return table.count


def _about(book: Any, head: Head) -> None:
    about = xlsx.Table(book, ["About", ""], name="About")
    for line in head.lines():
        about.add(line)


def _plain(value: Any, scope: Scope) -> Any:
    return value.astimezone(scope.zone).isoformat(timespec="milliseconds") if isinstance(value, datetime) else value
