"""A file's bytes as text, unpacked when it is packed: piece by piece, with flat memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from audit.exceptions import LogFileUnreadable
from audit.imports.server_logs.sources.place import PIECE
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


def pieces(handle: Readable, start: int, name: str) -> Iterator[bytes | Fault]:
    """The text from its byte ``start`` on; a packed file that is cut or damaged ends with a ``Fault``. Raises
    ``LogFileUnreadable``."""
    try:
        is_packed = bool(packing_of(handle.read(len(ZSTD))))
        handle.seek(0 if is_packed else start)
        raw = iter(lambda: handle.read(PIECE), b"")
        yield from unpacked(raw, skip=start) if is_packed else raw
    except OSError as error:
        raise LogFileUnreadable(f"{name} cannot be read: {error.strerror}.") from error
