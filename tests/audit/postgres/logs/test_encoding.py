"""Logs that are not UTF-8."""

from __future__ import annotations

import pytest

from audit.exceptions import LogEncodingUnusable
from audit.postgres.logs.opening import open_parser
from tests.audit.postgres.logs.reading import faults, records, whole
from tests.audit.postgres.logs.writing import PREFIX, WRITERS, event

all_formats = pytest.mark.parametrize("name", WRITERS)
BOM = b"\xef\xbb\xbf"


@all_formats
@pytest.mark.parametrize(
    ("encoding", "word"), [("latin-1", "Größe"), ("cp1252", "„Größe“ €"), ("koi8-r", "ОШИБКА"), ("euc_jp", "詳細")]
)
def test_the_encoding_that_the_source_says(name: str, encoding: str, word: str) -> None:
    text = WRITERS[name](event(word)).encode(encoding)
    read = whole(open_parser(format=name, prefix=PREFIX, encoding=encoding), text)
    assert [one.message for one in records(read)] == [word]
    assert faults(read) == []


@all_formats
def test_bytes_that_are_no_utf_8_stay_visible(name: str) -> None:
    text = WRITERS[name](event("Größe")).encode("latin-1") + WRITERS[name](event("Größe"), 2).encode()
    read = whole(open_parser(format=name, prefix=PREFIX), text)
    assert [one.message for one in records(read)] == ["Gr\\xf6\\xdfe", "Größe"]
    assert faults(read) == []


@all_formats
def test_a_byte_order_mark_is_nothing(name: str) -> None:
    text = BOM + WRITERS[name](event()).encode()
    read = whole(open_parser(text, prefix=PREFIX), text)
    assert (open_parser(text, prefix=PREFIX).format, [one.message for one in records(read)]) == (name, ["hello"])
    assert faults(read) == []


@pytest.mark.parametrize("encoding", ["utf-16", "utf-7", "cp037", "no-such", "rot13", "base64"])
def test_what_no_log_can_be_in_is_refused(encoding: str) -> None:
    with pytest.raises(LogEncodingUnusable):
        open_parser(format="csvlog", encoding=encoding)


def test_the_state_keeps_the_encoding() -> None:
    text = WRITERS["csvlog"](event("Größe")).encode("latin-1")
    parser = open_parser(format="csvlog", encoding="latin-1")
    assert [one.message for one in records(whole(open_parser(state=parser.state), text))] == ["Größe"]
