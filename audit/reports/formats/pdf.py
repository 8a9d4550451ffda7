"""PDF: for reading and signing; the columns that fit a page. The others are named, and stand in the other formats."""

from __future__ import annotations

from typing import BinaryIO

from audit.documents import pdf
from audit.exports.selection import Tell
from audit.reports.formats.document import Counted, document
from audit.reports.head import Head
from audit.reports.report import Scope

SUFFIX = "pdf"
MEDIA = "application/pdf"
MOST: int | None = 5_000


def write(scope: Scope, head: Head, out: BinaryIO, tell: Tell) -> int:
    """Write head and rows; how many rows."""
    columns = scope.report.on_paper
    rows = Counted(scope, columns, tell)
    pdf.write(document(scope, head, columns, rows), out)
    return rows.count
