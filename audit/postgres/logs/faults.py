"""What can be wrong with the text of a server log: codes that never change, and their sentences."""

from __future__ import annotations

from audit.postgres.logs.record import LIMIT, Fault, Found

NOT_A_RECORD = "not-a-record"
TORN = "torn-record"
HALF = "half-record"
TOO_LONG = "record-too-long"
ORPHAN = "orphan-lines"
ZONE_UNKNOWN = "zone-unknown"
ZONE_AMBIGUOUS = "zone-ambiguous"
TIME_UNREADABLE = "time-unreadable"
PACKING_CUT = "packing-cut"
PACKING_BROKEN = "packing-broken"

SENTENCES = {
    NOT_A_RECORD: "This text is not a record of a server log; reading went on at the next one.",
    TORN: "A record breaks off here, as after a crash or on a full disk; what could be read of it is kept.",
    HALF: "The text ends within a record; what could be read of it is kept.",
    TOO_LONG: f"A record is longer than {LIMIT // 1024**2} MiB; the rest of it was left out.",
    ORPHAN: "Lines of a record (DETAIL, STATEMENT, a continued line) whose beginning is not in this text.",
    ZONE_UNKNOWN: "The time zone's abbreviation is unknown; set the source's time zone.",
    ZONE_AMBIGUOUS: "The time zone's abbreviation means several zones; set the source's time zone.",
    TIME_UNREADABLE: "A record whose time cannot be read.",
    PACKING_CUT: "The packed file ends too early; everything before the cut was read.",
    PACKING_BROKEN: "The packed file is damaged from here on; everything before was read.",
}
"""Every code with its sentence; ``docs/server-logs.md`` lists them."""


class Unreadable(Exception):
    """Inside the parsers: this record cannot be read, for the reason ``code``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def fault(offset: int, end: int, code: str) -> Fault:
    """A fault with the sentence of its code."""
    return Fault(offset, end, code, SENTENCES[code])


def add(out: list[Found | Fault], offset: int, end: int, code: str) -> None:
    """Add a fault; text that is no record, or of none, is one fault as long as it goes on, not one a line."""
    last = out[-1] if out else None
    if code in (NOT_A_RECORD, ORPHAN) and isinstance(last, Fault) and last.code == code and last.end == offset:
        out[-1] = last._replace(end=end)
    else:
        out.append(fault(offset, end, code))
