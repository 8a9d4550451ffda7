"""What PostgreSQL really wrote, read from all its formats: the same records."""

from __future__ import annotations

import dataclasses
import random
from collections import defaultdict
from dataclasses import asdict
from typing import Any

import pytest

from audit.postgres.logs.opening import open_parser
from audit.postgres.logs.record import LogRecord
from tests.audit.postgres.logs.conftest import NEWLINE, ROLE, Writer
from tests.audit.postgres.logs.reading import faults, killed, pieces, records, same, whole

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


def compare(text: dict[str, bytes], prefix: str) -> list[LogRecord]:
    """All formats tell the same, without faults; the records of csvlog."""
    read = {name: whole(open_parser(text[name], format=name, prefix=prefix), text[name]) for name in text}
    assert {name: faults(given) for name, given in read.items()} == {name: [] for name in text}
    csvlog, jsonlog, stderr = (records(read[name]) for name in ("csvlog", "jsonlog", "stderr"))
    begun = {one.pid for one in csvlog if one.line == 1} & {one.pid for one in jsonlog} & {one.pid for one in stderr}
    assert len(begun) > 20
    everything = {field.name for field in dataclasses.fields(LogRecord)}
    told = PARTS.union(*(fields for escape, fields in TOLD.items() if escape in prefix))
    for other, fields in ((jsonlog, everything), (stderr, told)):
        left, right = by_process(csvlog, fields), by_process(other, fields)
        for pid in begun:
            assert left[pid] == right[pid]
    assert not any(one.message.startswith("forged") for one in csvlog + stderr)
    return csvlog


@pytest.mark.parametrize("prefix", PREFIXES)
def test_all_formats_give_the_same_records(writer: Writer, prefix: str) -> None:
    writer.set(log_line_prefix=prefix)
    csvlog = compare(writer.written(writer.everything_nasty), prefix)
    assert {ROLE, NEWLINE, "postgres"} <= {one.role for one in csvlog}
    assert {"LOG", "INFO", "NOTICE", "WARNING", "ERROR", "FATAL", "DEBUG"} <= {one.level for one in csvlog}


def test_verbose_records_have_sqlstate_and_location_everywhere(writer: Writer) -> None:
    prefix = "%m [%p] "
    writer.set(log_line_prefix=prefix, log_error_verbosity="verbose")
    try:
        text = writer.written(writer.everything_nasty)
    finally:
        writer.set(log_error_verbosity="default")
    stderr = records(whole(open_parser(text["stderr"]), text["stderr"]))
    csvlog = compare(text, prefix)
    fields = {"sqlstate", "location", "message"}
    assert by_process(stderr, fields)[csvlog[-1].pid] == by_process(csvlog, fields)[csvlog[-1].pid]
    assert any(one.sqlstate == "22012" and one.location.startswith("int4div, int.c:") for one in stderr)


def test_a_server_that_speaks_another_language(translated: tuple[Writer, str, str]) -> None:
    writer, _, error = translated
    prefix = "%m [%p] %e %q%u@%d "
    writer.set(log_line_prefix=prefix)
    text = writer.written(writer.everything_nasty)
    assert error.encode() in text["stderr"]
    assert error.encode() in text["csvlog"]
    csvlog = compare(text, prefix)
    levels = {one.level for one in csvlog}
    assert levels == {"LOG", "INFO", "NOTICE", "WARNING", "ERROR", "FATAL", "DEBUG"}


def test_what_was_written_is_read_the_same_in_any_pieces(writer: Writer) -> None:
    text = writer.written(writer.everything_nasty)
    prefix = writer.shown("log_line_prefix")
    for name, written in text.items():
        read = whole(open_parser(format=name, prefix=prefix), written)
        numbers = random.Random(name)
        for _ in range(5):
            cuts = [numbers.randrange(len(written)) for _ in range(40)]
            same(pieces(open_parser(format=name, prefix=prefix), written, cuts), read)
            same(killed(lambda state: open_parser(format=name, prefix=prefix, state=state), written, cuts), read)  # noqa: B023
