"""Which format a text is in: its first bytes say; its name only where they do not."""

from __future__ import annotations

import re

from audit.postgres.logs.csvlog import HEAD
from audit.postgres.logs.encoding import BOM
from audit.postgres.logs.jsonlog import BEGINNINGS
from audit.postgres.logs.prefix import WELL_KNOWN, Prefix, guessed
from audit.postgres.logs.syslog import FRAME, PREFIXES, messages, unescaped

HEAD_BYTES = 64 * 1024
"""What a guess looks at. A log that is shorter is guessed from what there is."""
SYSLOG_LINES = 3
"""Looked at; other programs' lines are framed, too."""
CSV = re.compile(rb"(?m)^" + HEAD.pattern)
JSON = re.compile(rb"(?m)^" + BEGINNINGS.pattern)
NAMED = re.compile(r"\.(csv|json)(?:\.(?:gz|zst|\d+))*\Z")


def format_of(head: bytes, name: str = "", prefix: str | None = None) -> str:
    """``csvlog``, ``jsonlog`` or ``syslog`` from the beginning of a text; by its name (packed or not) when the text
    does not tell; else ``stderr``. A line of stderr that quotes one of the others begins with a tab."""
    text = head.removeprefix(BOM)[:HEAD_BYTES]
    if CSV.search(text):
        return "csvlog"
    if JSON.search(text):
        return "jsonlog"
    if any(FRAME.match(line) for line in _lines(head)[:SYSLOG_LINES]):
        return "syslog"
    named = NAMED.search(name)
    return f"{named[1]}log" if named and not _is_stderr(head, prefix) else "stderr"


def _is_stderr(head: bytes, prefix: str | None) -> bool:
    """Whether most lines begin with the prefix, or with a well-known one."""
    candidates = WELL_KNOWN if prefix is None else (prefix,)
    return guessed(_lines(head), candidates) is not None


def prefix_of(head: bytes, format_: str = "stderr") -> Prefix | None:
    """The well-known ``log_line_prefix`` that the beginning of a log in stderr or syslog has."""
    if format_ == "syslog":
        return guessed(messages(_lines(head)), PREFIXES)
    return guessed(_lines(head), WELL_KNOWN)


def _lines(head: bytes) -> list[str]:
    lines = unescaped(head.removeprefix(BOM)[:HEAD_BYTES]).decode("utf-8", "replace").split("\n")
    return [line.removesuffix("\r") for line in (lines[:-1] if len(lines) > 1 else lines)]


def crlf(head: bytes) -> bool:
    """Whether all lines end as on Windows: a message may end with a return, too."""
    lines = head[:HEAD_BYTES].count(b"\n")
    return lines > 0 and head[:HEAD_BYTES].count(b"\r\n") == lines
