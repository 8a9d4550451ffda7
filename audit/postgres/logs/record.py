"""One record of a server log, whatever its format was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

LIMIT = 4 * 1024 * 1024
"""Bytes of one record that are kept; what is longer is cut, and a ``Fault`` says so."""

BIGGEST = 2**63 - 1
"""Of a query id and of all numbers that a made-up log may hold."""
PID_DIGITS = 9
"""Of a process number; no system has bigger ones, and a column of 32 bits takes them."""


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

    def __reduce__(self) -> tuple[type[LogRecord], tuple[Any, ...]]:
        """For pickle, ten times as fast as what a dataclass with slots does by itself."""
        return LogRecord, _FIELDS(self)


class Names(NamedTuple):
    """Who did what a record tells, and by what sort of command."""

    role: str
    database: str
    address: str
    application: str
    command: str


_FIELDS = attrgetter(*LogRecord.__slots__)


class Found(NamedTuple):
    """A record and where it lies: bytes ``offset`` to ``end`` of the unpacked text. In stderr and syslog, lines of
    other processes may lie between."""

    record: LogRecord
    offset: int
    end: int


class Fault(NamedTuple):
    """Bytes ``offset`` to ``end`` that could not be read as a whole record, and why: a code of ``faults.py`` and a
    sentence that holds none of the text. Of a record that is cut or torn a ``Found`` with what could be read comes
    as well."""

    offset: int
    end: int
    code: str
    why: str


class Parser(Protocol):
    """Text in, records out. Feed it pieces of any size; a record that is not whole yet waits.

    ``consumed`` is the offset up to which everything was given out: a new parser that was given ``state``, fed with
    the text from ``consumed`` on, gives out what is missing and nothing twice. Whatever the pieces were, the records
    are the same.
    """

    format: str
    """csvlog, jsonlog, stderr or syslog."""
    prefix: str
    """The ``log_line_prefix`` that it goes by; empty for csvlog and jsonlog."""
    consumed: int

    def feed(self, data: bytes) -> list[Found | Fault]:
        """More of the text: what became whole by it, by offset."""
        ...

    def settle(self) -> list[Found | Fault]:
        """The text has rested: give out what is whole as it stands. In stderr the end of a record shows only by
        what follows; a file in which nobody writes for seconds has no more lines for its last one. A half line
        waits on."""
        ...

    def finish(self) -> list[Found | Fault]:
        """The text ends here: all that still waits, a half record as a ``Fault``."""
        ...

    @property
    def state(self) -> dict[str, Any]:
        """What a new parser must know to go on at ``consumed``, as JSON; format, prefix, encoding and time zone are
        in it."""
        ...
