"""One entry that may become a line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

OWN, DESTRUCTIVE, NOTABLE, REST = range(4)
"""What is told first when there is too much: the incident's own, what takes rows away, what deserves a look, the
rest."""
LONGEST = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """``source`` and ``source_id`` name the record, ``what`` says what of it; ``weight`` is rows deleted, or 0."""

    at: datetime
    kind: str
    text: str
    source: str
    source_id: int
    what: str = ""
    rank: int = REST
    weight: int = 0

    @property
    def key(self) -> tuple[str, int, str]:
        return (self.source, self.source_id, self.what)


def of(row: Any, at: datetime, kind: str, text: str, *, what: str = "", rank: int = REST, weight: int = 0) -> Entry:
    """The entry of a record."""
    return Entry(at, kind, one_line(text), row._meta.label, row.pk, what, rank, weight)


def one_line(text: str) -> str:
    """Without line breaks, and cut."""
    found = " ".join(text.split())
    return found if len(found) <= LONGEST else f"{found[: LONGEST - 1]}…"
