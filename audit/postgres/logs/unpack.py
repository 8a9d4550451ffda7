"""gzip and zstd, told by their first bytes, unpacked as a stream: what is in memory does not grow with the file, nor
with how hard it was packed. Offsets count unpacked bytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

import zstandard

from audit.postgres.logs.faults import PACKING_BROKEN, PACKING_CUT, fault
from audit.postgres.logs.record import Fault

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
PIECE = 1024 * 1024
ZSTD_INPUT = 1024
"""Packed bytes a step: a block of zstd may grow from 4 bytes to 128 KiB."""
ZSTD_WINDOW = 2**27
"""What ``zstd -d`` allows, too."""


class Broken(Exception):
    """The packed bytes are damaged."""


def packing_of(head: bytes) -> str:
    """``gzip``, ``zstd``, or empty for text that is not packed."""
    return "gzip" if head.startswith(GZIP) else "zstd" if head.startswith(ZSTD) else ""


class _Stream(Protocol):
    def feed(self, data: bytes) -> Iterator[bytes]: ...
    def is_whole(self) -> bool: ...


class _Plain:
    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data

    def is_whole(self) -> bool:
        return True


class _Gzip:
    """Members one after another, as logrotate and ``cat`` leave them; zeros may fill up the end."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if not self._begun:
                data = data.lstrip(b"\0")
                self._begun = bool(data)
            try:
                yield self._member.decompress(data, PIECE)
            except zlib.error:
                raise Broken from None
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if self._member.eof:
                self._member, self._begun = zlib.decompressobj(wbits=31), False

    def is_whole(self) -> bool:
        return not self._begun


class _Zstd:
    """Frames one after another."""

    def __init__(self) -> None:
        self._frame = self._next()
        self._begun = False

    @staticmethod
    def _next() -> zstandard.ZstdDecompressionObj:
        return zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj()

    def feed(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), ZSTD_INPUT):
            part = data[start : start + ZSTD_INPUT]
            while part:
                self._begun = True
                try:
                    yield self._frame.decompress(part)
                except zstandard.ZstdError:
                    raise Broken from None
                part = self._frame.unused_data
                if self._frame.eof:
                    self._frame, self._begun = self._next(), False

    def is_whole(self) -> bool:
        return not self._begun


STREAMS: dict[str, type[_Stream]] = {"gzip": _Gzip, "zstd": _Zstd, "": _Plain}


def unpacked(chunks: Iterable[bytes], *, skip: int = 0) -> Iterator[bytes | Fault]:
    """The text of a file in pieces, from unpacked byte ``skip`` on. A file that is cut or damaged gives all that comes
    before, then a ``Fault``."""
    at, head, stream = 0, b"", None
    for chunk in chunks:
        data = chunk
        if stream is None:
            head += chunk
            if len(head) < len(ZSTD):
                continue
            stream, data = STREAMS[packing_of(head)](), head
        try:
            for text in stream.feed(data):
                if at + len(text) > skip:
                    yield text[max(skip - at, 0) :]
                at += len(text)
        except Broken:
            yield fault(at, at, PACKING_BROKEN)
            return
    if stream is None:
        if head[skip:]:
            yield head[skip:]
    elif not stream.is_whole():
        yield fault(at, at, PACKING_CUT)
