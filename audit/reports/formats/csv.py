"""CSV: the head as lines that begin with “# ”, an empty line, then columns and rows. Nothing in it is a formula."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime
from typing import Any, BinaryIO

from audit.exports.selection import FORMULA, Tell, told
from audit.reports.head import Head
from audit.reports.report import Scope

SUFFIX = "csv"
MEDIA = "text/csv; charset=utf-8"
MOST: int | None = None


def write(scope: Scope, head: Head, out: BinaryIO, tell: Tell) -> int:
    """Write head and rows; how many rows."""
    text = io.TextIOWrapper(out, encoding="utf-8", errors="replace", newline="", write_through=True)
    for name, words in head.lines():
        text.write(f"# {name}: {' '.join(words.split())}\r\n")
    text.write("\r\n")
    writer = csv.writer(text)
    names = [column.name for column in scope.report.columns]
    writer.writerow(names)
    count = 0
    for row in told(scope.report.rows(scope).each(scope.sort), tell):
        writer.writerow([plain(row[name], scope) for name in names])
        count += 1
    text.detach()
    return count


def plain(value: Any, scope: Scope) -> Any:
    """A moment with its offset, nothing as nothing, and text that no spreadsheet runs."""
    if isinstance(value, datetime):
        return value.astimezone(scope.zone).isoformat(timespec="milliseconds")
    if value is None or isinstance(value, int | float):
        return value
    text = str(value).replace("\0", "�")
    return f"'{text}" if re.match(FORMULA, text) else text
