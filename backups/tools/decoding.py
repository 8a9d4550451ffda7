"""The way back: stored bytes → SHA-256 → age → zstd → the plain archive of pg_dump, every byte of it proved.

A copy that was cut off, altered or lengthened anywhere is found: by the SHA-256 of its manifest, by age's MACs, by
zstd's checksum and by the frame's end, which must be seen and be the last thing there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import zstandard

from audit.exceptions import KeyMissing
from backups.exceptions import CopyDamaged
from backups.tools.beside import beside
from backups.tools.checksums import CHUNK, HashingReader, Reader, Writer
from backups.tools.encryption import Identity, decrypt
from backups.tools.frames import FrameError, FrameWalker
from backups.tools.pipeline import whole_file
from backups.tools.watch import Watch


@dataclass(frozen=True, slots=True)
class Decoded:
    """What was read: stored bytes with their SHA-256, and bytes of the plain archive."""

    dump_bytes: int
    stored_bytes: int
    sha256: str


def decode(
    source: Reader,
    sink: Writer | None,
    *,
    identities: Sequence[Identity] | None,
    sha256: str = "",
    on_bytes: Callable[[int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Decoded:
    """Read all of ``source``, write the plain archive to ``sink`` (None: only verify) and prove that it is whole.

    ``identities`` is None for a copy that is not encrypted. ``sha256`` is what the manifest says of the stored bytes;
    without it the checks inside the formats remain. ``on_bytes`` gets the stored bytes so far. Raises
    ``CopyDamaged``, ``KeyMissing`` when no identity fits, ``JobCancelled``; what ``source`` and ``sink`` raise comes
    out as it is. ``sink`` may have got bytes when an error shows: they are worthless then.
    """
    reader = HashingReader(_Watched(source, Watch(on_bytes=on_bytes, cancelled=cancelled)))
    unpacker = _Unpacker(sink)
    try:
        with beside(unpacker) as opened:
            if identities is None:
                while data := reader.read(CHUNK):
                    opened.write(data)
            else:
                decrypt(reader, opened, identities)
        unpacker.finish()
    except KeyMissing:
        _drain(reader)
        _compare(reader, sha256)  # a damaged header also looks like a key that does not fit
        raise
    if _drain(reader):
        raise CopyDamaged("The copy is damaged: there are bytes behind its end.")
    _compare(reader, sha256)
    return Decoded(dump_bytes=unpacker.count, stored_bytes=reader.count, sha256=reader.sha256)


def decode_to_file(
    source: Reader,
    path: Path,
    *,
    identities: Sequence[Identity] | None,
    sha256: str = "",
    expected_bytes: int = 0,
    on_bytes: Callable[[int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Decoded:
    """``decode`` into the file ``path``, which appears only when the whole copy was found good. Raises ``DiskFull``
    too, before anything is read if ``expected_bytes`` (of the plain archive) is known; whatever is raised, nothing of
    the file is left."""
    with whole_file(path, durable=False, expected_bytes=expected_bytes) as file:
        return decode(source, file, identities=identities, sha256=sha256, on_bytes=on_bytes, cancelled=cancelled)


class _Watched:
    def __init__(self, source: Reader, watch: Watch) -> None:
        self._source = source
        self._watch = watch

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(size)
        self._watch.moved(len(data))
        return data


class _Unpacker:
    """Decompresses what is written to it into ``sink``, in pieces of at most 128 KiB whatever the ratio."""

    def __init__(self, sink: Writer | None) -> None:
        self._counter = _Counter(sink)
        self._walker = FrameWalker()
        self._unpack = zstandard.ZstdDecompressor().stream_writer(cast(IO[bytes], self._counter), closefd=False)

    @property
    def count(self) -> int:
        return self._counter.count

    def write(self, data: bytes, /) -> int:
        with _damage():
            self._walker.feed(data)
            self._unpack.write(data)
        return len(data)

    def finish(self) -> None:
        with _damage():
            self._walker.finish()


class _Counter:
    def __init__(self, sink: Writer | None) -> None:
        self._sink = sink
        self.count = 0

    def write(self, data: bytes, /) -> int:
        if self._sink:
            self._sink.write(data)
        self.count += len(data)
        return len(data)


@contextmanager
def _damage() -> Iterator[None]:
    try:
        yield
    except (FrameError, zstandard.ZstdError) as error:
        raise CopyDamaged(f"The copy is damaged: {error}.") from None


def _drain(reader: HashingReader) -> bool:
    """Read what is left; whether there was anything."""
    before = reader.count
    while reader.read(CHUNK):
        pass
    return reader.count > before


def _compare(reader: HashingReader, expected: str) -> None:
    if expected and reader.sha256 != expected:
        raise CopyDamaged(
            "The copy is damaged: its SHA-256 is not the one in the manifest.", expected=expected, found=reader.sha256
        )
