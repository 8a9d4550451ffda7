"""Which records the server itself writes at a login or at the end of a session, as far as they tell. A role can write
any line with RAISE LOG: what has a context, a statement or a command that no login has is not believed."""

from __future__ import annotations

import re

from audit.postgres.logs.record import LogRecord

LATEST_LINE = 8
"""A login is among the first lines of its session."""
AT_LOGIN = ("", "authentication", "startup", "initializing", "not initialized", "idle")
"""Command tags (``ps``) of a session that runs nothing yet."""
ENDED = re.compile(
    r"[^:=]{3,40}: ?[^:=]{3,40}: ?(?P<hours>\d+):(?P<minutes>\d\d):(?P<seconds>\d\d\.\d{3}) (?P<rest>\S+=.*)", re.DOTALL
)
"""The end of a session, in any language."""
ENGLISH_END = "disconnection: session time: "


def is_from_a_login(record: LogRecord) -> bool:
    """Whether the server itself says it at a login or an end, as far as the record tells."""
    if record.context or record.query or record.internal_query:
        return False
    if record.level == "LOG" and record.sqlstate not in ("", "00000"):
        return False
    if record.level == "LOG" and ENDED.match(record.message):
        return record.command == "idle" or record.message.startswith(ENGLISH_END)
    is_early = record.line is None or record.line <= LATEST_LINE
    return is_early and (record.command in AT_LOGIN or record.level == "FATAL")
