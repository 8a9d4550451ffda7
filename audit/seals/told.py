"""Many faults in few words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

NAMED = 20
"""So many of one kind are named one by one."""


def some(sentences: Sequence[str]) -> list[str]:
    """The first of them, and how many more there are."""
    more = len(sentences) - NAMED
    return [*sentences[:NAMED], *([f"… and {more:,} more like the last."] if more > 0 else [])]


def ranges(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Ascending numbers as (first, last) of those that follow each other."""
    first = last = None
    for number in numbers:
        if last is not None and number == last + 1:
            last = number
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = number
    if first is not None and last is not None:
        yield first, last


def leaves(first: int, last: int) -> str:
    """``leaf 17`` or ``leaves 17 to 19``."""
    return f"leaf {first:,}" if first == last else f"leaves {first:,} to {last:,}"
