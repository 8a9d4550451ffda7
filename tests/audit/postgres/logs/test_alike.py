"""Alike texts are searched once: what comes out is what each gives by itself, whatever was read before."""

from __future__ import annotations

import copy
import pickle
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from audit.postgres.logs.alike import Alike
from audit.postgres.logs.literals import VALUE, between, without_literals
from audit.postgres.logs.reading import Reader
from tests.audit.postgres.logs.telling import record

STEADY = settings(max_examples=300)
PIECES = (
    "SELECT ", "DELETE FROM ", "t1", "o2auth", "'", "''", "\\", "\\'", "E'", "e'", "N'", '"', "$", "$$", "$1", "$22",
    "$a1$", "$a2$", "7", "42", "1e5", "1e-7", ".5", "0x1F", "1_000", "-", "--", "/", "/*", "*/", "\n", "\0", " ", ",",
    "md5", "md7", "password ", "eyJ", "AKIA1234567890ABCDEF", "a1@b2.example", "٣", "é", "\ud800", " = ", ")=(",
    "(", ")",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=14).map("".join)
HEADS = st.sampled_from([
    "", "statement: ", "duration: 12.345 ms  statement: ", "duration: 1.2 ms  execute s1: ",
    'duplicate key value violates unique constraint "k1" ', "AUDIT: SESSION,1,1,READ,SELECT,,,",
])  # fmt: skip


def twin_of(text: str, seed: int) -> str:
    """``text`` with other digits in the same places."""
    chance = random.Random(seed)
    return "".join(chance.choice("0123456789") if one in "0123456789" else one for one in text)


def without(pieces: Alike[tuple[slice, ...]], text: str) -> str:
    """``text`` without its values, by what is remembered of alike ones."""
    found = pieces.of(text)
    return without_literals(text) if found is None else VALUE.join(text[piece] for piece in found)


@STEADY
@given(text=TEXTS, seed=st.integers(0, 99))
def test_values_of_alike_texts_are_those_of_each_text(text: str, seed: int) -> None:
    pieces = Alike(between, kept=100, longest=1000)
    for one in (text, twin_of(text, seed), twin_of(text, seed + 1), text):
        assert without(pieces, one) == without_literals(one)


@STEADY
@given(head=HEADS, text=TEXTS, detail=TEXTS, query=TEXTS, seed=st.integers(0, 99))
def test_a_reader_that_knows_an_alike_record_reads_as_a_new_one(
    head: str, text: str, detail: str, query: str, seed: int
) -> None:
    made = record(head + text, "ERROR" if query else "LOG", detail=detail, query=query, application=detail[:20])
    twin = copy.copy(made)
    twin.message, twin.detail, twin.query = (twin_of(one, seed) for one in (made.message, detail, query))
    other = copy.copy(twin)
    warm = Reader()
    warm.read(made)
    assert warm.read(twin) == Reader().read(other)
    assert twin == other


def test_the_dollar_quotes_of_alike_texts_end_where_each_ones_do() -> None:
    pieces = Alike(between, kept=100, longest=1000)
    for text in ("SELECT $a1$ b $a2$, c", "SELECT $a1$ b $a1$, c", "SELECT $a1$ b $a2$, c"):
        assert without(pieces, text) == without_literals(text)


def test_long_texts_are_not_remembered_and_memory_is_bounded() -> None:
    pieces = Alike(between, kept=3, longest=20)
    pieces.of("SELECT 'a' " * 10)
    assert not len(pieces)
    for letter in "abcdefgh":
        pieces.of(f"SELECT {letter}, 5")
        assert len(pieces) <= 3


def test_a_record_travels_whole_from_process_to_process() -> None:
    made = record("x", role="alice", pid=5, line=1, query_id=-7, hint="h")
    assert pickle.loads(pickle.dumps(made)) == made
