"""What a document is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Link:
    """Text that leads somewhere: http, https, mailto, or a path. Any other address is left out, the text stays."""

    text: str
    url: str


Cell = str | int | float | datetime | Link | None


@dataclass(frozen=True)
class Heading:
    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """Plain text: nothing in it is markup."""

    text: str


@dataclass(frozen=True)
class Markdown:
    """People's words. No HTML of theirs gets through. Their highest heading stands right below level ``shift``."""

    text: str
    shift: int = 2


@dataclass(frozen=True)
class Facts:
    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Table:
    """Rows below columns. A short row is filled with empty cells, a long one cut. ``note`` stands below it."""

    columns: Sequence[str]
    rows: Iterable[Sequence[Cell]]
    note: str = ""


Part = Heading | Paragraph | Markdown | Facts | Table


@dataclass(frozen=True)
class Document:
    """``zone`` is the time zone (IANA name) that every time in it is written in."""

    title: str
    subtitle: str
    parts: Sequence[Part]
    made_at: datetime
    made_by: str
    zone: str = "UTC"
