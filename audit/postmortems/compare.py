"""Two texts beside each other, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

MOST_LINES = 4_000
"""Longer texts are compared block by block, not line by line: difflib needs the square of the lines."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line; ``side`` is "both", "left" or "right"."""

    side: str
    text: str


def compare(left: str, right: str) -> list[Line]:
    """Every line of both, in order; what both have stands once."""
    one, two = left.split("\n"), right.split("\n")
    start = _same(one, two)
    end = _same(one[start:][::-1], two[start:][::-1])
    middle = slice(start, len(one) - end), slice(start, len(two) - end)
    found = [Line("both", text) for text in one[:start]]
    found += _changed(one[middle[0]], two[middle[1]])
    return found + [Line("both", text) for text in one[len(one) - end :]]


def _same(one: list[str], two: list[str]) -> int:
    """How many lines at the beginning are the same."""
    return next((at for at, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))


def _changed(one: list[str], two: list[str]) -> Iterator[Line]:
    if len(one) + len(two) > MOST_LINES:
        yield from [Line("left", text) for text in one]
        yield from [Line("right", text) for text in two]
        return
    for tag, a, b, c, d in SequenceMatcher(None, one, two).get_opcodes():
        if tag == "equal":
            yield from [Line("both", text) for text in one[a:b]]
        else:
            yield from [Line("left", text) for text in one[a:b]]
            yield from [Line("right", text) for text in two[c:d]]
