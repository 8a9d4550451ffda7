"""The folder of exports: files that only tovgov reads, under names that nobody guesses, for some days."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from audit import conf
from audit.exceptions import ExportFolderUnusable
from audit.models import Export

CHUNK = 1 << 20
PART = ".part"
STRAY_SECONDS = 24 * 3600


@contextmanager
def usable() -> Iterator[Path]:
    """The folder, made when it is missing. What the disk refuses inside becomes ``ExportFolderUnusable``."""
    folder = conf.exports_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        yield folder
    except OSError as error:
        raise ExportFolderUnusable(f"{folder}: {error.strerror or error}.") from error


def create(path: Path) -> BinaryIO:
    """A new file that nobody else may read."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "w+b")


def digest(file: Any) -> str:
    """SHA-256 of the whole file, in hex; leaves it at its start."""
    file.seek(0)
    found = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(0)
    return found


def part_of(export: Export) -> str:
    return f"{export.uuid}{PART}"


def remove(name: str) -> None:
    """Remove a file of the folder; one that is gone is no fault."""
    with usable() as folder:
        (folder / Path(name).name).unlink(missing_ok=True)


def strays() -> list[str]:
    """Files that no export names, a day old: left by a worker that was killed."""
    known = set(Export.objects.exclude(path="").values_list("path", flat=True))
    with usable() as folder:
        old = [file for file in folder.iterdir() if file.name not in known and file.is_file()]
        return [file.name for file in old if time.time() - file.stat().st_mtime > STRAY_SECONDS]
