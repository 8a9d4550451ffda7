"""csvlog: 23 columns up to PostgreSQL 12, 24 on 13, 26 from 14 (``src/backend/utils/error/csvlog.c``).

Every quote within a text is doubled, so within quotes stand only even runs of them. The beginning of a record has a
single one before its message: no message can imitate it, and after a torn record reading goes on there.
"""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime
from io import BytesIO, StringIO
from itertools import accumulate
from typing import Any

from audit.postgres.logs import faults
from audit.postgres.logs.encoding import BOM, decoder, known
from audit.postgres.logs.faults import Unreadable, add
from audit.postgres.logs.record import BIGGEST, LIMIT, PID_DIGITS, Fault, Found, LogRecord
from audit.postgres.logs.words import LEVEL, level
from audit.postgres.logs.zones import HOUR, Clock

COLUMNS = 26
OLDER = {23: ["", "", "0"], 24: ["", "0"]}
"""What versions before 14 did not write: backend type, leader's pid, query id."""
TO_MESSAGE = 14
FRACTION = len("2026-11-20 10:40:01.123")
PIECE = 1024 * 1024
HEAD_BYTES = 4096
"""A record's beginning up to its message is shorter: names have 63 bytes at most."""
TIME = rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
ZONE = rb"[A-Za-z0-9+-]{1,10}"
UNENDED = "unexpected end of data"
"""What csv says when the text ends within quotes."""
KEPT = 50_000
PORT_DIGITS = 5
DIGITS = 10
"""Of a 32-bit number."""
ABBREVIATION = re.compile(ZONE.decode())
QUOTED = rb'(?:"(?:[^"]|""){0,1000}")?'
HEAD = re.compile(
    TIME + rb"\.\d{3} " + ZONE + rb"," + QUOTED + rb"," + QUOTED + rb",\d{0,10}," + QUOTED
    + rb",[0-9a-f]+\.[0-9a-f]+,\d+," + QUOTED + rb"," + TIME + rb" " + ZONE
    + rb',[-/0-9]*,\d*,[^",\n]{1,60},[0-9A-Z]{5},"(?:"")*[^"]'
)  # fmt: skip

csv.field_size_limit(max(csv.field_size_limit(), LIMIT + PIECE))


class CsvLog:
    """The parser of csvlog. Raises ``LogEncodingUnusable``, ``LogTimezoneUnknown``."""

    format = "csvlog"
    prefix = ""

    def __init__(self, *, encoding: str | None = None, timezone: str = "", state: dict[str, Any] | None = None) -> None:
        state = state or {}
        self.consumed = int(state.get("consumed", 0))
        self._encoding = known(state.get("encoding", encoding))
        self._clock = Clock(state.get("timezone", timezone))
        self._decode = decoder(self._encoding)
        self._lost = str(state.get("lost", ""))
        """While the next beginning is looked for: what the text is until there."""
        self._columns = int(state.get("columns", 0))
        self._searched = 0
        """Bytes of what waits that surely hold no beginning."""
        self._pieces: list[bytes] = []
        self._size = self._tried = 0
        self._open = False
        """Whether what waits ends within quotes."""
        self._ends_open = False
        """Whether the text ended without a newline."""
        self._peers: dict[str, tuple[str, int | None]] = {"": ("", None)}

    @property
    def state(self) -> dict[str, Any]:
        return {
            "format": self.format,
            "consumed": self.consumed,
            "encoding": self._encoding,
            "timezone": self._clock.timezone,
            "lost": self._lost,
            "columns": self._columns,
        }

    def feed(self, data: bytes) -> list[Found | Fault]:
        out: list[Found | Fault] = []
        for start in range(0, len(data), PIECE):
            piece = data[start : start + PIECE]
            worth = self._worth_reading(piece)
            self._pieces.append(piece)
            self._size += len(piece)
            if worth:
                self._read(out, ended=False)
        return out

    def settle(self) -> list[Found | Fault]:
        return []  # a record of csvlog ends with its line

    def finish(self) -> list[Found | Fault]:
        out: list[Found | Fault] = []
        self._ends_open = bool(self._pieces) and not self._pieces[-1].endswith(b"\n")
        self._read(out, ended=True)
        self._ends_open = False
        return out

    def _worth_reading(self, piece: bytes) -> bool:
        """Not when only a long text grows: reading it anew with every piece would take the square of its length.
        A torn record seems to grow, too, hence a look whenever its length has doubled."""
        if not self._size or self._lost:
            return True
        start = 0
        while (end := piece.find(b"\n", start)) >= 0:
            self._open ^= bool(piece.count(b'"', start, end) & 1)
            if not self._open:
                return True
            start = end + 1
        self._open ^= bool(piece.count(b'"', start) & 1)
        size = self._size + len(piece)
        return size >= 2 * self._tried or size > LIMIT

    def _read(self, out: list[Found | Fault], *, ended: bool) -> None:
        text = b"".join(self._pieces)
        at, more = 0, True
        while more:
            if self._lost:
                at, more = self._find_beginning(text, at, out, ended=ended)
            else:
                at, more = self._rows(text, at, out, ended=ended)
        self._pieces = [text[at:]] if at < len(text) else []
        self._size = self._tried = len(text) - at
        self._open = bool(text.count(b'"', at) & 1)
        self.consumed += at

    def _find_beginning(self, text: bytes, at: int, out: list[Found | Fault], *, ended: bool) -> tuple[int, bool]:
        """Skip to the next record's beginning; says where reading goes on, and whether it can."""
        found = HEAD.search(text, at + self._searched)
        end = found.start() if found else len(text)
        if end - at > LIMIT + (0 if found else HEAD_BYTES):
            self._give_up(text, at, at + LIMIT, self._lost, out)
            self._searched = 0
            return at + LIMIT, True
        if found or ended:
            code = self._lost if found or self._lost == faults.TOO_LONG else faults.HALF
            self._give_up(text, at, end, code, out)
            self._lost, self._searched = "", 0
            return end, found is not None
        self._searched = max(self._searched, len(text) - at - HEAD_BYTES)
        return at, False

    def _give_up(self, text: bytes, start: int, end: int, code: str, out: list[Found | Fault]) -> None:
        """Bytes that are no whole record; what can be read of one that is torn is kept."""
        if not text[start:end].removeprefix(BOM).strip():
            return
        offset = self.consumed + start
        if HEAD.match(text, start, end) and (record := self._salvaged(text[start:end])):
            out.append(Found(record, offset, self.consumed + end))
            code = faults.TORN if code == faults.NOT_A_RECORD else code
        elif code == faults.HALF and text.find(b"\n", start, end) >= 0:
            code = faults.NOT_A_RECORD
        add(out, offset, self.consumed + end, code)

    def _rows(self, text: bytes, at: int, out: list[Found | Fault], *, ended: bool) -> tuple[int, bool]:
        """Read whole records; says where reading goes on, and whether it can."""
        body = text[at : len(text) if ended else text.rfind(b"\n") + 1]
        ends = list(accumulate(map(len, BytesIO(body)), initial=0))
        reader = csv.reader(StringIO(self._decode(body), newline="\n"), strict=True)
        base = self.consumed + at
        start, record = 0, self._record
        try:
            for row in reader:
                end = ends[reader.line_num]
                if end - start > LIMIT:
                    return self._cut(text, at + start, out)
                if row:
                    try:
                        out.append(Found(record(row), base + start, base + end))
                    except Unreadable as trouble:
                        add(out, base + start, base + end, trouble.code)
                start = end
        except (csv.Error, ValueError) as trouble:
            if ended or str(trouble) != UNENDED:
                self._lost, self._searched = faults.NOT_A_RECORD, 1
                return at + start, True
        if len(text) - at - start > LIMIT:
            return self._cut(text, at + start, out)
        return at + start, False

    def _cut(self, text: bytes, at: int, out: list[Found | Fault]) -> tuple[int, bool]:
        """The record at ``at`` is too long: keep its beginning, look for the next one."""
        record = self._salvaged(text[at : at + LIMIT]) if HEAD.match(text, at) else None
        if record is None:
            self._lost, self._searched = faults.NOT_A_RECORD, 1
            return at, True
        out.append(Found(record, self.consumed + at, self.consumed + at + LIMIT))
        self._lost, self._searched = faults.TOO_LONG, 0
        return at + LIMIT, True

    def _salvaged(self, torn: bytes) -> LogRecord | None:
        """What can be read of a record from its beginning to its message and on."""
        row = next(csv.reader(StringIO(self._decode(torn), newline="\n")))
        if len(row) < TO_MESSAGE:
            return None
        row = [*row[:COLUMNS], *[""] * (COLUMNS - len(row))]
        row[-1] = "0"
        try:
            return self._record(row)
        except (ValueError, Unreadable):
            return None

    def _record(self, row: list[str]) -> LogRecord:
        """Raises ``ValueError`` for what has not the shape of a record, ``Unreadable`` for a time of unknown zone."""
        if len(row) != COLUMNS:
            row = self._widened(row)
        elif not self._ends_open:
            self._columns = COLUMNS
        (
            stamp, role, database, pid, peer, session, line, command, started, _virtual, transaction, severity,
            sqlstate, message, detail, hint, internal_query, _internal_position, context, query, _position, location,
            application, backend_type, _leader, query_id,
        ) = row  # fmt: skip
        offset = self._clock.offsets.get(stamp[:HOUR] + stamp[FRACTION + 1 :]) or self._offset(stamp)
        at = datetime.fromisoformat(stamp[:FRACTION] + offset)
        if offset != "+00:00":
            at = at.astimezone(UTC)
        try:
            address, port = self._peers[peer]
        except KeyError:
            address, port = self._peer(peer)
        query_number = int(query_id)
        if len(pid) > PID_DIGITS or len(line) > DIGITS or len(transaction) > DIGITS or abs(query_number) > BIGGEST:
            raise ValueError
        return LogRecord(
            at, LEVEL.get(severity) or level(severity, sqlstate), message, sqlstate, int(pid), session, int(line), role,
            database, address, port, application, command, self._clock.read(started), detail, hint, context, query,
            internal_query, location, int(transaction) or None, backend_type, query_number or None,
        )  # fmt: skip

    def _widened(self, row: list[str]) -> list[str]:
        """A row of an older version; at an end without a newline one that is shorter than those before is torn."""
        if len(row) not in OLDER or (self._ends_open and len(row) < self._columns):
            raise ValueError
        self._columns = len(row)
        return row + OLDER[len(row)]

    def _offset(self, stamp: str) -> str:
        if stamp[FRACTION : FRACTION + 1] != " " or not ABBREVIATION.fullmatch(stamp, FRACTION + 1):
            raise ValueError
        return self._clock.offset(stamp[:FRACTION], stamp[FRACTION + 1 :])

    def _peer(self, peer: str) -> tuple[str, int | None]:
        """``10.0.0.5:54321``, ``::1:54321``, ``[local]``, a host's name → address and port."""
        host, _, port = peer.rpartition(":")
        found = (
            (host, int(port))
            if host and port.isdecimal() and len(port) < 6
            else ("" if peer == "[local]" else peer, None)
        )
        if len(self._peers) > KEPT:
            self._peers = {"": ("", None)}
        self._peers[peer] = found
        return found
