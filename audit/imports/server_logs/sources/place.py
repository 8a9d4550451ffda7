"""What a source of server logs shows of itself, whatever it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from audit.postgres.logs.record import Fault

PIECE = 1024 * 1024
"""Bytes of text that are read at once."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file as it lies there now."""

    identity: str
    """What stays its own while it is written and renamed: device and inode, or what its source has of that kind."""
    name: str
    size: int
    """In bytes, packed or not."""
    modified: int
    """Nanoseconds since 1970."""


class Files(Protocol):
    """An opened source."""

    @property
    def is_complete(self) -> bool:
        """Whether its files are given as they are, and nobody writes to them."""
        ...

    def places(self) -> list[Place]:
        """All files that are there, the one that was written longest ago first. Raises ``LogSourceGone``."""
        ...

    def text(self, place: Place, start: int = 0) -> AbstractContextManager[Iterator[bytes | Fault]]:
        """The unpacked text of a file from byte ``start`` on, piece by piece. A packed file that is cut or damaged ends
        with a ``Fault``. Raises ``LogFileUnreadable``."""
        ...

    def done(self, place: Place) -> None:
        """The file was read to its end and nobody writes to it: what was kept for reading it may go."""
        ...
