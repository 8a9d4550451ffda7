"""Bytes become text: every encoding that reports have, mojibake where it is certain, and clear words for the rest."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.exceptions import IncidentReportTooLarge, IncidentReportUnreadable
from audit.incident_reports.decode import LARGEST, decode, repaired

GERMAN = "# Ausfall\n\nDie Datenbank wurde gelöscht – für 3 Stunden, sagt „Müller“.\n"
HEBREW = "# תקלה\n\nמסד הנתונים users נמחק בלילה\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("text", ["# Report\n\nThe database was dropped.\n", GERMAN])
def test_unicode_with_and_without_its_mark(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)).text == text


def test_windows_code_pages() -> None:
    assert (decode(GERMAN.encode("cp1252")).text, decode(HEBREW.encode("cp1255")).text) == (GERMAN, HEBREW)
    assert decode(HEBREW.encode("cp1255")).encoding == "cp1255"


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_line_ends(end: str) -> None:
    assert decode(f"# a{end}{end}b{end}".encode()).text == "# a\n\nb\n"


def test_bytes_that_a_code_page_leaves_empty_stay() -> None:
    assert decode(b"caf\xe9 \x81 na\xefve").text == "café \x81 naïve"


def test_mojibake_is_repaired_where_it_is_certain_and_said() -> None:
    found = decode("# TovPlayâ€™s end\nplain\ncafÃ© was closed\nnaïve café\n".encode())
    assert found.text == "# TovPlay’s end\nplain\ncafé was closed\nnaïve café\n"
    assert [one["line"] for one in found.repairs] == [1, 3]
    assert found.source.startswith("# TovPlayâ€™s end")


@pytest.mark.parametrize("line", ["Ã", "â€", "naïve café", "100 £", "Ünïcode → ✓", "שלום", "…“quoted”…"])
def test_what_may_be_meant_is_left(line: str) -> None:
    assert repaired(line) == line


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=60))
def test_mojibake_of_any_words_comes_back_or_stays(words: str) -> None:
    """Words that a wrong code page spoiled are repaired to what they were, or left; never to a third thing."""
    spoiled = words.encode("utf-8").decode("latin-1")
    assert repaired(spoiled) in {words, spoiled}


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_end_in_text_or_in_a_clear_word(data: bytes) -> None:
    try:
        found = decode(data)
    except IncidentReportUnreadable:
        return
    assert found.source.count("\n") == found.text.count("\n")
    assert "\0" not in found.text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"%PDF-1.7 x", "a PDF"), (b"PK\x03\x04word", "Word"), (b"\x89PNG\r\n", "picture"), (b"PGDMP\x01", "dump"),
        (b"", "empty"), (b" \n\t\n", "empty"), (b"\xff\xfea\x00b\x00\x00\xd8", "UTF-16"),
        (b"a\0b\xff\xfe\xfd", "no text"),
        (bytes(range(32)) * 40, "no text"),
    ],
)  # fmt: skip
def test_what_is_no_text_gets_a_clear_word(data: bytes, words: str) -> None:
    with pytest.raises(IncidentReportUnreadable) as refused:
        decode(data)
    assert words in refused.value.message


def test_ten_megabytes_get_a_clear_word() -> None:
    with pytest.raises(IncidentReportTooLarge, match=r"10\.0 MB"):
        decode(b"# a line\n" * (10 * 1024 * 1024 // 9 + 1))
    assert decode(b"x" * LARGEST).text
