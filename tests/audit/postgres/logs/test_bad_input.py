"""What no server should write, and some do: everything readable is kept, the rest is a fault with a code."""

from __future__ import annotations

import random
import tracemalloc

import pytest

from audit.exceptions import LogFormatUnknown
from audit.postgres.logs.faults import SENTENCES
from audit.postgres.logs.opening import open_parser
from audit.postgres.logs.record import LIMIT, Fault, Parser
from tests.audit.postgres.logs.reading import faults, killed, records, same, whole
from tests.audit.postgres.logs.writing import PREFIX, WRITERS, event

but_syslog = pytest.mark.parametrize("name", ["csvlog", "jsonlog", "stderr"])
"""Which cuts a message before it is long."""
all_formats = pytest.mark.parametrize("name", WRITERS)
FORGED_CSV = (
    "2026-11-20 10:40:01.123 CET,,,1,,691ee8b1.1,1,,2026-11-20 10:30:00 CET,,0,LOG,00000,"
    '"forged",,,,,,,,,"","postmaster",,0'
)
FORGED_JSON = '{"timestamp":"2026-11-20 10:40:01.123 CET","pid":1,"error_severity":"LOG","message":"forged"}'
FORGED_STDERR = "2026-11-20 10:40:01.123 CET [1] <> LOG:  forged"
FORGED_SYSLOG = f"Nov 20 11:40:01 db1 postgres[1]: [1] {FORGED_STDERR}"


def opened(name: str) -> Parser:
    return open_parser(format=name, prefix=PREFIX)


def written(name: str, *events: dict[str, object]) -> bytes:
    return "".join(WRITERS[name](one, number) for number, one in enumerate(events, 1)).encode()


@all_formats
def test_a_binary_file_before_a_good_record(name: str) -> None:
    noise = random.Random(1).randbytes(200_000) + b"\n"
    text = noise + written(name, event("first"), event("second"))
    read = whole(opened(name), text)
    assert [one.message for one in records(read)] == ["first", "second"]
    assert {code for _, _, code in faults(read)} <= {"not-a-record", "orphan-lines"}
    assert sum(end - start for start, end, _ in faults(read)) == pytest.approx(len(noise), abs=400)
    assert len(faults(read)) < 50


def test_a_binary_file_is_refused_when_nobody_said_its_format() -> None:
    with pytest.raises(LogFormatUnknown):
        open_parser(random.Random(1).randbytes(100_000))


def test_nothing_is_no_log() -> None:
    with pytest.raises(LogFormatUnknown):
        open_parser(b"")


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(LogFormatUnknown):
        open_parser(b"", format="eventlog")


@all_formats
def test_a_half_record_at_the_end_is_kept_and_said(name: str) -> None:
    text = written(name, event("first"), event("second, which breaks off", pid=8))
    cut = text[: text.index(b"breaks off") + 6]
    read = whole(opened(name), cut)
    assert [one.message for one in records(read)] == ["first", "second, which breaks"]
    assert [(end, code) for _, end, code in faults(read)] == [(len(cut), "half-record")]


@pytest.mark.parametrize("name", ["csvlog", "jsonlog"])
def test_a_last_record_without_its_newline_is_whole(name: str) -> None:
    text = written(name, event("first"), event("last"))[:-1]
    read = whole(opened(name), text)
    assert [one.message for one in records(read)] == ["first", "last"]
    assert faults(read) == []


@pytest.mark.parametrize("name", ["csvlog", "jsonlog"])
def test_a_torn_record_before_a_good_one(name: str) -> None:
    """The machine lost its power: a record breaks off, and the server that starts again writes on behind it."""
    torn = written(name, event('torn "here" and on'))
    for length in range(1, len(torn)):
        text = written(name, event("before")) + torn[:length] + written(name, event("after"), event("last"))
        read = whole(opened(name), text)
        messages = [one.message for one in records(read)]
        assert messages[0] == "before"
        assert messages[-2:] == ["after", "last"]
        assert [code for _, _, code in faults(read)] in (["torn-record"], ["not-a-record"], [])
        if length > torn.index(b"here"):
            assert messages[1].startswith('torn "')


@all_formats
def test_zeros_that_a_crash_left(name: str) -> None:
    text = written(name, event("before")) + bytes(70_000) + b"\n" + written(name, event("after", pid=9))
    read = whole(opened(name), text)
    assert [one.message for one in records(read)] == ["before", "after"]
    assert [code for _, _, code in faults(read)] == ["not-a-record"]


@all_formats
def test_nul_within_a_message_stays_visible(name: str) -> None:
    text = written(name, event("a")).replace(b"SELECT", b"SEL\0ECT") if name == "csvlog" else written(name, event("a"))
    text += written(name, event("x\0y"))
    assert records(whole(opened(name), text))[-1].message == "x\\x00y"


def test_half_a_surrogate_pair_in_json_stays_visible() -> None:
    text = written("jsonlog", event("x")).replace(b'"x"', b'"x \\ud83d y \\ud83d\\ude00"')
    assert records(whole(opened("jsonlog"), text))[0].message == "x \\ud83d y 😀"


@but_syslog
def test_a_line_of_100_mb_leaves_memory_flat(name: str) -> None:
    text = written(name, event("before", pid=1)), written(name, event("A" * 1000)), written(name, event("after", pid=2))
    start, end = text[1].split(b"A" * 1000)
    parser, read = opened(name), []
    tracemalloc.start()
    try:
        read += parser.feed(text[0] + start)
        for _ in range(100):
            read += parser.feed(b"A" * 1_000_000)
        read += parser.feed(end + text[2]) + parser.finish()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [one.message[:6] for one in records(read)] == ["before", "AAAAAA", "after"]
    assert LIMIT - 1000 < len(records(read)[1].message) <= LIMIT
    assert {code for _, _, code in faults(read)} == {"record-too-long"}
    assert peak < 20 * LIMIT


@but_syslog
def test_many_lines_of_one_record_beyond_the_limit(name: str) -> None:
    line = "a line of a very long record" * 100 + "\n"
    text = written(name, event("before", pid=1), event(line * (LIMIT // 2000)), event("after", pid=2))
    read = whole(opened(name), text)
    assert [one.message[:6] for one in records(read)] == ["before", "a line", "after"]
    assert {code for _, _, code in faults(read)} == {"record-too-long"}
    same(killed(lambda state: open_parser(format=name, prefix=PREFIX, state=state), text, [LIMIT + 1_000_000]), read)


@all_formats
@pytest.mark.parametrize("forged", [FORGED_CSV, FORGED_JSON, FORGED_STDERR, FORGED_SYSLOG, f'"\n{FORGED_CSV}'])
def test_a_message_that_imitates_a_record(name: str, forged: str) -> None:
    hostile = f'x\n{forged}\n{forged}\n\\"}}\n{forged}'
    text = written(name, event(hostile, detail=hostile, query=hostile), event("after"))
    read = whole(opened(name), text)
    assert [one.message for one in records(read)] == [hostile, "after"]
    assert records(read)[0].query == hostile
    assert faults(read) == []


@pytest.mark.parametrize("name", ["csvlog", "jsonlog"])
def test_an_imitation_behind_a_torn_record_is_none(name: str) -> None:
    """While the next record is looked for, what stands within quotes is not taken for one."""
    hostile = f"x\n{FORGED_CSV}\n{FORGED_JSON}\n"
    torn = written(name, event("torn"))[:-90]
    text = torn + written(name, event(hostile, query=hostile), event("after"))
    read = whole(opened(name), text)
    assert [one.message for one in records(read) if one.message not in ("torn", "to")] == [hostile, "after"]


def test_a_role_whose_name_imitates_a_record() -> None:
    """Who sends a startup packet chooses the name, whether they get in or not."""
    text = (
        b"2026-11-20 10:40:01.123 CET [7] <x\n2026-11-20 10:40:01.123 CET [1] <> LOG:  forged> FATAL:  no such role\n"
        b"2026-11-20 10:40:01.123 CET [8] <y\n\tz> LOG:  hello\n"
    )
    read = whole(opened("stderr"), text)
    assert [(one.pid, one.level, one.message) for one in records(read)] == [
        (7, "FATAL", "no such role"),
        (8, "LOG", "hello"),
    ]
    assert records(read)[0].role.endswith("LOG:  forged")
    assert faults(read) == []


@all_formats
def test_terminal_escapes_and_html_are_text(name: str) -> None:
    message = "\x1b[2J\x1b]0;title\x07 <script>alert(1)</script> \u202e"
    assert records(whole(opened(name), written(name, event(message))))[0].message == message


@all_formats
def test_a_clock_that_jumps_back_changes_nothing(name: str) -> None:
    text = written(name, event("first"), event("second", pid=9)).replace(b"10:40:01.123", b"10:40:05.000", 1)
    read = whole(opened(name), text)
    assert [(one.message, one.at.second) for one in records(read)] == [("first", 5), ("second", 1)]
    assert faults(read) == []


def test_parts_without_a_beginning_are_said() -> None:
    text = b"\tthe rest of something\n2026-11-20 10:40:01.123 CET [7] <clerk> DETAIL:  of what?\n"
    assert [code for _, _, code in faults(whole(opened("stderr"), text))] == ["orphan-lines"]


def test_what_other_programs_write_into_stderr_is_said() -> None:
    text = written("stderr", event("before")) + b"cp: cannot stat 'x'\n" + written("stderr", event("after"))
    read = whole(opened("stderr"), text)
    assert [one.message for one in records(read)] == ["before", "after"]
    assert [code for _, _, code in faults(read)] == ["not-a-record"]


def test_lines_of_several_processes_are_joined_by_pid() -> None:
    one = written("stderr", event("one", level="ERROR", pid=1, detail="of one", query="SELECT 1")).splitlines(True)
    two = written("stderr", event("two", level="ERROR", pid=2, detail="of two", query="SELECT 2")).splitlines(True)
    text = b"".join(line for pair in zip(one, two, strict=True) for line in pair)
    read = whole(opened("stderr"), text)
    assert [(one.message, one.detail, one.query) for one in records(read)] == [
        ("one", "of one", "SELECT 1"),
        ("two", "of two", "SELECT 2"),
    ]
    for cut in range(len(text)):
        same(killed(lambda state: open_parser(format="stderr", prefix=PREFIX, state=state), text, [cut]), read)


def test_a_rested_text_gives_its_last_record() -> None:
    parser = opened("stderr")
    assert parser.feed(written("stderr", event("last"))) == []
    assert [one.message for one in records(parser.settle())] == ["last"]
    assert parser.feed(b"2026-11-20 10:40") == parser.settle() == []
    assert parser.consumed == len(written("stderr", event("last")))


def test_a_record_is_given_out_when_enough_other_text_followed() -> None:
    parser = opened("stderr")
    given = parser.feed(written("stderr", event("first", pid=1), *[event("x" * 100, pid=2)] * 1000))
    assert records(given)[0].message == "first"


def test_columns_of_a_table_in_a_csv_file_are_no_records() -> None:
    text = b"id,name\n" + b'1,"a"\n' * 1000 + written("csvlog", event())
    read = whole(opened("csvlog"), text)
    assert len(records(read)) == 1
    assert [code for _, _, code in faults(read)] == ["not-a-record"]


def test_objects_of_others_in_a_json_file_are_no_records() -> None:
    others = [b"[]", b"1", b'"x"', b"{}", b'{"timestamp":1}', b'{"timestamp":"2026-11-20 10:40:01.123 CET","pid":"x"}']
    deep = b"[" * 100_000
    huge = b'{"timestamp":"2026-11-20 10:40:01.123 CET","message":"x","pid":' + b"9" * 5000 + b"}"
    text = b"\n".join([*others, deep, huge]) + b"\n" + written("jsonlog", event())
    read = whole(opened("jsonlog"), text)
    assert [one.message for one in records(read)][-1] == "hello"
    assert {code for _, _, code in faults(read)} <= {"not-a-record", "torn-record"}


@all_formats
def test_every_fault_has_a_sentence_without_the_text(name: str) -> None:
    read = whole(opened(name), b"secret-word\n" + written(name, event("secret-word"))[:-40])
    given = [one for one in read if isinstance(one, Fault)]
    assert given
    assert all(one.why == SENTENCES[one.code] for one in given)
    assert not any("secret-word" in one.why for one in given)


def numbers(pid: int, port: int, query_id: int) -> dict[str, bytes]:
    """A record with these numbers, in each format."""
    csvlog = written("csvlog", event(pid=pid)).replace(b":54321", b":%d" % port).replace(b",,0\n", b",,%d\n" % query_id)
    jsonlog = written("jsonlog", event(pid=pid)).replace(b":54321", b":%d" % port)
    jsonlog = jsonlog.replace(b'"query_id":0', b'"query_id":%d' % query_id)
    stderr = b"2026-11-20 10:40:01.123 CET [%d] 10.0.0.5(%d) %d LOG:  hello\n" % (pid, port, query_id)
    return {"csvlog": csvlog, "jsonlog": jsonlog, "stderr": stderr}


@pytest.mark.parametrize("numbers_", [(4_194_304, 65_535, 2**63 - 1), (1, 1, -(2**63) + 1)])
def test_the_biggest_numbers_are_read(numbers_: tuple[int, int, int]) -> None:
    for name, text in numbers(*numbers_).items():
        [record] = records(whole(open_parser(format=name, prefix="%m [%p] %r %Q "), text))
        assert (record.pid, record.port, record.query_id) == numbers_


@pytest.mark.parametrize("numbers_", [(2**31, 1, 1), (1, 1, 2**63), (10**30, 10**30, 10**30)])
def test_numbers_that_no_table_can_hold_come_from_no_server(numbers_: tuple[int, int, int]) -> None:
    for name, text in numbers(*numbers_).items():
        read = whole(open_parser(format=name, prefix="%m [%p] %r %Q "), text)
        assert all(one.query_id is None and (one.pid or 0) < 2**31 for one in records(read))


def test_a_long_line_that_begins_like_a_broken_name_does_not_wait() -> None:
    text = b"2026-11-20 10:40:01.123 CET [7] <" + b"x" * 10_000 + b"\n" + written("stderr", event())
    parser = opened("stderr")
    assert [code for _, _, code in faults(parser.feed(text))] == ["not-a-record"]
