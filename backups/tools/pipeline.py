"""The stream of a backup: pg_dump → zstd → age → SHA-256 → file, in one pass and with little memory.

``age -d | zstd -d | pg_restore`` opens what this writes. ``decoding.py`` is the way back.
"""

from __future__ import annotations

import errno
import io
import os
import select
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import zstandard

from backups.exceptions import DiskFull
from backups.tools.checksums import CHUNK, HashingWriter, Reader, Writer
from backups.tools.encryption import Recipient, encrypt
from backups.tools.process import Child
from backups.tools.watch import INTERVAL, Watch

FILE_BUFFER = 1 << 17  # larger writes leave the processor's cache and cost twice as much
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
LEVEL = 2  # of dumps as small as level 3 (within 1 %, often smaller) and smaller than gzip, for a quarter less time
THREADS = 1 if (os.cpu_count() or 1) <= 2 else 2  # beside ours: compressing overlaps with the rest


@dataclass(frozen=True, slots=True)
class Encoded:
    """What went into a file: bytes of the plain archive, bytes stored, and SHA-256 of the stored ones."""

    dump_bytes: int
    stored_bytes: int
    sha256: str


def encode(
    source: Child,
    sink: Path,
    *,
    recipients: Sequence[Recipient],
    level: int = LEVEL,
    on_bytes: Callable[[int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    stall_seconds: float = 0,
) -> Encoded:
    """Compress, encrypt (unless ``recipients`` is empty) and store what ``source`` writes, as the file ``sink``.

    The file appears under its name only when the child has ended with status 0 and every byte is on the disk; on any
    failure the child is dead and no part of the file is left. ``on_bytes`` gets the plain bytes so far, about four
    times a second. Raises what ``source`` explains of its own failure, ``JobCancelled``, ``Stalled``, ``DiskFull``.
    """
    watch = Watch(on_bytes=on_bytes, cancelled=cancelled, stall_seconds=stall_seconds)
    try:
        with whole_file(sink) as file:
            writer = HashingWriter(file)
            _compress_and_encrypt(ChildReader(source, watch), writer, recipients, level)
            source.check(watch.idle)
    except BaseException:
        source.kill()
        raise
    watch.finish()
    return Encoded(dump_bytes=watch.total, stored_bytes=writer.count, sha256=writer.sha256)


class ChildReader:
    """Reads the output of a child as it comes; never hangs, because it watches for cancel and stall meanwhile."""

    def __init__(self, child: Child, watch: Watch) -> None:
        self._child = child
        self._watch = watch
        self._fd = child.stdout.fileno()
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)

    def read(self, size: int = -1, /) -> bytes:
        while not self._poll.poll(INTERVAL * 1000):
            self._child.deliver()
            self._watch.idle()
        data = os.read(self._fd, size if size > 0 else CHUNK)
        self._child.deliver()
        self._watch.moved(len(data))
        return data


class ChildWriter:
    """Writes to a child's input without ever hanging: ``beat`` is called while the pipe is full and may raise.

    A child may close its end before ours, because it has all it needs or because it failed: what is still written is
    dropped then, so that a decoder can prove the rest. How the child ended is the caller's to check.
    """

    def __init__(self, child: Child, beat: Callable[[], None]) -> None:
        self._child = child
        self._beat = beat
        self._is_open = True
        self._fd = child.stdin.fileno()
        os.set_blocking(self._fd, False)
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLOUT)

    def write(self, data: bytes, /) -> int:
        rest = memoryview(data)
        while rest and self._is_open:
            if not self._poll.poll(INTERVAL * 1000):
                self._beat()
                continue
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BrokenPipeError:
                self._is_open = False
        self._beat()
        return len(data)

    def close(self) -> None:
        """No more will come."""
        self._child.stdin.close()


def _compress_and_encrypt(source: Reader, sink: Writer, recipients: Sequence[Recipient], level: int) -> None:
    compressor = zstandard.ZstdCompressor(level=level, write_checksum=True, threads=THREADS)
    with compressor.stream_reader(cast(IO[bytes], source), read_size=CHUNK, closefd=False) as packed:
        if recipients:
            encrypt(cast(Reader, io.BufferedReader(cast(Any, packed), CHUNK)), sink, recipients)
            return
        while data := packed.read(CHUNK):
            sink.write(data)


def _take_room(file: BinaryIO, folder: Path, count: int) -> None:
    """Ask first: the system would fill the whole disk, and everybody else's, before it finds that it is too little."""
    if shutil.disk_usage(folder).free < count:
        raise OSError(errno.ENOSPC, "no room")
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, count)


@contextmanager
def whole_file(path: Path, *, durable: bool = True, expected_bytes: int = 0) -> Iterator[BinaryIO]:
    """A file to write, for our eyes only, that appears as ``path`` when the block ends well and (``durable``) all is
    on the disk; otherwise nothing of it is left. Its room is taken at once when ``expected_bytes`` says how much,
    which also makes writing cheaper. Raises ``DiskFull`` when there is no space left."""
    part = path.with_name(path.name + ".part")
    try:
        with os.fdopen(os.open(part, _NEW_FILE, 0o600), "wb", buffering=FILE_BUFFER) as file:
            if expected_bytes:
                _take_room(file, path.parent, expected_bytes)
            yield file
            file.truncate()
            if durable:
                os.fsync(file.fileno())
        part.replace(path)
        if durable:
            _sync_folder(path.parent)
    except OSError as error:
        part.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"There is no space left in {path.parent}.", folder=str(path.parent)) from None
        raise
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
