"""A file's bytes as text, unpacked when it is packed: piece by piece, with flat memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from audit.exceptions import LogFileUnreadable
from audit.imports.server_logs.sources.place import PIECE, Place
from audit.postgres.logs.record import Fault
from audit.postgres.logs.unpack import ZSTD, packing_of, unpacked


class Readable(Protocol):
    """What is read of a file."""

    def read(self, count: int, /) -> bytes:
        """The next ``count`` bytes, fewer at the end."""
        ...

    def seek(self, to: int, /) -> object:
        """Go on at this byte."""
        ...


def pieces(handle: Readable, start: int, place: Place) -> Iterator[bytes | Fault]:
    """The text from its byte ``start`` on, as far as it went when ``place`` was looked at: what was written since comes
    with the next look. A packed file that is cut or damaged ends with a ``Fault``. Raises ``LogFileUnreadable``."""
    try:
        is_packed = bool(packing_of(handle.read(len(ZSTD))))
        handle.seek(0 if is_packed else start)
        raw = _read(handle, place.size if is_packed else place.size - start)
        yield from unpacked(raw, skip=start) if is_packed else raw
    except OSError as error:
        raise LogFileUnreadable(f"{place.name} cannot be read: {error.strerror}.") from error


def _read(handle: Readable, left: int) -> Iterator[bytes]:
    while left > 0 and (piece := handle.read(min(PIECE, left))):
        left -= len(piece)
        yield piece
