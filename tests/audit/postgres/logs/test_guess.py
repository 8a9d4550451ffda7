"""Formats and prefixes that nobody said."""

from __future__ import annotations

import pytest

from audit.exceptions import LogFormatUnknown, LogPrefixUnusable
from audit.postgres.logs.opening import open_parser
from audit.postgres.logs.prefix import WELL_KNOWN, compiled
from tests.audit.postgres.logs.reading import faults, records, whole
from tests.audit.postgres.logs.writing import PREFIX, WRITERS, event

VALUES = {
    "m": "2026-11-20 10:40:01.123 CET", "t": "2026-11-20 10:40:01 CET", "n": "1795167601.123", "p": "4711", "l": "3",
    "c": "691ee8b1.1267", "u": "clerk", "d": "shop", "r": "10.0.0.5(54321)", "h": "10.0.0.5", "a": "psql", "e": "22012",
    "s": "2026-11-20 10:30:00 CET", "v": "3/14", "x": "0", "q": "",
}  # fmt: skip


def filled(prefix: str, *, server: bool = False) -> str:
    """What the server writes for a prefix."""
    if server and "%q" in prefix:
        prefix = prefix[: prefix.index("%q")]
    for escape, value in VALUES.items():
        prefix = prefix.replace(f"%{escape}", "" if server and escape in "udrha" else value)
    return prefix


@pytest.mark.parametrize("name", WRITERS)
def test_the_format_is_told_by_the_text_not_by_the_name(name: str) -> None:
    text = WRITERS[name](event()).encode()
    for file in ("postgresql.log", "postgresql.csv", "postgresql.json", ""):
        assert open_parser(text, name=file, prefix=PREFIX).format == name


def test_an_empty_file_is_told_by_its_name() -> None:
    assert open_parser(b"", name="postgresql-2026-11-20.csv").format == "csvlog"
    assert open_parser(b"", name="postgresql-2026-11-20.json.gz").format == "jsonlog"


@pytest.mark.parametrize("prefix", WELL_KNOWN)
def test_a_well_known_prefix_is_found(prefix: str) -> None:
    lines = [filled(prefix, server=True) + "LOG:  ready", filled(prefix) + "ERROR:  bad", filled(prefix) + "DETAIL:  x"]
    text = ("\n".join(lines) + "\n").encode()
    parser = open_parser(text)
    assert parser.format == "stderr"
    read = whole(parser, text)
    ours, theirs = (compiled(one).fields & set("pudhrac") for one in (prefix, parser.prefix))
    assert ours <= theirs
    assert faults(read) == []
    ready, bad = records(read)
    assert (ready.level, ready.message, bad.level, bad.message, bad.detail) == ("LOG", "ready", "ERROR", "bad", "x")
    assert (ready.role, bad.role, bad.database) == ("", *(("clerk", "shop") if "u" in ours else ("", "")))
    assert (bad.pid, bad.address) == (4711 if {"p", "c"} & ours else None, "10.0.0.5" if {"r", "h"} & ours else "")


def test_a_prefix_that_only_clients_show_is_found_when_one_comes() -> None:
    """The first lines are the server's own: nothing behind %q is there yet."""
    text = b"2026-11-20 10:40:01.123 UTC [1] LOG:  ready\n2026-11-20 10:40:02.123 UTC [2] alice@shop ERROR:  bad\n"
    parser = open_parser(text[:50])
    assert parser.prefix == "%m [%p] "
    read = whole(parser, text)
    assert [(one.role, one.database) for one in records(read)] == [("", ""), ("alice", "shop")]
    assert faults(read) == []
    assert parser.prefix == "%m [%p] %q%u@%d "


def test_a_prefix_that_was_given_is_not_left() -> None:
    text = b"2026-11-20 10:40:01.123 UTC [1] LOG:  ready\n2026-11-20 10:40:02.123 UTC [2] alice@shop ERROR:  bad\n"
    assert len(records(whole(open_parser(format="stderr", prefix="%m [%p] "), text))) == 1


def test_a_prefix_without_a_time_is_refused() -> None:
    with pytest.raises(LogPrefixUnusable):
        open_parser(format="stderr", prefix="[%p] ")


def test_text_without_any_known_prefix_is_refused() -> None:
    with pytest.raises(LogFormatUnknown):
        open_parser(b"Dear Bob,\nthe server is down.\n")


@pytest.mark.parametrize(
    ("prefix", "line", "told"),
    [
        ("%m %%%p%% ", "2026-11-20 10:40:01.123 CET %7% ", {"p": "7"}),
        ("%t %p %p ", "2026-11-20 10:40:01 +0530 7 7 ", {"p": "7"}),
        ("%t [%5p] %-8u|", "2026-11-20 10:40:01 -03 [    7] clerk   |", {"p": "7", "u": "clerk"}),
        ("%t %r ", "2026-11-20 10:40:01 CET ::1(5432) ", {"r": "::1(5432)"}),
        ("%t %r ", "2026-11-20 10:40:01 CET [local] ", {"r": "[local]"}),
        ("%t %h %L ", "2026-11-20 10:40:01 CET client.example.org 10.0.0.1 ", {"h": "client.example.org"}),
        ("%t %P%p ", "2026-11-20 10:40:01 CET  7 ", {"P": "", "p": "7"}),
        ("%t %i|%b|", "2026-11-20 10:40:01 CET SELECT waiting|parallel worker|", {"i": "SELECT waiting"}),
        ("%t %Q %v %x ", "2026-11-20 10:40:01 CET -77 -1/5 4294967295 ", {"Q": "-77", "v": "-1/5"}),
        ("(%t) [%d].*+? ", "(2026-11-20 10:40:01 CET) [a b].*+? ", {"d": "a b"}),
        ("%t %y%", "2026-11-20 10:40:01 CET ", {}),
        ("%t %u %q%d ", "2026-11-20 10:40:01 CET clerk shop ", {"u": "clerk", "d": "shop"}),
    ],
)
def test_escapes(prefix: str, line: str, told: dict[str, str]) -> None:
    found = compiled(prefix).match(line + "ERROR:  bad")
    assert found
    assert (found.word, found.text) == ("ERROR", "bad")
    assert told.items() <= found.told.items()


def test_a_long_line_that_does_not_match_costs_no_time() -> None:
    """Several names with spaces between them can be cut in many ways."""
    prefix = compiled("%t %u %d %a %i %b ")
    line = "2026-11-20 10:40:01 CET " + "word " * 20_000
    for _ in range(1000):
        assert prefix.match(line) is None
