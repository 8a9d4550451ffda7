"""People's Markdown as flowing parts of a PDF."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from markdown_it.token import Token
from reportlab.lib.colors import HexColor
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Flowable, HRFlowable, Paragraph, Spacer

from audit.documents import fonts
from audit.documents.pdf_rows import Row, RowsTable, Shown
from audit.documents.text import url
from audit.documents.words import tokens

BODY = ParagraphStyle("body", fontName=fonts.PLAIN, fontSize=9.5, leading=13.5, spaceAfter=5)
NOTE = ParagraphStyle("note", BODY, fontSize=8, leading=11)
PROGRAM = ParagraphStyle("program", BODY, fontName=fonts.CODE, fontSize=8, leading=10, spaceAfter=0, leftIndent=6)
HEADINGS = [
    ParagraphStyle(
        f"h{level}",
        BODY,
        fontName=fonts.BOLD,
        fontSize=size,
        leading=size * 1.25,
        spaceBefore=size * 0.7,
        keepWithNext=1,
    )
    for level, size in enumerate((18, 14, 12, 10.5, 9.5, 9.5), start=1)
]
STEP = 14
"""Points that a list or a quotation is moved to the right."""
DEEPEST = 8
WIDEST = 440
MARKS = {
    "strong_open": "<b>",
    "strong_close": "</b>",
    "em_open": "<i>",
    "em_close": "</i>",
    "s_open": "<strike>",
    "s_close": "</strike>",
    "softbreak": " ",
    "hardbreak": "<br/>",
}


def marked(words: str) -> str:
    """``words`` as reportlab's markup shows them."""
    return escape(fonts.shown(words))


@dataclass
class Level:
    """A list or a quotation that is open; ``mark`` is the next item's, shown once."""

    number: int | None
    mark: str = ""


def flow(markdown: str, *, shift: int) -> Iterator[Flowable]:
    """The parts of ``markdown``, from above to below."""
    found = tokens(markdown, shift=shift)
    levels: list[Level] = []
    place = 0
    while place < len(found):
        token = found[place]
        if token.type == "table_open":
            end = next(at for at in range(place, len(found)) if found[at].type == "table_close")
            yield table(found[place:end])
            yield Spacer(1, 8)
            place = end
        else:
            _nest(token, levels)
            yield from _block(token, found[place - 1] if place else None, levels)
        place += 1


def paragraph(plain: str, style: ParagraphStyle = BODY, bullet: str | None = None) -> Paragraph:
    """Plain text with its line ends."""
    return Paragraph(marked(plain).replace("\n", "<br/>"), style, bulletText=bullet)


def program(code: str, indent: float = 0) -> Iterator[Flowable]:
    """Code as it stands, its long lines cut, spaces kept."""
    style = ParagraphStyle("nested", PROGRAM, leftIndent=PROGRAM.leftIndent + indent)
    for one in code.expandtabs(4).rstrip("\n").split("\n"):
        for piece in cut_code(one, WIDEST - indent):
            yield Paragraph(marked(piece).replace(" ", "\u00a0") or "\u00a0", style)


def cut_code(line: str, wide: float) -> list[str]:
    count = max(int(wide / (PROGRAM.fontSize * 0.602)), 10)
    return [line[at : at + count] for at in range(0, len(line), count)] or [""]


def table(found: Sequence[Token]) -> RowsTable:
    """The tokens from ``table_open`` on as a table."""
    rows: list[list[Shown]] = []
    for token in found:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(Shown(fonts.shown(plain(token))))
    head, *body = rows
    return RowsTable(Row(head), [Row(row) for row in body])


def plain(token: Token) -> str:
    """The words of an inline token without their marks."""
    return "".join(" " if one.type == "softbreak" else one.content for one in token.children or ())


def _nest(token: Token, levels: list[Level]) -> None:
    if token.type in {"bullet_list_open", "blockquote_open"}:
        levels.append(Level(None))
    elif token.type == "ordered_list_open":
        levels.append(Level(int(token.attrs.get("start", 1))))
    elif token.type in {"bullet_list_close", "ordered_list_close", "blockquote_close"}:
        levels.pop()
    elif token.type == "list_item_open":
        levels[-1].mark = "•" if levels[-1].number is None else f"{levels[-1].number}."
        levels[-1].number = None if levels[-1].number is None else levels[-1].number + 1


def _block(token: Token, before: Token | None, levels: list[Level]) -> Iterator[Flowable]:
    indent = STEP * min(len(levels), DEEPEST)
    if token.type in {"fence", "code_block"}:
        yield from program(token.content, indent)
        yield Paragraph("", NOTE)
    elif token.type == "hr":
        yield HRFlowable(width="100%", thickness=0.5, color=HexColor("#b8b8b8"), spaceBefore=4, spaceAfter=6)
    elif token.type == "inline":
        heading = before is not None and before.type == "heading_open"
        style = HEADINGS[int(before.tag[1]) - 1] if heading and before else BODY
        yield _inline(token, style, indent, levels)


def _inline(token: Token, style: ParagraphStyle, indent: float, levels: list[Level]) -> Paragraph:
    mark = levels[-1].mark if levels else ""
    if levels:
        levels[-1].mark = ""
        style = ParagraphStyle("inner", style, leftIndent=indent, bulletIndent=indent - STEP + 2, spaceAfter=3)
    try:
        return Paragraph(_markup(token), style, bulletText=mark or None)
    except ValueError:  # reportlab's own markup nests less freely than Markdown
        return paragraph(plain(token), style, mark or None)


def _markup(token: Token) -> str:
    """reportlab's markup; a link that may lead nowhere is its words alone."""
    result, ends = [], []
    for one in token.children or ():
        if one.type == "link_open":
            target = url(str(one.attrs.get("href", "")))
            result.append(f'<a href={quoteattr(target)} color="#1a4f8b">' if target else "")
            ends.append("</a>" if target else "")
        else:
            result.append(ends.pop() if one.type == "link_close" else _mark(one))
    return "".join(result)


def _mark(token: Token) -> str:
    if token.type == "code_inline":
        return f'<font name="{fonts.CODE}">{marked(token.content)}</font>'
    return MARKS.get(token.type) or marked(token.content)
