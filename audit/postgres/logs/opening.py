"""One way to open a server log of any format."""

from __future__ import annotations

from typing import Any

from audit.exceptions import LogFormatUnknown
from audit.postgres.logs.csvlog import CsvLog
from audit.postgres.logs.guess import crlf, format_of, prefix_of
from audit.postgres.logs.jsonlog import JsonLog
from audit.postgres.logs.record import Parser
from audit.postgres.logs.stderr import Stderr
from audit.postgres.logs.syslog import Syslog

FORMATS = ("csvlog", "jsonlog", "stderr", "syslog")


def open_parser(
    head: bytes = b"",
    *,
    name: str = "",
    format: str | None = None,
    prefix: str | None = None,
    encoding: str | None = None,
    timezone: str | None = None,
    state: dict[str, Any] | None = None,
) -> Parser:
    """The parser of a text. ``state`` of an earlier one goes on where it was and wins over all else. Without
    ``format`` and ``prefix`` they are guessed from ``head``, the text's (unpacked) beginning, some kilobytes, and from
    its ``name``; the parser says what it took. ``head`` is not consumed: feed it.

    Raises ``LogFormatUnknown``, ``LogPrefixUnusable``, ``LogEncodingUnusable``, ``LogTimezoneUnknown``.
    """
    chosen = (state or {}).get("format") or format or format_of(head, name, prefix)
    if chosen == "csvlog":
        return CsvLog(encoding=encoding, timezone=timezone or "", state=state)
    if chosen == "jsonlog":
        return JsonLog(encoding=encoding, timezone=timezone or "", state=state)
    if chosen not in FORMATS:
        raise LogFormatUnknown(f"“{chosen[:40]}” is no format of server logs; there are {', '.join(FORMATS)}.")
    guessed = state is None and prefix is None
    if guessed:
        found = prefix_of(head, chosen)
        if found is None:
            raise LogFormatUnknown
        prefix = found.text
    parser = Syslog if chosen == "syslog" else Stderr
    return parser(
        prefix=prefix or "",
        guessed=guessed,
        crlf=crlf(head),
        encoding=encoding,
        timezone=timezone or "",
        state=state,
    )
