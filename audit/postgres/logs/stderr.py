"""stderr with any ``log_line_prefix`` (``send_message_to_server_log`` in ``src/backend/utils/error/elog.c``).

Each part of a record (severity, DETAIL, HINT, QUERY, CONTEXT, LOCATION, STATEMENT) begins with the prefix; each line
more of it begins with a tab, whatever the message was: no message can begin a record. Where a record ends shows only by
what follows.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from audit.postgres.logs import faults, prefix
from audit.postgres.logs.encoding import BOM, decoder, known
from audit.postgres.logs.faults import Unreadable, add
from audit.postgres.logs.joining import Joining, Waiting, give
from audit.postgres.logs.lines import PIECE, Lines
from audit.postgres.logs.prefix import LONGEST, Line
from audit.postgres.logs.record import BIGGEST, PID_DIGITS, Fault, Found, LogRecord
from audit.postgres.logs.words import LEVEL, PART, UNKNOWN, level, without_position
from audit.postgres.logs.zones import Clock

MESSAGE = "MESSAGE"
SQLSTATE = re.compile(r"([0-9A-Z]{5}): ")
PEER = re.compile(r"(.*?)(?:\((\d*)\))?")
NAME_LINES = 64
"""Newlines that a name of 63 bytes can hold, and one."""


class Stderr:
    """The parser of stderr. ``guessed``: the prefix may be another well-known one as well. ``crlf``: lines end as on
    Windows.

    Raises ``LogPrefixUnusable``, ``LogEncodingUnusable``, ``LogTimezoneUnknown``."""

    format = "stderr"
    needs_time = True
    """Whether the prefix must tell it."""

    def __init__(
        self,
        *,
        prefix: str = "",
        guessed: bool = False,
        crlf: bool = False,
        encoding: str | None = None,
        timezone: str = "",
        state: dict[str, Any] | None = None,
    ) -> None:
        state = state or {}
        self.consumed = int(state.get("consumed", 0))
        self._guessed = bool(state.get("guessed", guessed))
        self._encoding = known(state.get("encoding", encoding))
        self._clock = Clock(state.get("timezone", timezone))
        self._decode = decoder(self._encoding)
        self._use(state.get("prefix", prefix))
        self._lines = Lines(self.consumed, within=bool(state.get("within", False)))
        self._joining = Joining(state.get("given", []))
        self._crlf = bool(state.get("crlf", crlf))
        self._stub: list[tuple[str, int, int]] = []
        """Lines that may have been broken by a newline in a name."""

    def _use(self, text: str) -> None:
        self.prefix = text
        self._prefix = prefix.compiled(text, needs_time=self.needs_time)

    @property
    def state(self) -> dict[str, Any]:
        return {
            "format": self.format,
            "consumed": self.consumed,
            "prefix": self.prefix,
            "guessed": self._guessed,
            "encoding": self._encoding,
            "timezone": self._clock.timezone,
            "within": self._lines.within and self.consumed == self._lines.at,
            "crlf": self._crlf,
            "given": self._joining.given,
        }

    def feed(self, data: bytes) -> list[Found | Fault]:
        out: list[Found | Fault] = []
        for start in range(0, len(data), PIECE):
            for raw, size, continued in self._lines.feed(data[start : start + PIECE]):
                self._line(raw, size, continued, out)
        self._move_on()
        return out

    def settle(self) -> list[Found | Fault]:
        out: list[Found | Fault] = []
        self._give(self._joining.all(), out)
        self._move_on()
        return out

    def finish(self) -> list[Found | Fault]:
        out: list[Found | Fault] = []
        last = self._lines.finish()
        half = [(self._lines.at, self._lines.at + size) for _, size, _ in last]
        for raw, size, continued in last:
            self._line(raw, size, continued, out)
        self._break_stub()
        self._give(self._joining.all(), out)
        self._move_on()
        for start, end in half:
            if isinstance(out[-1], Found):
                add(out, start, end, faults.HALF)
        return out

    def _move_on(self) -> None:
        waiting = [self._stub[0][1]] if self._stub else []
        if self._joining.first is not None:
            waiting.append(self._joining.first)
        self.consumed = min(waiting, default=self._lines.at)
        self._joining.forget(self.consumed)

    def _give(self, ripe: list[Waiting], out: list[Found | Fault]) -> None:
        for one in ripe:
            try:
                give(one, None if one.code else self._record(one), out)
            except Unreadable as trouble:
                add(out, one.offset, one.end, trouble.code)

    def _line(self, raw: bytes, size: int, continued: bool, out: list[Found | Fault]) -> None:
        offset = self._lines.at
        end = self._lines.at = offset + size
        if self._joining.was_given(offset):
            return
        self._give(self._joining.ripe(offset), out)
        if offset == 0:
            raw = raw.removeprefix(BOM)
        self._text(raw.removesuffix(b"\r") if self._crlf else raw, offset, end, continued=continued)

    def _text(self, raw: bytes, offset: int, end: int, *, continued: bool) -> None:
        text = self._decode(raw)
        if continued:
            self._more(text, offset, end, glue=True)
        elif self._stub:
            self._try_broken_name(text, offset, end)
        elif text.startswith("\t"):
            self._more(text[1:], offset, end)
        else:
            self._beginning(text, offset, end)

    def _more(self, text: str, offset: int, end: int, *, glue: bool = False) -> None:
        """A line that continues the last one."""
        last = self._joining.last
        if last is None or last.code:
            self._joining.strange(offset, end, faults.ORPHAN)
        else:
            last.add(text, offset, end, glue=glue)

    def _beginning(self, text: str, offset: int, end: int) -> None:
        """A line that should begin with the prefix."""
        found = self._prefix.match(text) or self._another_prefix(text)
        if found:
            self._part(found, offset, end)
        elif self._prefix.begun and len(text) < LONGEST and self._prefix.begun.match(text):
            self._stub = [(text, offset, end)]
        elif text:
            self._joining.strange(offset, end, faults.NOT_A_RECORD)

    def _another_prefix(self, text: str) -> Line | None:
        """A prefix that was guessed from lines of the server alone may lack what follows %q, and it may change."""
        if self._guessed:
            for candidate in prefix.WELL_KNOWN:
                if found := prefix.compiled(candidate).match(text):
                    self._use(candidate)
                    return found
        return None

    def _try_broken_name(self, text: str, offset: int, end: int) -> None:
        """A role or database whose name holds a newline, maybe to imitate a record: one line together with the last
        ones, before it may be one by itself."""
        self._stub.append((text, offset, end))
        found = self._prefix.match("\n".join(line for line, _, _ in self._stub), broken=True)
        if found:
            start, self._stub = self._stub[0][1], []
            self._part(found, start, end)
        elif self._prefix.match(text) or len(self._stub) > NAME_LINES or len(text) > LONGEST:
            self._stub.pop()
            self._break_stub()
            self._beginning(text, offset, end)

    def _break_stub(self) -> None:
        """It was no broken name."""
        for _, offset, end in self._stub:
            self._joining.strange(offset, end, faults.NOT_A_RECORD)
        self._stub = []

    def _part(self, found: Line, offset: int, end: int) -> None:
        """A severity begins a record; another word goes on with the one of the same process."""
        told, word, text = found
        key = told.get("p") or told.get("c")
        last = self._joining.last
        if last is not None and last.part == "STATEMENT":
            last.whole = True  # nothing comes after the statement
        if word in LEVEL:
            waiting = Waiting(offset, end, key=key, word=word, told=told)
            waiting.add(text, offset, end, MESSAGE)
            self._joining.begin(waiting)
        elif (of := self._joining.of(key)) is not None:
            of.add(text.lstrip() if PART[word] == "LOCATION" else text, offset, end, PART[word])
            self._joining.last = of
        else:
            self._joining.strange(offset, end, faults.ORPHAN)

    def _record(self, one: Waiting) -> LogRecord:
        return record(one, self._clock)


def record(one: Waiting, clock: Clock, at: datetime | None = None) -> LogRecord:
    """What prefix and parts of a whole record tell. ``at`` is the time where the prefix has none. Raises
    ``Unreadable``."""
    told = one.told
    session = told.get("c", "")
    message, sqlstate, location = one.text(MESSAGE), told.get("e", ""), one.text("LOCATION")
    if location and (verbose := SQLSTATE.match(message)):
        sqlstate, message = verbose[1], message[verbose.end() :]
    query, internal_query, context = one.text("STATEMENT"), one.text("QUERY"), one.text("CONTEXT")
    message = without_position(message)
    if backtrace := one.text("BACKTRACE"):
        context = f"{context}\nBACKTRACE:  {backtrace}".lstrip("\n")
    address, port = _peer(told)
    began = told.get("s")
    return LogRecord(
        at=_time(told, clock) or at or _no_time(),
        level=level(one.word, sqlstate),
        message=message,
        sqlstate=sqlstate,
        pid=_number(told.get("p")) or _pid_of(session),
        session=session,
        line=_number(told.get("l")),
        role=_name(told.get("u")),
        database=_name(told.get("d")),
        address=address,
        port=port,
        application=_name(told.get("a")),
        command=told.get("i", "").strip(),
        session_start=clock.read(began) if began else prefix.started(session) if session else None,
        detail=one.text("DETAIL"),
        hint=one.text("HINT"),
        context=context,
        query=query,
        internal_query=internal_query,
        location=location,
        transaction=_number(told.get("x")) or None,
        backend_type=told.get("b", "").strip(),
        query_id=_number(told.get("Q")) or None,
    )


def _time(told: dict[str, str], clock: Clock) -> datetime | None:
    """Milliseconds where the prefix has them."""
    if seconds := told.get("n"):
        whole, _, fraction = seconds.partition(".")
        return datetime.fromtimestamp(int(whole), UTC).replace(microsecond=int(fraction) * 1000)
    stamp = told.get("m") or told.get("t")
    return clock.fresh(stamp) if stamp else None


def _no_time() -> datetime:
    raise Unreadable(faults.TIME_UNREADABLE)


def _peer(told: dict[str, str]) -> tuple[str, int | None]:
    """%r is ``10.0.0.5(54321)``, %h the same without the port."""
    found = PEER.fullmatch(told.get("r") or told.get("h") or "")
    host, port = found.groups() if found else ("", None)
    return ("", None) if host == "[local]" else (host, _number(port))


def _name(text: str | None) -> str:
    return "" if text is None or text in UNKNOWN else text


def _number(text: str | None) -> int | None:
    return int(text) if text and abs(int(text)) <= BIGGEST else None


def _pid_of(session: str) -> int | None:
    """The second half of %c."""
    try:
        pid = int(session.partition(".")[2], 16) if session else 0
    except ValueError:
        return None
    return pid if 0 < pid < 10**PID_DIGITS else None
