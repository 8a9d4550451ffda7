"""Counting and SHA-256 of bytes on their way."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol

CHUNK = 1 << 20


class Reader(Protocol):
    """Anything bytes can be read from."""

    def read(self, size: int = -1, /) -> bytes: ...


class Writer(Protocol):
    """Anything bytes can be written to, in whole."""

    def write(self, data: bytes, /) -> object: ...


class HashingReader:
    """Reads through to ``source``; knows how many bytes have passed (``count``) and their ``sha256``."""

    def __init__(self, source: Reader) -> None:
        self._source = source
        self._hash = hashlib.sha256()
        self.count = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(size)
        self._hash.update(data)
        self.count += len(data)
        return data

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


class HashingWriter:
    """Writes through to ``sink``; knows how many bytes have passed (``count``) and their ``sha256``."""

    def __init__(self, sink: Writer) -> None:
        self._sink = sink
        self._hash = hashlib.sha256()
        self.count = 0

    def write(self, data: bytes, /) -> int:
        self._sink.write(data)
        self._hash.update(data)
        self.count += len(data)
        return len(data)

    def flush(self) -> None:
        """For writers that flush at their end; the sink is flushed by its owner."""

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


def sha256_of(source: Reader, on_bytes: Callable[[int], None] | None = None) -> tuple[str, int]:
    """SHA-256 and length of all that is left in ``source``; ``on_bytes`` gets the count so far after each chunk."""
    reader = HashingReader(source)
    while reader.read(CHUNK):
        if on_bytes:
            on_bytes(reader.count)
    return reader.sha256, reader.count
