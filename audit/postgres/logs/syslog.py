"""syslog: lines of stderr in frames of RFC 3164 or RFC 5424, as the daemon received or wrote them.

PostgreSQL numbers its messages and cuts them at newlines and before 900 bytes (``write_syslog`` in ``elog.c``):
``[42-1] …``, ``[42-2] …``. Daemons write control characters as ``#011``, octal. Put together again, a message is the
text that stderr would have got.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from audit.postgres.logs import faults, prefix
from audit.postgres.logs.encoding import BOM
from audit.postgres.logs.faults import Unreadable
from audit.postgres.logs.joining import Waiting
from audit.postgres.logs.record import LogRecord
from audit.postgres.logs.stderr import MESSAGE, Stderr, record
from audit.postgres.logs.words import LEVEL, PART

OLD_TIME = r"(?P<old>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)"
ISO_TIME = r"(?P<iso{}>\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{{1,9}})?(?:Z|[+-]\d\d:\d\d))"
RFC_3164 = rf"(?:{OLD_TIME}|{ISO_TIME.format('')}) (?P<host>\S+) (?P<ident>[^\s\[\]:]+)(?:\[(?P<pid>\d{{1,10}})\])?: ?"
DATA = r'(?:-|(?:\[(?:"(?:[^"\\]|\\.)*"|[^\]"])*\])+)'
RFC_5424 = (
    rf"1 (?:-|{ISO_TIME.format('5')}) (?P<host5>\S+) (?P<ident5>\S+) (?:-|(?P<pid5>\S+)) \S+ {DATA}(?: \ufeff?|\Z)"
)
FRAME = re.compile(rf"(?:<\d{{1,3}}>)?(?:{RFC_5424}|{RFC_3164})")
NUMBER = re.compile(r"\[(?P<message>\d+)(?:-(?P<chunk>\d+))?\] ")
ESCAPED = re.compile(rb"#(0[0-3][0-7]|177)|((?:#[23][0-7]{2}){2,})")
LONGEST_CHUNK = 900
"""``PG_SYSLOG_LIMIT``; a letter of several bytes is not cut."""
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
TEXT = "TEXT"
PREFIXES = (*prefix.WELL_KNOWN, "", "[%p] ", "user=%u,db=%d,app=%a,client=%h ", "user=%u,db=%d ", "%q%u@%d ", "%u@%d ")
"""Tried when nobody said the prefix: many leave the time to syslog."""


class Syslog(Stderr):
    """The parser of syslog. ``now`` is about when the text was written: RFC 3164 knows no year. Raises what ``Stderr``
    raises."""

    format = "syslog"
    needs_time = False

    def __init__(self, *, now: datetime | None = None, state: dict[str, Any] | None = None, **how: Any) -> None:
        super().__init__(state=state, **how)
        written = (state or {}).get("now")
        self._now = datetime.fromisoformat(written) if written else now or datetime.now(UTC)

    @property
    def state(self) -> dict[str, Any]:
        return super().state | {"now": self._now.isoformat()}

    def _text(self, raw: bytes, offset: int, end: int, *, continued: bool) -> None:
        text = self._decode(unescaped(raw))
        frame = None if continued else FRAME.match(text)
        if frame is None:
            self._more_of_a_long_line(text, offset, end, continued=continued)
            return
        told = {name.rstrip("5"): value for name, value in frame.groupdict().items() if value}
        self._framed(text[frame.end() :], told, offset, end)

    def _more_of_a_long_line(self, text: str, offset: int, end: int, *, continued: bool) -> None:
        last = self._joining.last
        if continued and last is not None and not last.code:
            last.add(text, offset, end, glue=True)
        elif text:
            self._joining.strange(offset, end, faults.NOT_A_RECORD)

    def _framed(self, text: str, told: dict[str, str], offset: int, end: int) -> None:
        """A chunk of a message: its first, or the next of the same process."""
        number = NUMBER.match(text)
        text = text[number.end() :] if number else text
        message, chunk = (number["message"], number["chunk"]) if number else ("", None)
        key = (told.get("host"), told.get("ident"), told.get("pid"))
        line = self._prefix.match(text)
        before = self._joining.of(key)
        if chunk == "1" or (chunk is None and line and line.word in LEVEL):
            waiting = Waiting(offset, end, key=key, told=told | {"message": message})
            waiting.add(text, offset, end, TEXT)
            self._joining.begin(waiting)
        elif before is not None and (chunk is None or before.told["message"] == message):
            self._join(before, text, offset, end)
            self._joining.last = before
        else:
            code = faults.ORPHAN if chunk or line or text.startswith("\t") else faults.NOT_A_RECORD
            self._joining.strange(offset, end, code)

    @staticmethod
    def _join(waiting: Waiting, text: str, offset: int, end: int) -> None:
        """A new line, or the rest of one that was too long."""
        last = waiting.parts[TEXT][-1].removeprefix("\n")
        waiting.add(text if was_cut(last, text) else "\n" + text, offset, end, TEXT)

    def _record(self, one: Waiting) -> LogRecord:
        """The message as stderr would have it."""
        whole: Waiting | None = None
        for text in "".join(one.parts[TEXT]).split("\n"):
            line = None if text.startswith("\t") else self._prefix.match(text)
            if whole is None:
                if line is None or line.word not in LEVEL:
                    raise Unreadable(faults.NOT_A_RECORD)
                whole = Waiting(one.offset, one.end, word=line.word, told={"p": one.told.get("pid", "")} | line.told)
                whole.add(line.text, one.offset, one.end, MESSAGE)
            elif line is not None and line.word in PART:
                whole.add(line.text, one.offset, one.end, PART[line.word])
            else:
                whole.add(text.removeprefix("\t"), one.offset, one.end)
        if whole is None:
            raise Unreadable(faults.NOT_A_RECORD)
        return record(whole, self._clock, None if self._prefix.tells_time else self._framed_time(one.told))

    def _framed_time(self, told: dict[str, str]) -> datetime:
        """When the daemon got the message. Raises ``Unreadable``."""
        if iso := told.get("iso"):
            return datetime.fromisoformat(iso).astimezone(UTC)
        try:
            month, day, time = told["old"].split()
            at = [self._now.year, MONTHS.index(month) + 1, int(day), *map(int, time.split(":"))]
            found = datetime(*at)  # type: ignore[arg-type]
            if found > self._now.replace(tzinfo=None) + timedelta(days=1):
                found = found.replace(year=found.year - 1)
        except (KeyError, ValueError):
            raise Unreadable(faults.TIME_UNREADABLE) from None
        return self._clock.in_zone(found)


def was_cut(chunk: str, following: str) -> bool:
    """Whether PostgreSQL cut between two chunks because of their length, not at a newline: it cuts before the last
    space whose word does not fit any more; only where there is no space, within a word."""
    size = len(chunk.encode())
    if following[:1].isspace():
        word = following[1:].split(maxsplit=1)[0] if following[1:].strip() and not following[1:2].isspace() else ""
        return size + 1 + len(word.encode()) > LONGEST_CHUNK - (not word)
    return size > LONGEST_CHUNK - 4 and not any(letter.isspace() for letter in chunk[1:])


def unescaped(raw: bytes) -> bytes:
    """``#011`` is a tab; ``#303#251`` an é, but only where the bytes are UTF-8: ``#250`` may be an issue's number."""
    if b"#" not in raw:
        return raw
    return ESCAPED.sub(_unescaped, raw.removeprefix(BOM))


def _unescaped(found: re.Match[bytes]) -> bytes:
    if found[1]:
        return bytes([int(found[1], 8)])
    letters = bytes(int(octal, 8) for octal in found[2].split(b"#")[1:])
    try:
        letters.decode()
    except UnicodeDecodeError:
        return found[0]
    return letters


def messages(lines: list[str]) -> list[str]:
    """What the frames hold."""
    found = ((line, FRAME.match(line)) for line in lines)
    return [NUMBER.sub("", line[frame.end() :], count=1) for line, frame in found if frame]
