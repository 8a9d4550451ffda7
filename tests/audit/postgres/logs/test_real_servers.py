"""What PostgreSQL really wrote, read from all its formats: the same records."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from dataclasses import fields as dataclass_fields
from typing import Any

import pytest

from audit.postgres.logs.opening import open_parser
from audit.postgres.logs.record import LogRecord
from tests.audit.postgres.logs.conftest import NEWLINE, ROLE, Writer
from tests.audit.postgres.logs.reading import faults, records, whole

PARTS = {"level", "message", "detail", "hint", "context", "query", "internal_query"}
TOLD = {
    "p": {"pid"}, "c": {"session", "session_start", "pid"}, "e": {"sqlstate"}, "u": {"role"}, "d": {"database"},
    "r": {"address", "port"}, "h": {"address"}, "a": {"application"}, "i": {"command"}, "b": {"backend_type"},
    "s": {"session_start"}, "x": {"transaction"}, "Q": {"query_id"}, "m": {"at"},
}  # fmt: skip
PREFIXES = [
    "%m [%p] %q%u@%d ",
    "%m|%p|%c|%l|%s|%e|%v|%x|%Q|%b|%P|%q%r|%h|%u|%d|%i|%a|%%|",
    "%-40m %8p %-20c %-12e %20b %q<%-30r> <%30u> <%-40d> <%i> ",
    "%n %c ",
]


def by_process(found: list[LogRecord], fields: set[str]) -> dict[int | None, list[dict[str, Any]]]:
    """Each process's records in its order, as far as these fields tell: two files of one server need not have those
    of different processes in the same order."""
    out = defaultdict(list)
    for one in found:
        if not one.message.startswith("disconnection: "):  # written when the client is gone, maybe after we looked
            out[one.pid].append({name: value for name, value in asdict(one).items() if name in fields})
    return out


@pytest.mark.parametrize("prefix", PREFIXES)
def test_all_formats_give_the_same_records(writer: Writer, prefix: str) -> None:
    writer.set(log_line_prefix=prefix)
    text = writer.written(writer.everything_nasty)
    read = {name: whole(open_parser(text[name], format=name, prefix=prefix), text[name]) for name in text}
    assert {name: faults(given) for name, given in read.items()} == {name: [] for name in text}
    csvlog, jsonlog, stderr = (records(read[name]) for name in ("csvlog", "jsonlog", "stderr"))
    assert len(csvlog) > 40
    begun = {one.pid for one in csvlog if one.line == 1}
    assert len(begun) > 20
    everything, told = (
        {field.name for field in dataclass_fields(LogRecord)},
        PARTS.union(*(fields for escape, fields in TOLD.items() if escape in prefix)),
    )
    for other, fields in ((jsonlog, everything), (stderr, told)):
        left, right = by_process(csvlog, fields), by_process(other, fields)
        for pid in begun:
            assert left[pid] == right[pid]
    assert not any(one.message.startswith("forged") for one in csvlog + stderr)
    assert {ROLE, NEWLINE, "postgres"} <= {one.role for one in csvlog}
