"""Text that every format can carry: control characters show as signs, numbers and times are written one way."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from audit.documents.parts import Cell, Document, Link, Table

EMPTY = "–"
SIGNS = (
    {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n"}
    | {0x7F: "␡", 0x85: "\n", 0x2028: "\n", 0x2029: "\n"}
    | dict.fromkeys((*range(128, 133), *range(134, 160), 65534, 65535), "�")
    | {code: f"⟨{code:X}⟩" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
)
"""Control characters, among them those that begin a terminal's escapes and those that turn the direction of text."""
LINK = re.compile(r"(?:https?://|mailto:|/(?!/)|#)[^\s<>\"\\^`{|}\x00-\x20]*", re.IGNORECASE)


def clean(text: object) -> str:
    """``text`` with LF line ends and without a control character; each is shown by a sign, none is dropped."""
    plain = str(text).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return plain.replace("\r\n", "\n").replace("\r", "\n").translate(SIGNS)


def line(text: object) -> str:
    """``text`` on one line."""
    return " ".join(clean(text).split())


def cell(value: Cell, zone: ZoneInfo) -> str:
    """A cell's words: thousands by commas, times to the second in ``zone``, a dash for nothing."""
    match value:
        case None:
            return EMPTY
        case Link():
            return clean(value.text)
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return _number(value)
        case datetime():
            return time(value, zone)
        case _:
            return clean(value)


def time(value: datetime, zone: ZoneInfo) -> str:
    """To the second, in ``zone``; a time without a zone is taken as it stands."""
    there = value.astimezone(zone) if value.tzinfo else value
    return there.isoformat(sep=" ", timespec="seconds")[:19]


def url(value: str) -> str:
    """The address if a link may lead there, else nothing."""
    return value if LINK.fullmatch(value) else ""


def zone(doc: Document) -> ZoneInfo:
    return ZoneInfo(doc.zone)


def made(doc: Document) -> str:
    """The line that says when and by whom, and the time zone."""
    when = time(doc.made_at, zone(doc))
    return line(f"Made {when} by {doc.made_by}. All times are {doc.zone}.")


def rows(table: Table) -> Iterator[Sequence[Cell]]:
    """The rows, each as long as the columns are many."""
    wide = len(table.columns)
    for row in table.rows:
        yield [*row, *[""] * (wide - len(row))][:wide]


def is_number(value: Cell) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    if value and abs(value) < 0.01:
        return f"{value:.3g}"
    return f"{value:,.2f}".rstrip("0").rstrip(".")
