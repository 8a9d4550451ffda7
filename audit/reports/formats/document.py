"""A report as a document: its head, what it cannot know, its rows. ``pdf`` and ``markdown`` write it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from audit import conf
from audit.documents import Cell, Document, Facts, Heading, Link, Paragraph, Table
from audit.exports.selection import Tell, told
from audit.reports.head import Head
from audit.reports.report import Column, Row, Scope


class Counted:
    """Rows of a table, counted while they go by."""

    def __init__(self, scope: Scope, columns: Sequence[Column], tell: Tell) -> None:
        self.scope, self.columns, self.tell, self.count = scope, columns, tell, 0

    def __iter__(self) -> Iterator[list[Cell]]:
        for row in told(self.scope.report.rows(self.scope).each(self.scope.sort), self.tell):
            self.count += 1
            yield [_cell(row, column, self.scope) for column in self.columns]


def document(scope: Scope, head: Head, columns: Sequence[Column], rows: Counted) -> Document:
    """The document. Columns that are left out are named below the table."""
    left_out = [column.label for column in scope.report.columns if column not in columns]
    note = f"In CSV, Excel, JSON and Markdown too: {', '.join(left_out)}." if left_out else ""
    return Document(
        title=head.title,
        subtitle=head.about,
        parts=[
            Facts(head.facts),
            Heading("What it cannot know"),
            *(Paragraph(words) for words in head.gaps_in_words),
            Heading("Rows"),
            Table([column.label for column in columns], rows, note=note),
        ],
        made_at=head.made_at,
        made_by=head.made_by,
        zone=scope.zone.key,
    )


def _cell(row: Row, column: Column, scope: Scope) -> Cell:
    value = _plain(row[column.name], scope)
    url = column.link(row, scope) if column.link and conf.site_url() and value not in (None, "") else ""
    return Link(f"{value:,}" if isinstance(value, int) else str(value), conf.site_url() + url) if url else value


def _plain(value: Any, scope: Scope) -> str | int | float | None:
    if isinstance(value, datetime):
        return scope.moment(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if value is None or isinstance(value, int | float) else str(value)
