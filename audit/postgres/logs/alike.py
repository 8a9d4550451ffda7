"""What is found out of a text and holds for every text that differs from it only in its digits: found once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
_ZEROS = bytes.maketrans(b"123456789", b"000000000")


class Alike(Generic[T]):
    """``find``, remembered for at most ``kept`` texts, none longer than ``longest``; None is not remembered."""

    def __init__(self, find: Callable[[str], T | None], *, kept: int, longest: int) -> None:
        self._find, self._kept, self._longest = find, kept, longest
        self._found: dict[bytes, T] = {}

    def __len__(self) -> int:
        return len(self._found)

    def of(self, text: str) -> T | None:
        """What ``find`` says of ``text``."""
        if len(text) > self._longest:
            return self._find(text)
        alike = text.encode(errors="surrogatepass").translate(_ZEROS)
        found = self._found.get(alike)
        if found is None:
            found = self._find(text)
            if found is not None:
                if len(self._found) >= self._kept:
                    self._found.clear()
                self._found[alike] = found
        return found
