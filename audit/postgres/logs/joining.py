"""Records whose lines may be mixed with those of other processes: kept until they are whole, given out by offset.

A record that is given out may have lines behind the beginning of one that still waits. Which bytes those are is part
of the state, so that who goes on at the waiting one does not read them twice.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from audit.postgres.logs import faults
from audit.postgres.logs.faults import add
from audit.postgres.logs.record import LIMIT, Fault, Found, LogRecord

WINDOW = 64 * 1024
"""Bytes of other text after which a record gets no more lines. PostgreSQL writes a record's lines in one go; only
pipes and syslog mix them with others, and then at close range."""


@dataclass(slots=True)
class Waiting:
    """A record (or, with ``code``, text that is none) whose lines are being collected."""

    offset: int
    end: int
    key: Any = None
    code: str = ""
    word: str = ""
    """The severity, as it was written."""
    told: dict[str, str] = field(default_factory=dict)
    """What the prefix told."""
    parts: dict[str, list[str]] = field(default_factory=dict)
    part: str = ""
    spans: list[list[int]] = field(default_factory=list)
    size: int = 0
    cut_at: int | None = None
    whole: bool = False

    def add(self, text: str, offset: int, end: int, part: str = "", *, glue: bool = False) -> None:
        """A line more, of a new part or of the last one; with ``glue`` more of the last line."""
        if self.spans and self.spans[-1][1] == offset:
            self.spans[-1][1] = end
        else:
            self.spans.append([offset, end])
        self.end = end
        self.part = part or self.part
        if self.cut_at is not None:
            return
        if len(text) > LIMIT - self.size:
            self.cut_at, text = offset, text[: LIMIT - self.size]
        self.size += len(text)
        lines = self.parts.setdefault(self.part, [])
        if glue and lines:
            lines[-1] += text
        else:
            lines.append(text)

    def text(self, part: str) -> str:
        return "\n".join(self.parts.get(part, ()))


class Joining:
    """The waiting records of one text, in the order of their beginnings."""

    def __init__(self, given: list[list[int]]) -> None:
        self.given = [list(span) for span in given]
        """Bytes behind the first waiting record that were given out already."""
        self._skipped = [tuple(span) for span in given]
        self._order: deque[Waiting] = deque()
        self._open: dict[Any, Waiting] = {}
        self.last: Waiting | None = None
        """Whose line came last: lines that are continued belong to it."""

    @property
    def first(self) -> int | None:
        """Where the first waiting record begins."""
        return self._order[0].offset if self._order else None

    def was_given(self, offset: int) -> bool:
        return any(start <= offset < end for start, end in self._skipped)

    def begin(self, waiting: Waiting) -> None:
        """A new record; the one that its process wrote before is whole."""
        before = self._open.get(waiting.key)
        if before is not None:
            before.whole = True
        self._open[waiting.key] = self.last = waiting
        self._order.append(waiting)

    def of(self, key: Any) -> Waiting | None:
        """The record of ``key`` that still takes lines."""
        found = self._open.get(key)
        return None if found is None or found.whole else found

    def strange(self, offset: int, end: int, code: str) -> None:
        """Text that belongs to no record."""
        self.last = Waiting(offset, end, code=code, spans=[[offset, end]], whole=True)
        self._order.append(self.last)

    def ripe(self, at: int) -> list[Waiting]:
        """What can be given out when reading has come to ``at``."""
        out = []
        while self._order and (self._order[0].whole or at - self._order[0].end > WINDOW):
            out.append(self._take())
        return out

    def all(self) -> list[Waiting]:
        """Everything, as no more lines come."""
        out = []
        while self._order:
            out.append(self._take())
        self.last = None
        return out

    def _take(self) -> Waiting:
        one = self._order.popleft()
        one.whole = True
        if self._open.get(one.key) is one:
            del self._open[one.key]
        self.given += one.spans
        return one

    def forget(self, consumed: int) -> None:
        """Spans before ``consumed`` are read by nobody again."""
        if self.given:
            self.given = [span for span in self.given if span[1] > consumed]


def give(one: Waiting, record: LogRecord | None, out: list[Found | Fault]) -> None:
    """Put a record, its faults, or text that is none into ``out``."""
    if one.code or record is None:
        add(out, one.offset, one.end, one.code or faults.NOT_A_RECORD)
        return
    out.append(Found(record, one.offset, one.end))
    if one.cut_at is not None:
        add(out, one.cut_at, one.end, faults.TOO_LONG)
