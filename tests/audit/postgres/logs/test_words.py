"""The table of translated words against the translations that PostgreSQL ships, where they are installed."""

from __future__ import annotations

import gettext
from pathlib import Path

import pytest

from audit.postgres.logs.words import LEVEL, LEVELS, PART, PARTS, UNKNOWN, level, without_position

CATALOGUES = sorted(Path("/usr/share/locale").glob("*/LC_MESSAGES/postgres-[0-9]*.mo"))
MESSAGES = {part: f"{part}:  " for part in PARTS} | {"LOCATION": "LOCATION:  %s, %s:%d\n"}


@pytest.mark.skipif(not CATALOGUES, reason="no translations of PostgreSQL on this machine")
@pytest.mark.parametrize("file", CATALOGUES, ids=lambda file: f"{file.parents[1].name}-{file.stem}")
def test_the_words_of_a_translation(file: Path) -> None:
    with file.open("rb") as opened:
        translated = gettext.GNUTranslations(opened).gettext
    for name in LEVELS:
        word = translated(name)
        sqlstate = "01000" if name == "WARNING" else "00000" if name == "NOTICE" else ""
        assert level(word, sqlstate) == name
    for name, message in MESSAGES.items():
        word, colon, rest = translated(message).partition(":")
        assert PART[word.rstrip(" \u00a0")] == name
        assert colon
        assert rest.replace("%s, %s:%d\n", "").strip(" ") == ""
    assert without_position("x" * 99 + translated(" at character %d") % 17) == "x" * 99
    assert translated("[unknown]") in UNKNOWN


def test_no_word_means_two_things() -> None:
    assert not LEVEL.keys() & PART.keys()
    for table in (LEVELS, PARTS):
        words = [word for text in table.values() for word in text.split()]
        assert len(words) == len(set(words))


@pytest.mark.parametrize(("sqlstate", "expected"), [("00000", "LOG"), ("01000", "WARNING"), ("28P01", "ERROR")])
def test_a_word_that_nobody_knows_is_judged_by_its_sqlstate(sqlstate: str, expected: str) -> None:
    assert level("QAPLA'", sqlstate) == expected


def test_a_word_that_nobody_knows_without_sqlstate_stays() -> None:
    assert level("QAPLA'") == "QAPLA'"
