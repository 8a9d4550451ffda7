"""One record of a server log, whatever its format was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(slots=True)
class LogRecord:
    """What csvlog, jsonlog, stderr and syslog tell of one event, in the names of jsonlog. What a format or a
    ``log_line_prefix`` does not tell is empty or None. Nothing is masked yet."""

    at: datetime
    """Aware, in UTC."""
    level: str
    """LOG, WARNING, ERROR, FATAL, PANIC, … in English, whatever ``lc_messages`` is."""
    message: str
    sqlstate: str = ""
    pid: int | None = None
    session: str = ""
    line: int | None = None
    role: str = ""
    database: str = ""
    address: str = ""
    """Host or address without its port; empty for the server's own socket."""
    port: int | None = None
    application: str = ""
    command: str = ""
    """The command tag (``ps`` in jsonlog)."""
    session_start: datetime | None = None
    detail: str = ""
    hint: str = ""
    context: str = ""
    query: str = ""
    """The statement (``statement`` in jsonlog)."""
    internal_query: str = ""
    location: str = ""
    transaction: int | None = None
    """The 32-bit transaction id; None when it had none."""
    backend_type: str = ""
    query_id: int | None = None


@dataclass(slots=True, frozen=True)
class Found:
    """A record and where it lies: bytes ``offset`` to ``end`` of the unpacked text."""

    record: LogRecord
    offset: int
    end: int


@dataclass(slots=True, frozen=True)
class Fault:
    """Bytes ``offset`` to ``end`` that could not be read as a record, and why: a code and a sentence."""

    offset: int
    end: int
    code: str
    why: str


class Parser(Protocol):
    """Text in, records out. Feed it pieces of any size; a record that is not whole yet waits.

    ``consumed`` is the offset up to which everything was given out: reading again from there, with a new parser that
    was given ``state``, gives out what is missing and nothing twice.
    """

    consumed: int

    def feed(self, data: bytes) -> Iterator[Found | Fault]:
        """More of the text."""
        ...

    def finish(self) -> Iterator[Found | Fault]:
        """The text ends here: what still waits. A half record is a ``Fault``, unless ``consumed`` stays before it."""
        ...

    @property
    def state(self) -> dict[str, Any]:
        """What a new parser must know to go on at ``consumed``, as JSON."""
        ...
