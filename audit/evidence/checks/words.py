"""Small words that several checks use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

NAMED = 20
"""So many exceptions of one kind are named; the records hold them all."""


def some(sentences: Iterable[str], count: int) -> list[str]:
    """The first of ``sentences``, and how many of ``count`` are not told."""
    told = [sentence for _, sentence in zip(range(NAMED), sentences, strict=False)]
    return told + ([f"… and {count - len(told):,} more; the records name them."] if count > len(told) else [])


def named(rows: Any, sentence: Any) -> list[str]:
    """A sentence for each of the first rows of a queryset."""
    return some((sentence(row) for row in rows[:NAMED]), rows.count())
