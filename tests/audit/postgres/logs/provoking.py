"""Logs of servers that were brought into trouble: read from all three formats, which must tell the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from itertools import zip_longest
from typing import NamedTuple

from audit.postgres.logs.opening import open_parser
from audit.postgres.logs.reading import Reader, Reading
from audit.postgres.logs.record import LogRecord
from tests.audit.postgres.logs.conftest import Writer
from tests.audit.postgres.logs.reading import faults, records, whole

PREFIX = "%m [%p] %q%u@%d "
"""Debian's and PostgreSQL's own: no SQLSTATE, so that stderr has only the server's words to tell a class by."""
SECRET = "hUntEr2-zq"
PERSON = "dana@example.org"
CLIENT_GONE = "disconnection: "
"""Written when the client is gone: it may stand in one file before the others."""
MEMORY = b"TopMemoryContext: "
"""How a process that gets no more memory says where it went: on stderr past the log, before its record."""

Told = dict[str, list[LogRecord]]


class Line(NamedTuple):
    """What every format tells of a record once it was read."""

    kind: str
    severity: int
    level: str
    message: str
    detail: str
    hint: str
    query: str


Lines = dict[int | None, list[Line]]


def provoked(writer: Writer, change: Callable[[], None]) -> Told:
    """What the server wrote while ``change`` ran, by class; all formats told the same, and no value came through."""
    return alike(writer.written(change))


def alike(text: dict[str, bytes]) -> Told:
    """The records of csvlog by class. The other formats told the same classes, severities and texts of each process."""
    told = {name: _read(name, text[name]) for name in text}
    csvlog = _by_process(told["csvlog"])
    for name, found in told.items():
        different = _otherwise(csvlog, _by_process(found))
        assert not different, (name, different)
    assert PERSON not in repr(told)
    assert SECRET not in repr(told)
    out: Told = defaultdict(list)
    for record, reading in told["csvlog"]:
        out[reading.kind].append(record)
    return dict(out)


def _read(name: str, text: bytes) -> list[tuple[LogRecord, Reading]]:
    read = whole(open_parser(text, format=name, prefix=PREFIX), text)
    lost = [text[start:end] for start, end, _ in faults(read)]
    assert all(one.startswith(MEMORY) and one.endswith(b" used\n") for one in lost), (name, lost)
    assert name == "stderr" or not lost
    reader = Reader()
    return [(one, reader.read(one)) for one in records(read)]


def _otherwise(left: Lines, right: Lines) -> list[object]:
    """Where two formats differ."""
    if left.keys() != right.keys():
        return [left.keys() ^ right.keys()]
    return [pair for pid in left for pair in zip_longest(left[pid], right[pid]) if pair[0] != pair[1]]


def _by_process(told: list[tuple[LogRecord, Reading]]) -> Lines:
    out = defaultdict(list)
    for one, read in told:
        if not one.message.startswith(CLIENT_GONE):
            line = Line(read.kind, read.severity, one.level, one.message, one.detail, one.hint, one.query)
            out[one.pid].append(line)
    return dict(out)
