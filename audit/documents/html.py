"""A document as one HTML file: its own style, no script, nothing fetched from anywhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from html import escape

from audit.documents import text
from audit.documents.parts import Cell, Document, Facts, Heading, Link, Markdown, Paragraph, Part, Table
from audit.documents.words import safe_html

SUFFIX = "html"
MEDIA = "text/html; charset=utf-8"

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { line-height: 1.2; margin-bottom: 0; }
body, table { overflow-wrap: anywhere; }
header p { margin: .25rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { border: 1px solid #8886; padding: .3rem .5rem; text-align: start; vertical-align: top; white-space: pre-line; }
td.n { text-align: end; font-variant-numeric: tabular-nums; }
dl { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .2rem 1rem; }
dt { font-weight: 600; }
dd { margin: 0; }
pre { overflow-x: auto; padding: .6rem; border: 1px solid #8886; }
blockquote { border-inline-start: 3px solid #8886; margin-inline: 0; padding-inline-start: 1rem; }
.plain { white-space: pre-line; }
.note { font-size: .9rem; }
@media print { thead { display: table-header-group; } tr { break-inside: avoid; } body { margin: 0; max-width: none; } }
""".strip()
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'; form-action 'none'"


def write(doc: Document) -> str:
    """``doc`` as HTML; its own policy forbids scripts even if one got in."""
    title = escape(text.line(doc.title))
    body = "\n".join(block for part in doc.parts for block in _part(part, doc))
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n"
        f"<p>{escape(text.line(doc.subtitle))}</p>\n<p>{escape(text.made(doc))}</p>\n</header>\n"
        f"<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _part(part: Part, doc: Document) -> Iterator[str]:
    match part:
        case Heading():
            level = min(max(part.level, 2), 6)
            yield f'<h{level} dir="auto">{escape(text.line(part.text))}</h{level}>'
        case Paragraph():
            yield f'<p class="plain" dir="auto">{escape(text.clean(part.text))}</p>'
        case Markdown():
            yield safe_html(part.text, shift=part.shift)
        case Facts():
            pairs = ((escape(text.line(name)), escape(text.clean(value))) for name, value in part.pairs)
            yield "<dl>" + "".join(f'<dt>{name}</dt><dd dir="auto">{value}</dd>' for name, value in pairs) + "</dl>"
        case Table():
            yield from _table(part, doc)


def _table(table: Table, doc: Document) -> Iterator[str]:
    zone = text.zone(doc)
    head = "".join(f'<th scope="col">{escape(text.line(name))}</th>' for name in table.columns)
    yield f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>"
    for row in text.rows(table):
        yield "<tr>" + "".join(_cell(value, text.cell(value, zone)) for value in row) + "</tr>"
    yield "</tbody>\n</table>"
    if table.note:
        yield f'<p class="note">{escape(text.clean(table.note))}</p>'


def _cell(value: Cell, words: str) -> str:
    shown = escape(words)
    target = text.url(value.url) if isinstance(value, Link) else ""
    if target:
        shown = f'<a href="{escape(target)}" rel="noopener noreferrer">{shown}</a>'
    return f'<td class="n">{shown}</td>' if text.is_number(value) else f'<td dir="auto">{shown}</td>'
