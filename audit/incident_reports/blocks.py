"""A report as blocks that follow each other without a gap: every line belongs to exactly one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from markdown_it.token import Token

from audit.documents.words import reader

FRONT = 60
"""Lines that the facts before the text (between two ``---``) may have."""


@dataclass
class Block:
    """``kind``: heading, paragraph, list, table, rule, gap, front or other. ``parts`` are the items of a list or the
    rows of a table, as line ranges; ``cells`` the rows' words, the header first."""

    kind: str
    start: int
    end: int
    words: str = ""
    level: int = 0
    parts: list[tuple[int, int]] = field(default_factory=list)
    cells: list[list[str]] = field(default_factory=list)


def blocks(text: str) -> Iterator[Block]:
    """From the first line to the last."""
    lines = text.split("\n")
    at = _front(lines)
    if at:
        yield Block("front", 0, at)
    for block in _seen("\n" * at + "\n".join(lines[at:])):
        if block.start < at:
            continue
        if block.start > at:
            yield from _gap(lines, at, block.start)
        block.end = min(max(block.end, block.start + 1), len(lines))
        yield block
        at = block.end
    yield from _gap(lines, at, len(lines))


def _front(lines: list[str]) -> int:
    """Where the facts before the text end."""
    if lines[0].strip() != "---":
        return 0
    end = next((at for at, line in enumerate(lines[1:FRONT], start=1) if line.strip() == "---"), 0)
    is_facts = end and all(":" in line or line[:1] in " -#" or not line.strip() for line in lines[1:end])
    return end + 1 if is_facts else 0


def _gap(lines: list[str], start: int, end: int) -> Iterator[Block]:
    """What the reader of Markdown keeps to itself: blank lines, and definitions of links."""
    for at in range(start, end):
        yield Block("other" if lines[at].strip() else "gap", at, at + 1)


def _seen(text: str) -> Iterator[Block]:
    rules = reader()
    rules.core.ruler.disable(["inline"])  # blocks are enough, and a million stars cost nothing
    found = rules.parse(text)
    for place, token in enumerate(found):
        if token.level == 0 and token.nesting >= 0 and token.map:
            yield _block(token, found, place)


def _block(token: Token, found: Sequence[Token], place: int) -> Block:
    start, end = token.map or (0, 0)
    kinds = {"heading_open": "heading", "paragraph_open": "paragraph", "hr": "rule", "table_open": "table"}
    kinds |= {"bullet_list_open": "list", "ordered_list_open": "list"}
    block = Block(kinds.get(token.type, "other"), start, end)
    if block.kind == "heading":
        block.words, block.level = found[place + 1].content, int(token.tag[1])
    elif block.kind == "list":
        starts = [
            one.map[0] for one in _inside(found, place) if one.type == "list_item_open" and one.level == 1 and one.map
        ]
        starts = [start, *starts[1:]]
        block.parts = list(zip(starts, [*starts[1:], end], strict=True))
    elif block.kind == "table":
        for one in _inside(found, place):
            if one.type == "tr_open" and one.map:
                block.parts.append((one.map[0], one.map[0] + 1))
                block.cells.append([])
            elif one.type == "inline":
                block.cells[-1].append(one.content)
    return block


def _inside(found: Sequence[Token], place: int) -> Iterator[Token]:
    for token in found[place + 1 :]:
        if token.level == 0:
            return
        yield token


ITEM = re.compile(r"^\s{0,3}(?:[-*+]|\d{1,9}[.)])\s+")


def without_marker(lines: Sequence[str]) -> str:
    """The words of a list's item, its mark and its indentation left out."""
    first = ITEM.sub("", lines[0], count=1)
    wide = len(lines[0]) - len(first)
    rest = [line[wide:] if not line[:wide].strip() else line.lstrip() for line in lines[1:]]
    return "\n".join([first, *rest]).strip()
