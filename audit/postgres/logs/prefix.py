"""``log_line_prefix``: what stands before each line of stderr and syslog, as a pattern.

Follows ``log_status_format`` in ``src/backend/utils/error/elog.c``. Names of roles and databases may hold anything, a
newline, too, and the startup packet of somebody who never gets in is enough to write one. So a line that breaks off
within a name is tried together with those that follow it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

from audit.exceptions import LogPrefixUnusable
from audit.postgres.logs.record import PID_DIGITS
from audit.postgres.logs.words import LEVEL, PART

TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
ZONE = r"(?:[A-Za-z]{1,10}|[+-]\d{2,6})"
NAME = r"[^\n]{0,260}?"
"""63 bytes, four letters for each that is not UTF-8."""
BROKEN_NAME = r"[\s\S]{0,63}?"
LONGEST = 4096
"""Letters within which a prefix ends."""
FIELDS = {
    "a": NAME,
    "u": NAME,
    "d": NAME,
    "r": r"(?:\[local\]|[^\s()]+(?:\(\d{0,5}\))?)?",
    "h": r"(?:\[local\]|[^\s()]+?)?",
    "L": r"(?:\[local\]|\[none\]|[^\s()]+?)?",
    "b": NAME,
    "p": rf"\d{{1,{PID_DIGITS}}}",
    "P": r"\d{0,10}",
    "t": f"{TIME} {ZONE}",
    "m": rf"{TIME}\.\d{{3}} {ZONE}",
    "n": r"\d{9,11}\.\d{3}",
    "i": NAME,
    "e": "[0-9A-Z]{5}",
    "c": r"[0-9a-f]{1,16}\.[0-9a-f]{1,8}",
    "l": r"\d{1,10}",
    "s": f"{TIME} {ZONE}",
    "v": r"(?:-?\d+/\d+)?",
    "x": r"\d{1,10}",
    "Q": r"-?\d{1,19}",
}
"""Every escape and what it becomes; %q and %% are no fields."""
TIMES = {"t", "m", "n"}
ESCAPE = re.compile(r"%(?:(?P<percent>%)|(?P<padding>-?\d*)(?P<field>.)|\Z|-?\d*\Z)|(?P<literal>[^%]+)", re.DOTALL)

WELL_KNOWN = (
    "%m [%p] ",
    "%m [%p] %q%u@%d ",
    "%m [%p] %q[user=%u,db=%d,app=%a] ",
    "%m [%p] %q%u@%d/%a ",
    "%m [%p] %u@%d ",
    "%m [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%m [%p]: [%l-1] db=%d,user=%u ",
    "%m [%p]: %q[%l-1] db=%d,user=%u,app=%a,client=%h ",
    "%m [%p]: ",
    "%m [%p:%l] ",
    "%m [%c] ",
    "%m %u@%d ",
    "%m ",
    "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: [%l-1] user=%u,db=%d,remote=%r,app=%a ",
    "%t [%p]: [%l-1] %quser=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: [%l-1] user=%u,db=%d ",
    "%t [%p]: [%l-1] db=%d,user=%u,app=%a,client=%h ",
    "%t [%p]: [%l-1] db=%d,user=%u ",
    "%t [%p]: user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: [%l] ",
    "%t [%p]: [%l-1] ",
    "%t [%p]: ",
    "%t [%p] ",
    "%t [%p] %q%u@%d ",
    "%t [%p-%l] %q%u@%d ",
    "%t:%r:%u@%d:[%p]:",
    "%t:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a:",
    "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a:",
    "%t-%c-",
    "%t ",
    "< %m > ",
    "< %m >",
    "< %m %u %d %h > ",
    "%n [%p] ",
)
"""Tried when nobody said the prefix: PostgreSQL's own default, and those of Debian, Red Hat, pgBadger's manual, Amazon
RDS, Azure, Google Cloud SQL, Heroku and others."""


class Line(NamedTuple):
    """A line that begins with the prefix: what that told by the letters of its escapes, the severity or part, the
    rest."""

    told: dict[str, str]
    word: str
    text: str


@dataclass(frozen=True, slots=True)
class Prefix:
    """A compiled prefix."""

    text: str
    fields: frozenset[str]
    whole: re.Pattern[str]
    broken: re.Pattern[str]
    """The same where a name holds newlines."""
    begun: re.Pattern[str] | None
    """The beginning of a line up to its first name; None when the prefix has none."""

    @property
    def tells_time(self) -> bool:
        return bool(TIMES & self.fields)

    def match(self, line: str, *, broken: bool = False) -> Line | None:
        """The shortest beginning that is the prefix and before a severity or part; the longest where a name holds
        newlines and what else its author liked. Severities are looked for first: a pattern with several names in it
        would try all their lengths on a line that has none."""
        pattern = self.broken if broken else self.whole
        at, best = 0, None
        while found := _word().search(line, at, LONGEST):
            if head := pattern.fullmatch(line, 0, found.start()):
                best = Line(head.groupdict(default=""), found["word"], line[found.end() :])
                if not broken:
                    break
            at = found.start() + 1
        return best


@cache
def _word() -> re.Pattern[str]:
    """Any severity or part, longer ones first. Two spaces follow in most languages."""
    words = "|".join(re.escape(word) for word in sorted({*LEVEL, *PART}, key=lambda word: (-len(word), word)))
    return re.compile(rf"(?P<word>{words})[ \u00a0]?: {{0,2}}")


@cache
def compiled(prefix: str, *, needs_time: bool = True) -> Prefix:
    """``prefix`` as patterns. Raises ``LogPrefixUnusable`` where it tells no time although it must."""
    whole, fields, begun = _pattern(prefix, NAME)
    if needs_time and not TIMES & fields:
        raise LogPrefixUnusable(f"The log_line_prefix “{prefix}” tells no time.")
    return Prefix(
        text=prefix,
        fields=frozenset(fields),
        whole=re.compile(whole),
        broken=re.compile(_pattern(prefix, BROKEN_NAME)[0]),
        begun=re.compile(begun) if begun is not None else None,
    )


def _pattern(prefix: str, name: str) -> tuple[str, set[str], str | None]:
    """The pattern, its fields, and the pattern up to the first name of a role or database."""
    out: list[str] = []
    seen: set[str] = set()
    tails, begun = 0, None
    for found in ESCAPE.finditer(prefix):
        field = found["field"]
        if found["percent"] or found["literal"]:
            out.append(re.escape(found["percent"] or found["literal"]))
        elif field == "q":
            out.append("(?:")
            tails += 1
        elif field in FIELDS:
            if field in "ud" and begun is None:
                begun = "".join(out) + ")?" * tails
            pattern = name if field in "ud" else FIELDS[field]
            one = f"(?:{pattern})" if field in seen else f"(?P<{field}>{pattern})"
            seen.add(field)
            out.append(_padded(one, found["padding"], field))
    return "".join(out) + ")?" * tails, seen, begun


def _padded(pattern: str, padding: str, field: str) -> str:
    """``%10u`` fills with spaces on the left, ``%-10u`` on the right. The pid of a parallel worker's leader (%P) is a
    space when there is none."""
    if padding.lstrip("-") in ("", "0"):
        return f" *{pattern}" if field == "P" else pattern
    return f" *{pattern} *"


def guessed(lines: list[str], candidates: tuple[str, ...]) -> Prefix | None:
    """The candidate that most of these lines begin with; of several the one that tells most; then the first. None when
    fewer than half of the lines that could begin with one do."""
    lines = [line for line in lines if line and not line.startswith("\t")]
    best, best_score = None, (0, 0)
    for text in candidates:
        prefix = compiled(text, needs_time=False)
        found = [match for line in lines if (match := prefix.match(line))]
        score = len(found), sum(1 for match in found for value in match.told.values() if value)
        if score > best_score:
            best, best_score = prefix, score
    return best if best_score[0] * 2 >= len(lines) else None


def started(session: str) -> datetime | None:
    """When a session began: %c is that second and the pid, both hexadecimal."""
    try:
        return datetime.fromtimestamp(int(session.partition(".")[0], 16), UTC)
    except (ValueError, OverflowError, OSError):
        return None
