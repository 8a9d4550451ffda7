"""Bytes between the spool and one destination. Runs in threads: knows no database row but what it is handed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from django.core.files import File

from backups.destinations import CopyStorage, reaching, storage_for
from backups.exceptions import CopyDamaged, DestinationTaken, DestinationUnreachable
from backups.models import Destination
from backups.tools.checksums import HashingWriter, sha256_of

ATTEMPTS = 3
PAUSE_SECONDS = 2.0  # before the second attempt, doubled before each next


class Pulse(Protocol):
    """What a transfer needs of ``audit.jobs.Progress``."""

    @property
    def stop(self) -> threading.Event: ...
    def check(self) -> None: ...
    def advance(self, count: int) -> None: ...
    def log(self, line: str) -> None: ...


class Unwatched:
    """A pulse for a transfer that is no job: nobody looks and nobody stops it."""

    def __init__(self) -> None:
        self.stop = threading.Event()

    def check(self) -> None:
        return

    def advance(self, count: int) -> None:
        return

    def log(self, line: str) -> None:
        return


@dataclass(frozen=True, slots=True)
class SpoolFile:
    """A finished file of a backup in the spool and its SHA-256."""

    path: Path
    sha256: str

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def bytes(self) -> int:
        return self.path.stat().st_size


class CountedFile(File):  # type: ignore[type-arg]
    """A spool file on its way: tells how far it is and stops the moment the job must. ``linkable`` allows a folder on
    the same disk to take the file itself."""

    def __init__(self, file: IO[bytes], path: Path, progress: Pulse) -> None:
        super().__init__(file, name=path.name)
        self.raw = file
        self.linkable = path
        self.progress = progress
        self.counted = 0

    def read(self, size: int = -1) -> bytes:
        self.progress.check()
        data = self.raw.read(size)
        self.counted += len(data)
        self.progress.advance(len(data))
        return data

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        self.seek(0)
        while data := self.read(chunk_size or self.DEFAULT_CHUNK_SIZE):
            yield data


@contextmanager
def storage_of(destination: Destination) -> Iterator[CopyStorage]:
    """The destination's storage, its faults explained, its connections closed on leaving."""
    with reaching(destination), closing(storage_for(destination)) as storage:
        yield storage


def send(destination: Destination, folder: str, files: Sequence[SpoolFile], progress: Pulse) -> None:
    """Store ``files`` in ``folder`` of the destination; tried again after a pause when it cannot be reached. On any
    failure no part of them is left there, as far as it can be reached.

    Raises ``DestinationUnreachable``, ``DestinationTaken``, ``DiskFull`` or ``JobCancelled``.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _send(destination, folder, files, progress)
            return
        except DestinationUnreachable as error:
            progress.log(f"{destination}: {error.message}")
            if attempt == ATTEMPTS or progress.stop.wait(PAUSE_SECONDS * 2 ** (attempt - 1)):
                progress.check()
                raise


def _send(destination: Destination, folder: str, files: Sequence[SpoolFile], progress: Pulse) -> None:
    with storage_of(destination) as storage:
        if any(storage.exists(f"{folder}/{file.name}") for file in files):
            raise DestinationTaken(f"{destination} already holds files in {folder}.")
    try:
        with storage_of(destination) as storage:
            for file in files:
                _put(storage, f"{folder}/{file.name}", file, progress)
    except BaseException:
        remove(destination, folder)
        raise


def _put(storage: CopyStorage, name: str, file: SpoolFile, progress: Pulse) -> None:
    with file.path.open("rb") as raw:
        counted = CountedFile(raw, file.path, progress)
        storage.put(name, counted)
        progress.advance(file.bytes - counted.counted)  # a linked file was not read


def remove(destination: Destination, folder: str) -> bool:
    """Remove a backup's folder from a destination; whether it could be reached."""
    try:
        with storage_of(destination) as storage:
            storage.remove_folder(folder)
    except DestinationUnreachable:
        return False
    return True


def read_back(destination: Destination, folder: str, files: Sequence[SpoolFile], progress: Pulse) -> None:
    """Read every file from the destination and compare its SHA-256. Raises ``CopyDamaged`` or
    ``DestinationUnreachable``."""
    for file in files:
        with open_file(destination, f"{folder}/{file.name}", cold=True) as stored:
            found, _ = sha256_of(stored, Meter(progress))
        if found != file.sha256:
            raise altered(destination, file.name)


def altered(destination: Destination, name: str) -> CopyDamaged:
    """The error for bytes that came back other than they went."""
    return CopyDamaged(f"{name} came back from {destination} altered.")


@contextmanager
def open_file(destination: Destination, path: str, *, cold: bool = False) -> Iterator[File[bytes]]:
    """A stored file as a stream. ``cold`` asks for the medium's own bytes, not what memory still holds of them.

    Raises ``CopyDamaged`` when it is not there though the destination is, ``DestinationUnreachable``.
    """
    with storage_of(destination) as storage:
        try:
            file = storage.open_cold(path) if cold else storage.open(path)
        except FileNotFoundError:
            storage.check_root()
            raise CopyDamaged(f"{path} is missing from {destination}.", path=path) from None
        with closing(file):
            yield file


def fetch(destination: Destination, path: str, to: Path, progress: Pulse) -> SpoolFile:
    """Copy a stored file into the spool and return it with the SHA-256 of what came."""
    to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as raw, open_file(destination, path) as file:
        writer = HashingWriter(raw)
        while data := file.read(1 << 20):
            writer.write(data)
            progress.advance(len(data))
            progress.check()
    return SpoolFile(to, writer.sha256)


class Meter:
    """Turns "so many in all of this stream" into progress, and stops the stream when the job must."""

    def __init__(self, progress: Pulse) -> None:
        self.progress, self.told = progress, 0

    def __call__(self, count: int) -> None:
        self.progress.check()
        self.progress.advance(count - self.told)
        self.told = count
