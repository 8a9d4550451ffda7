"""Whatever the pieces are in which a text is read, and wherever the reader is killed: the same records, each once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.postgres.logs.opening import open_parser
from tests.audit.postgres.logs.reading import killed, pieces, records, same, whole
from tests.audit.postgres.logs.writing import PREFIX, WRITERS, event

CUTS = st.lists(st.integers(0, 4000), max_size=12)
WORDS = st.text(st.sampled_from("a\"\\'\t\n,{}:% é🐘\x00\r2") | st.characters(codec="utf-8"), max_size=30)
NAMES = st.text(st.sampled_from('ab@[]% "\\é'), max_size=8)
EVENTS = st.lists(
    st.builds(
        event,
        level=st.sampled_from(["LOG", "ERROR", "FEHLER", "ОШИБКА", "错误", "FATAL"]),
        pid=st.integers(1, 3),
        role=NAMES,
        message=WORDS,
        detail=WORDS,
        query=WORDS,
    ),
    max_size=8,
)
JUNK = st.sampled_from(["", "", "junk\n", '"', "{", "\t", "\x00\x00\n", '{"timestamp":"', "2026-11-20 10:40:01.123"])
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("name", WRITERS)
@QUICK
@given(events=EVENTS, cuts=CUTS, deaths=CUTS)
def test_good_records(name: str, events: list[dict[str, str]], cuts: list[int], deaths: list[int]) -> None:
    text = "".join(WRITERS[name](one, number) for number, one in enumerate(events, 1)).encode()

    def open_with(state: dict[str, object] | None):  # type: ignore[no-untyped-def]
        return open_parser(format=name, prefix=PREFIX, state=state)

    read = whole(open_with(None), text)
    assert len(records(read)) == len(read) == len(events)
    for one, record in zip(events, records(read), strict=True):
        assert record.at == datetime(2026, 11, 20, 9, 40, 1, 123_000, tzinfo=UTC)
        assert (record.role, record.pid) == (one["role"], one["pid"])
        expected = [one[part].replace("\0", "\\x00") for part in ("message", "detail", "query")]
        assert [record.message, record.detail, record.query] == expected
    same(pieces(open_with(None), text, cuts), read)
    same(killed(open_with, text, deaths), read)


@pytest.mark.parametrize("name", WRITERS)
@QUICK
@given(events=EVENTS, junk=st.lists(JUNK, min_size=9, max_size=9), tear=st.integers(0, 300), cuts=CUTS, deaths=CUTS)
def test_torn_records_and_junk_between(
    name: str, events: list[dict[str, str]], junk: list[str], tear: int, cuts: list[int], deaths: list[int]
) -> None:
    written = [WRITERS[name](one, number) for number, one in enumerate(events, 1)]
    if tear and len(written) > 2:
        written[1] = written[1][: -tear or None]
    text = "".join(a + b for a, b in zip(junk, [*written, *[""] * (9 - len(written))], strict=True)).encode()

    def open_with(state: dict[str, object] | None):  # type: ignore[no-untyped-def]
        return open_parser(format=name, prefix=PREFIX, state=state)

    read = whole(open_with(None), text)
    same(pieces(open_with(None), text, cuts), read)
    same(killed(open_with, text, deaths), read)
    last = 0
    for one in read:
        assert 0 <= one.offset <= one.end <= len(text)
        assert one.offset >= last
        last = one.offset
