"""Markdown: head and all columns, as a table that any viewer shows."""

from __future__ import annotations

from typing import BinaryIO

from audit.documents import markdown
from audit.exports.selection import Tell
from audit.reports.formats.document import Counted, document
from audit.reports.head import Head
from audit.reports.report import Scope

SUFFIX = "md"
MEDIA = "text/markdown; charset=utf-8"
MOST: int | None = 20_000


def write(scope: Scope, head: Head, out: BinaryIO, tell: Tell) -> int:
    """Write head and rows; how many rows."""
    rows = Counted(scope, scope.report.columns, tell)
    out.write(markdown.write(document(scope, head, scope.report.columns, rows)).encode("utf-8", "replace"))
    return rows.count
