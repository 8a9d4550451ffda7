"""Documents for people: made once from parts, written as Markdown, as one HTML file, or as a PDF.

Whatever text comes in, no markup of it gets through: tables keep their columns, HTML stays text, a terminal's
escapes show as signs. It knows no model.
"""

from audit.documents import html, markdown, pdf
from audit.documents.parts import Cell, Document, Facts, Heading, Link, Markdown, Paragraph, Part, Table
from audit.documents.words import safe_html

__all__ = [
    "Cell",
    "Document",
    "Facts",
    "Heading",
    "Link",
    "Markdown",
    "Paragraph",
    "Part",
    "Table",
    "html",
    "markdown",
    "pdf",
    "safe_html",
]
