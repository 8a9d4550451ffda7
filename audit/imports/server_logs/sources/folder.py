"""A folder that tovgov's workers can read: the server's own ``log_directory``, or where its logs are copied to."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from audit.actors import Actor
from audit.exceptions import LogFileUnreadable, LogSourceGone
from audit.imports.server_logs.sources.place import Place
from audit.imports.server_logs.sources.unpacking import pieces
from audit.models import ImportSource
from audit.postgres.logs.record import Fault

PATTERNS = ("*.log", "*.csv", "*.json", "*.log.*", "*.csv.*", "*.json.*", "*.log-*", "syslog*")
"""Names that are looked at unless the source says otherwise."""


@dataclass(frozen=True)
class Folder:
    """``settings``: folder, and patterns of names."""

    folder: Path
    patterns: tuple[str, ...] = PATTERNS
    is_complete: bool = False

    def places(self) -> list[Place]:
        try:
            found = [place for entry in os.scandir(self.folder) if (place := self._place(entry)) is not None]
        except OSError as error:
            raise LogSourceGone(f"The folder {self.folder} cannot be read: {error.strerror}.") from error
        return sorted(found, key=lambda place: (place.modified, place.name))

    def _place(self, entry: os.DirEntry[str]) -> Place | None:
        if not any(fnmatchcase(entry.name, pattern) for pattern in self.patterns):
            return None
        try:
            facts = entry.stat()
        except OSError:
            return None  # it was removed meanwhile, or is a link to nowhere
        if not stat.S_ISREG(facts.st_mode):
            return None
        return Place(f"{facts.st_dev}:{facts.st_ino}", entry.name, facts.st_size, facts.st_mtime_ns)

    @contextmanager
    def text(self, place: Place, start: int = 0) -> Iterator[Iterator[bytes | Fault]]:
        try:
            handle = (self.folder / place.name).open("rb", buffering=0)
        except OSError as error:
            raise LogFileUnreadable(f"{place.name} cannot be read: {error.strerror}.") from error
        with handle:
            yield pieces(handle, start, place)

    def done(self, place: Place) -> None:
        """The folder is the server's: nothing in it is ever changed."""


@contextmanager
def opened(source: ImportSource, *, actor: Actor) -> Iterator[Folder]:
    """The folder of ``source``."""
    patterns = tuple(source.settings.get("patterns") or PATTERNS)
    yield Folder(Path(source.settings["folder"]), patterns)
