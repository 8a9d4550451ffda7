"""Frames of syslog around what stderr gets."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.postgres.logs.opening import open_parser
from audit.postgres.logs.syslog import Syslog
from tests.audit.postgres.logs.reading import faults, killed, pieces, records, same, whole
from tests.audit.postgres.logs.syslogging import framed
from tests.audit.postgres.logs.writing import PREFIX, event, stderr

NOW = datetime(2026, 11, 21, tzinfo=UTC)
LONG = st.builds(
    lambda words, breaks: "".join(a + b for a, b in zip(words, breaks, strict=False)),
    st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF, codec="utf-8"), max_size=400), max_size=9),
    st.lists(st.sampled_from([" ", " ", "\n"]), min_size=9, max_size=9),
)


@pytest.mark.parametrize("style", ["3164", "iso", "5424"])
@settings(max_examples=40, deadline=None)
@given(texts=st.lists(LONG, max_size=4), all_of_it=st.booleans(), cuts=st.lists(st.integers(0, 6000), max_size=8))
def test_messages_are_put_together_again(style: str, texts: list[str], all_of_it: bool, cuts: list[int]) -> None:
    texts = [text.replace("#", "").replace("\x7f", "") for text in texts]
    given_ = [event(text, pid=pid) for pid, text in enumerate(texts, 5)]
    written = [(one["pid"], stderr(one).encode()) for one in given_]
    text = framed(written, style=style, all_of_it=all_of_it)

    def open_with(state: dict[str, object] | None) -> Syslog:
        return Syslog(prefix=PREFIX, state=state, now=NOW)

    read = whole(open_with(None), text)
    assert [(one.pid, "".join(one.message.split())) for one in records(read)] == [
        (one["pid"], "".join(one["message"].split())) for one in given_
    ]
    assert faults(read) == []
    same(pieces(open_with(None), text, cuts), read)
    same(killed(open_with, text, cuts), read)


def test_long_lines_come_back_letter_by_letter() -> None:
    message = " ".join(f"word{number}" for number in range(900)) + "\n\tindented " + "é" * 1500
    one = event(message, level="ERROR", detail="a detail\nof two lines", query="SELECT 1\n\n  FROM x")
    read = whole(Syslog(prefix=PREFIX, now=NOW), framed([(7, stderr(one).encode())]))
    [record] = records(read)
    assert (record.message, record.detail, record.query) == (message, one["detail"], one["query"])


def test_lines_of_several_processes_mixed() -> None:
    numbers = random.Random(4)
    events = [event(f"message {pid}\nof two lines", level="ERROR", pid=pid, query="SELECT\n 1") for pid in range(20)]
    streams = [framed([(one["pid"], stderr(one).encode())]).splitlines(keepends=True) for one in events]
    mixed = b""
    while streams:
        stream = numbers.choice(streams)
        mixed += stream.pop(0)
        streams = [one for one in streams if one]
    read = whole(Syslog(prefix=PREFIX, now=NOW), mixed)
    assert faults(read) == []
    assert sorted((one.pid or 0, one.message, one.query) for one in records(read)) == [
        (one["pid"], one["message"], one["query"]) for one in events
    ]


def test_a_message_that_was_not_split_but_escaped() -> None:
    one = event("two\nlines", level="ERROR", query="SELECT\n\t1")
    read = whole(Syslog(prefix=PREFIX, now=NOW), framed([(7, stderr(one).encode())], split=False))
    assert [(one.message, one.query) for one in records(read)] == [("two\nlines", "SELECT\n\t1")]


def test_without_sequence_numbers() -> None:
    text = b"".join(
        b"Nov 20 11:40:01 db1 postgres[%d]: %s\n" % (pid, line)
        for pid, line in [
            (5, b"[1] ERROR:  one"),
            (6, b"LOG:  single"),
            (5, b"[2] #011more"),
            (5, b"[3] STATEMENT:  x"),
        ]
    )
    read = whole(Syslog(prefix="", timezone="UTC", now=NOW), text)
    assert [(one.pid, one.message, one.query) for one in records(read)] == [(5, "one\nmore", "x"), (6, "single", "")]
    assert faults(read) == []


def test_other_programs_lines_are_said_and_left_out() -> None:
    text = b"Nov 20 11:40:00 db1 sshd[3]: Accepted publickey for alice\n" + framed([(7, stderr(event()).encode())])
    read = whole(open_parser(text, prefix=PREFIX), text)
    assert [one.message for one in records(read)] == ["hello"]
    assert [code for _, _, code in faults(read)] == ["not-a-record"]


@pytest.mark.parametrize(
    ("style", "timezone", "at"),
    [
        ("iso", "", datetime(2026, 11, 20, 9, 40, 1, 500_000, tzinfo=UTC)),
        ("5424", "", datetime(2026, 11, 20, 9, 40, 1, 500_000, tzinfo=UTC)),
        ("3164", "Europe/Berlin", datetime(2026, 11, 20, 10, 40, 1, tzinfo=UTC)),
    ],
)
def test_the_frame_tells_the_time_where_the_prefix_does_not(style: str, timezone: str, at: datetime) -> None:
    text = framed([(7, b"LOG:  hello\n")], style=style)
    read = whole(Syslog(prefix="", timezone=timezone, now=NOW), text)
    assert [one.at for one in records(read)] == [at]


def test_last_years_december_in_january() -> None:
    text = b"Dec 31 23:59:59 db1 postgres[7]: [1] LOG:  hello\n"
    read = whole(Syslog(prefix="", timezone="UTC", now=datetime(2026, 1, 1, tzinfo=UTC)), text)
    assert [one.at.year for one in records(read)] == [2025]


def test_a_time_without_zone_is_a_fault_until_somebody_says_it() -> None:
    read = whole(Syslog(prefix="", now=NOW), framed([(7, b"LOG:  hello\n")]))
    assert [code for _, _, code in faults(read)] == ["zone-unknown"]


def test_format_and_prefix_are_found() -> None:
    text = framed([(7, b"2026-11-20 10:40:01.123 UTC [7] LOG:  hello\n")] * 3, style="5424")
    parser = open_parser(text)
    assert (parser.format, parser.prefix) == ("syslog", "%m [%p] ")
    assert [one.pid for one in records(whole(parser, text))] == [7] * 3


def test_a_number_sign_in_a_message_stays() -> None:
    text = framed([(7, stderr(event("issue #250 and #333, colour #fff")).encode())])
    assert [one.message for one in records(whole(Syslog(prefix=PREFIX, now=NOW), text))] == [
        "issue #250 and #333, colour #fff"
    ]
