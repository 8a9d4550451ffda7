"""A document as PDF: A4, numbered pages, its own fonts. The same document gives the same bytes, on any day."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, SimpleDocTemplate, Spacer

from audit.documents import fonts, text
from audit.documents.parts import Cell, Document, Facts, Heading, Link, Markdown, Paragraph, Part, Table
from audit.documents.pdf_rows import Row, RowsTable, Shown
from audit.documents.pdf_words import BODY, HEADINGS, NOTE, flow, paragraph

SUFFIX = "pdf"
MEDIA = "application/pdf"
MARGIN = 18 * mm
TITLE_SHOWN = 90


def write(doc: Document, out: BinaryIO) -> None:
    """Write ``doc`` as PDF to ``out``. Only the document decides the bytes: no clock, no path, no random id."""
    fonts.load()
    template = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=text.line(doc.title),
        author=text.line(doc.made_by),
        subject=text.line(doc.subtitle),
        creator="tovgov",
        lang="en",
        invariant=1,
    )
    template.build(list(_story(doc)), canvasmaker=_numbered(fonts.shown(text.line(doc.title)[:TITLE_SHOWN])))


def _story(doc: Document) -> Iterator[Flowable]:
    yield paragraph(text.line(doc.title), HEADINGS[0])
    for line in (text.line(doc.subtitle), text.made(doc)):
        yield paragraph(line, NOTE)
    yield Spacer(1, 4 * mm)
    for part in doc.parts:
        yield from _part(part, doc)


def _part(part: Part, doc: Document) -> Iterator[Flowable]:
    match part:
        case Heading():
            yield paragraph(text.line(part.text), HEADINGS[min(max(part.level, 1), 6) - 1])
        case Paragraph():
            yield paragraph(text.clean(part.text), BODY)
        case Markdown():
            yield from flow(part.text, shift=part.shift)
        case Facts():
            if part.pairs:
                yield _facts(part)
                yield Spacer(1, 3 * mm)
        case Table():
            yield from _table(part, doc)


def _facts(facts: Facts) -> RowsTable:
    return RowsTable(None, [Row([_words(name), _words(value)]) for name, value in facts.pairs])


def _table(table: Table, doc: Document) -> Iterator[Flowable]:
    if table.columns:
        zone = text.zone(doc)
        head = Row([_words(name) for name in table.columns])
        yield RowsTable(
            head, [Row([_shown(value, text.cell(value, zone)) for value in row]) for row in text.rows(table)]
        )
    if table.note:
        yield Spacer(1, 1.5 * mm)
        yield paragraph(text.clean(table.note), NOTE)
    yield Spacer(1, 3 * mm)


def _shown(value: Cell, words: str) -> Shown:
    target = text.url(value.url) if isinstance(value, Link) else ""
    return Shown(fonts.shown(words.expandtabs(4)), target, text.is_number(value))


def _words(value: str) -> Shown:
    return Shown(fonts.shown(text.clean(value).expandtabs(4)))


def _numbered(title: str) -> Any:
    """A canvas that writes the title and “page of pages” below every page, once their number is known."""

    class Numbered(Canvas):  # type: ignore[misc]  # reportlab has no types
        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            self.kept: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802  (reportlab's name)
            self.kept.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for number, page in enumerate(self.kept, start=1):
                self.__dict__.update(page)
                self.setFont(fonts.PLAIN, 7)
                self.drawString(MARGIN, MARGIN / 2, title)
                self.drawRightString(A4[0] - MARGIN, MARGIN / 2, f"{number} of {len(self.kept)}")
                super().showPage()
            super().save()

    return Numbered
