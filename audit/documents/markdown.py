"""A document as Markdown that other tools read too (CommonMark with tables)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from audit.documents import text
from audit.documents.parts import Cell, Document, Facts, Heading, Link, Markdown, Paragraph, Part, Table
from audit.documents.words import reader, tokens

SUFFIX = "md"
MEDIA = "text/markdown; charset=utf-8"

ANYWHERE = re.compile(r"[\\`*\[\]<~|]|(?<![^\W_])_|_(?![^\W_])|&(?=[#\w])")
AT_START = re.compile(r"^(?:[-+=>#:]|\d{1,9}(?=[.)](?:\s|$)))")
CODE_OR_TAG = re.compile(r"\\[!-/:-@\[-`{-~]|`+|<(?:https?://|mailto:)[^\s<>]*>|<")
SENTINEL = "the end of these words"


def write(doc: Document) -> str:
    """``doc`` as Markdown; ends with a line feed."""
    head = [f"# {escape(text.line(doc.title))}", escape(text.line(doc.subtitle)), f"*{escape(text.made(doc))}*"]
    return "\n\n".join(block for block in head if block.strip()) + "\n\n" + body(doc)


def body(doc: Document) -> str:
    """The parts of ``doc`` alone, for a text that people go on writing."""
    blocks = (block for part in doc.parts for block in _part(part, doc))
    return "\n\n".join(block for block in blocks if block.strip()) + "\n"


def escape(plain: str) -> str:
    """``plain`` (one line) so that Markdown shows it as it stands."""
    body = ANYWHERE.sub(lambda found: "\\" + found[0], plain.strip())
    return AT_START.sub(lambda found: found[0] + "\\" if found[0].isdigit() else "\\" + found[0], body)


def harmless(words: str) -> str:
    """People's Markdown without a tag outside code, and with an end to every fence: what follows stays outside."""
    words = text.clean(words)
    lines = words.split("\n")
    for first, after in _blocks(words, len(lines)):
        lines[first:after] = _without_tags("\n".join(lines[first:after])).split("\n")
    return "\n".join(lines) + _missing_end(words)


def _blocks(words: str, count: int) -> Iterator[tuple[int, int]]:
    """The line ranges outside code: a paragraph's lines together (a code span may cross them), others one by one."""
    owner: dict[int, tuple[int, int] | None] = {}
    for token in tokens(words):
        if token.map and token.type in {"fence", "code_block"}:
            owner.update(dict.fromkeys(range(*token.map)))
        elif token.map and token.type == "inline":
            owner.update(dict.fromkeys(range(*token.map), (token.map[0], token.map[1])))
    ranges = (owner.get(number, (number, number + 1)) for number in range(count))
    yield from dict.fromkeys(one for one in ranges if one)


def _part(part: Part, doc: Document) -> Iterator[str]:
    match part:
        case Heading():
            yield f"{'#' * min(max(part.level, 1), 6)} {escape(text.line(part.text))}"
        case Paragraph():
            yield from _paragraphs(part.text)
        case Markdown():
            yield harmless(part.text).strip("\n")
        case Facts():
            yield "\n".join(
                f"- **{escape(text.line(name))}:** {escape(text.line(value))}" for name, value in part.pairs
            )
        case Table():
            yield _table(part, doc)
            yield escape(text.line(part.note))


def _paragraphs(plain: str) -> Iterator[str]:
    """A blank line ends a paragraph; other line ends stay."""
    for block in re.split(r"\n\s*\n", text.clean(plain)):
        yield "\\\n".join(escape(one) for one in block.split("\n") if one.strip())


def _table(table: Table, doc: Document) -> str:
    if not table.columns:
        return ""
    zone = text.zone(doc)
    body = [[_cell(value, text.cell(value, zone)) for value in row] for row in text.rows(table)]
    ruler = ["---"] * len(table.columns)
    lines = [[escape(text.line(name)) for name in table.columns], ruler, *body]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def _cell(value: Cell, words: str) -> str:
    shown = escape(text.line(words))
    target = text.url(value.url) if isinstance(value, Link) else ""
    return f"[{shown}](<{target}>)" if target else shown


def _without_tags(block: str) -> str:
    """``<`` outside code spans, autolinks and escapes becomes an entity; a code span never crosses a cell's pipe."""
    if "\n" not in block and "|" in block:
        return "".join(piece if piece == "|" else _piece(piece) for piece in re.split(r"((?<!\\)\|)", block))
    return _piece(block)


def _piece(block: str) -> str:
    result, at = [], 0
    while found := CODE_OR_TAG.search(block, at):
        result.append(block[at : found.start()])
        end = found.end()
        if found[0].startswith("`"):
            closing = re.compile(rf"(?<!`)`{{{len(found[0])}}}(?!`)").search(block, end)
            end = closing.end() if closing else end
        result.append("&lt;" if found[0] == "<" else block[found.start() : end])
        at = end
    return "".join(result) + block[at:]


def _missing_end(words: str) -> str:
    """The fence that ``words`` opened and never closed."""
    found = reader().parse(f"{words}\n\n{SENTINEL}")
    last = found[-1] if found else None
    return f"\n{last.markup}" if last and last.type == "fence" and SENTINEL in last.content else ""
