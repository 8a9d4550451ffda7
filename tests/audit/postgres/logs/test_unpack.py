"""Packed logs, told by their content."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.postgres.logs.record import Fault
from audit.postgres.logs.unpack import unpacked

TEXT = b"".join(b"a line of a log, number %d\n" % number for number in range(5000))
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": lambda text: zstandard.ZstdCompressor().compress(text),
    "plain": bytes,
}
packings = pytest.mark.parametrize("packing", PACKERS)


def chunks(data: bytes, size: int = 1000) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def text_of(given: list[bytes | Fault]) -> bytes:
    return b"".join(one for one in given if isinstance(one, bytes))


def codes(given: list[bytes | Fault]) -> list[str]:
    return [one.code for one in given if isinstance(one, Fault)]


@packings
@settings(max_examples=30, deadline=None)
@given(size=st.integers(1, 300), skip=st.integers(0, 6000), length=st.integers(0, 5000))
def test_any_pieces_and_any_place_to_go_on(packing: str, size: int, skip: int, length: int) -> None:
    given = list(unpacked(chunks(PACKERS[packing](TEXT[:length]), size), skip=skip))
    assert text_of(given) == TEXT[skip:length]
    assert codes(given) == []


@packings
def test_several_packed_files_in_one(packing: str) -> None:
    pack = PACKERS[packing]
    given = list(unpacked(chunks(pack(TEXT[:999]) + pack(TEXT[999:]))))
    assert (text_of(given), codes(given)) == (TEXT, [])


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_a_cut_file_gives_what_is_before_the_cut(packing: str) -> None:
    packed = PACKERS[packing](TEXT)
    given = list(unpacked(chunks(packed[: len(packed) * 2 // 3])))
    assert TEXT.startswith(text_of(given))
    assert codes(given) == ["packing-cut"]
    assert given[-1].offset == len(text_of(given))  # type: ignore[union-attr]


def test_a_cut_gzip_gives_more_than_half() -> None:
    packed = gzip.compress(TEXT)
    assert len(text_of(list(unpacked(chunks(packed[: len(packed) * 2 // 3]))))) > len(TEXT) // 2


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_a_damaged_file_gives_what_is_before_the_damage(packing: str) -> None:
    pack = PACKERS[packing]
    given = list(unpacked(chunks(pack(TEXT) + b"no packed file at all")))
    assert (text_of(given), codes(given)) == (TEXT, ["packing-broken"])


def test_zeros_behind_a_gzip_are_nothing() -> None:
    given = list(unpacked(chunks(gzip.compress(TEXT) + bytes(5000))))
    assert (text_of(given), codes(given)) == (TEXT, [])


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_memory_stays_flat_however_hard_it_was_packed(packing: str) -> None:
    packed = PACKERS[packing](bytes(200_000_000))
    tracemalloc.start()
    try:
        total = sum(len(one) for one in unpacked([packed]) if isinstance(one, bytes))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 200_000_000
    assert peak < 80_000_000


def test_nothing_at_all() -> None:
    assert list(unpacked([])) == list(unpacked([b""])) == []
    assert list(unpacked([b"ab"])) == [b"ab"]
