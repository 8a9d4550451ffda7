"""jsonlog, from PostgreSQL 15: one object a line, without the keys that have no value
(``src/backend/utils/error/jsonlog.c``).

JSON writes newlines and quotes within texts as ``\\n`` and ``\\"``: neither a line's end nor ``{"timestamp":"`` can
stand within a text, so no message can imitate a record.
"""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

from audit.postgres.logs import faults
from audit.postgres.logs.encoding import BOM, known, reversibly, visible
from audit.postgres.logs.faults import Unreadable, add
from audit.postgres.logs.record import BIGGEST, LIMIT, PID_DIGITS, Fault, Found, LogRecord
from audit.postgres.logs.words import LEVEL, level
from audit.postgres.logs.zones import Clock

BEGINNINGS = re.compile(rb'\{"timestamp":"')
PIECE = 1024 * 1024
ODD = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
"""Escapes of what PostgreSQL can store in no text."""
OPEN_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")

BIGGEST_PORT = 65_535
NO_RECORD = (ValueError, TypeError, KeyError, AttributeError, StopIteration, RecursionError)
"""What reading a line that is no record of PostgreSQL's raises."""
TEXTS = ("timestamp", "user", "dbname", "remote_host", "session_id", "ps", "session_start", "error_severity",
         "state_code", "message", "detail", "hint", "internal_query", "context", "statement", "func_name", "file_name",
         "application_name", "backend_type")  # fmt: skip
NUMBERS = ("pid", "remote_port", "line_num", "txid", "query_id", "file_line_num")
TYPES: dict[str, type] = dict.fromkeys(TEXTS, str) | dict.fromkeys(NUMBERS, int)
_read_object = json.JSONDecoder(strict=False).raw_decode


class JsonLog:
    """The parser of jsonlog. Raises ``LogEncodingUnusable``, ``LogTimezoneUnknown``."""

    format = "jsonlog"
    prefix = ""

    def __init__(self, *, encoding: str | None = None, timezone: str = "", state: dict[str, Any] | None = None) -> None:
        state = state or {}
        self.consumed = int(state.get("consumed", 0))
        self._encoding = known(state.get("encoding", encoding))
        self._clock = Clock(state.get("timezone", timezone))
        self._lost = str(state.get("lost", ""))
        """While a line's end is looked for: what the text is until there."""
        self._odd = False
        """Whether the text holds bytes that no text of PostgreSQL's can."""
        self._pieces: list[bytes] = []
        self._size = 0

    @property
    def state(self) -> dict[str, Any]:
        return {
            "format": self.format,
            "consumed": self.consumed,
            "encoding": self._encoding,
            "timezone": self._clock.timezone,
            "lost": self._lost,
        }

    def feed(self, data: bytes) -> list[Found | Fault]:
        out: list[Found | Fault] = []
        for start in range(0, len(data), PIECE):
            piece = data[start : start + PIECE]
            self._pieces.append(piece)
            self._size += len(piece)
            if b"\n" in piece or self._size > LIMIT:
                self._read(out)
        return out

    def settle(self) -> list[Found | Fault]:
        return []  # a record of jsonlog ends with its line

    def finish(self) -> list[Found | Fault]:
        out: list[Found | Fault] = []
        rest = b"".join(self._pieces)
        self._line(rest, self.consumed, faults.HALF, out)
        self.consumed += len(rest)
        self._pieces, self._size, self._lost = [], 0, ""
        return out

    def _read(self, out: list[Found | Fault]) -> None:
        """Whole lines; then what is longer than any record may be."""
        text = b"".join(self._pieces)
        end = text.rfind(b"\n") + 1
        if end:
            self._lines(text[:end], out)
        rest = self._cut(text[end:], out)
        self._pieces, self._size = ([rest] if rest else []), len(rest)

    def _lines(self, body: bytes, out: list[Found | Fault]) -> None:
        start, raw = self.consumed, body.split(b"\n")
        text, self._odd = reversibly(body, self._encoding)
        for number, line in enumerate(text.split("\n")[:-1]):
            end = start + len(raw[number]) + 1
            try:
                if end - start > LIMIT or self._lost:
                    raise ValueError
                out.append(Found(self._record(line), start, end))
            except Unreadable as trouble:
                add(out, start, end, trouble.code)
            except NO_RECORD:
                self.consumed = start
                self._line(self._cut(raw[number], out) + b"\n", self.consumed, faults.NOT_A_RECORD, out)
            start = end
        self.consumed = start

    def _cut(self, line: bytes, out: list[Found | Fault]) -> bytes:
        """Take off a line what is longer than any record may be; the rest."""
        while len(line) > LIMIT:
            self._line(line[:LIMIT], self.consumed, faults.TOO_LONG, out)
            self.consumed += LIMIT
            line = line[LIMIT:]
        return line

    def _line(self, raw: bytes, start: int, code: str, out: list[Found | Fault]) -> None:
        """A line that is no record, or not a whole one, or several of which the first are torn: what can be read."""
        end = start + len(raw)
        if self._lost:
            add(out, start, end, self._lost)
            self._lost = self._lost if code == faults.TOO_LONG else ""
            return
        if start == 0 and raw.startswith(BOM):
            start, raw = len(BOM), raw.removeprefix(BOM)
        if not raw.strip():
            return
        beginnings = [found.start() for found in BEGINNINGS.finditer(raw)]
        cuts = sorted({0, *beginnings, len(raw)})
        for left, right in pairwise(cuts):
            self._fragment(raw[left:right], start + left, code if right == len(raw) else faults.NOT_A_RECORD, out)

    def _fragment(self, raw: bytes, start: int, code: str, out: list[Found | Fault]) -> None:
        text, self._odd = reversibly(raw, self._encoding)
        end = start + len(raw)
        if code == faults.TOO_LONG:
            record = self._salvaged(text)
            self._lost = code if record else faults.NOT_A_RECORD
        else:
            try:
                out.append(Found(self._record(text.rstrip("\n")), start, end))
                return
            except Unreadable as trouble:
                add(out, start, end, trouble.code)
                return
            except NO_RECORD:
                record = self._salvaged(text)
        if record:
            out.append(Found(record, start, end))
            code = faults.TORN if code == faults.NOT_A_RECORD else code
        if not (record and code == faults.TOO_LONG):  # the fault of what is too long stands at what was left out
            add(out, start, end, code if record or code == faults.HALF else faults.NOT_A_RECORD)

    def _salvaged(self, torn: str) -> LogRecord | None:
        """What can be read of a record from its beginning to its message and on."""
        torn = OPEN_ESCAPE.sub("", torn.rstrip("\n"))
        for ended in (torn + '"}', torn + "}", torn.removesuffix(",") + "}", torn[: torn.rfind(',"')] + "}"):
            try:
                record = self._record(ended)
            except (*NO_RECORD, Unreadable):
                continue
            return record if record.message else None
        return None

    def _record(self, line: str) -> LogRecord:
        """Raises what its caller expects of a line that is no record, ``Unreadable`` for a time of unknown zone."""
        found, end = _read_object(line)
        if self._odd or ("\\u" in line and ODD.search(line)):
            found = {key: visible(value) if isinstance(value, str) else value for key, value in found.items()}
        if end != len(line) and line[end:] != "\r":
            raise ValueError
        return self._made(found)

    def _made(self, found: dict[str, Any]) -> LogRecord:
        for key, value in found.items():
            if TYPES.get(key, type(value)) is not type(value) or (type(value) is int and abs(value) > BIGGEST):
                raise ValueError
        get = found.get
        if get("pid", 0) >= 10**PID_DIGITS or get("remote_port", 0) > BIGGEST_PORT:
            raise ValueError
        sqlstate = get("state_code", "00000")
        severity = get("error_severity", "")
        started = get("session_start")
        host = get("remote_host", "")
        return LogRecord(
            self._clock.fresh(found["timestamp"]), LEVEL.get(severity) or level(severity, sqlstate),
            get("message", ""), sqlstate, get("pid"), get("session_id", ""), get("line_num"), get("user", ""),
            get("dbname", ""), "" if host == "[local]" else host, get("remote_port"), get("application_name", ""),
            get("ps", ""), self._clock.read(started) if started else None, get("detail", ""), get("hint", ""),
            get("context", ""), get("statement", ""), get("internal_query", ""), _location(found), get("txid") or None,
            get("backend_type", ""), get("query_id") or None,
        )  # fmt: skip


def _location(found: dict[str, Any]) -> str:
    """As csvlog writes it: ``function, file:line``."""
    if "file_name" not in found:
        return ""
    function = f"{found['func_name']}, " if "func_name" in found else ""
    return f"{function}{found['file_name']}:{found.get('file_line_num', 0)}"
