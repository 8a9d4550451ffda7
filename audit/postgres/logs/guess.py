"""Which format a text is in: its first bytes say; its name only where they do not."""

from __future__ import annotations

import re

from audit.postgres.logs.csvlog import HEAD
from audit.postgres.logs.encoding import BOM
from audit.postgres.logs.jsonlog import BEGINNINGS
from audit.postgres.logs.prefix import Prefix, guessed

HEAD_BYTES = 64 * 1024
"""What a guess looks at. A log that is shorter is guessed from what there is."""
CSV = re.compile(rb"(?m)^" + HEAD.pattern)
JSON = re.compile(rb"(?m)^" + BEGINNINGS.pattern)
NAMED = re.compile(r"\.(csv|json)(?:\.(?:gz|zst|\d+))*\Z")


def format_of(head: bytes, name: str = "") -> str:
    """``csvlog`` or ``jsonlog`` from the beginning of a text; by its name (packed or not) when the text does not tell;
    else ``stderr``. A line of stderr that quotes one of the others begins with a tab."""
    text = head.removeprefix(BOM)[:HEAD_BYTES]
    if CSV.search(text):
        return "csvlog"
    if JSON.search(text):
        return "jsonlog"
    named = NAMED.search(name)
    return f"{named[1]}log" if named else "stderr"


def prefix_of(head: bytes) -> Prefix | None:
    """The well-known ``log_line_prefix`` that the beginning of a stderr log has."""
    lines = head.removeprefix(BOM)[:HEAD_BYTES].decode("utf-8", "replace").split("\n")
    return guessed([line.removesuffix("\r") for line in (lines[:-1] if len(lines) > 1 else lines)])


def crlf(head: bytes) -> bool:
    """Whether all lines end as on Windows: a message may end with a return, too."""
    lines = head[:HEAD_BYTES].count(b"\n")
    return lines > 0 and head[:HEAD_BYTES].count(b"\r\n") == lines
