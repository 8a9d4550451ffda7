"""What every kind of destination can do, on top of Django's Storage."""

from __future__ import annotations

import errno
import posixpath
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Self

from django.core.files import File
from django.core.files.storage import Storage

from backups.exceptions import DestinationInvalid


class CopyStorage(Storage):
    """A Django storage that never writes over a file, shows a file under its name only when it is whole, and reads
    as a stream. Faults of the medium come out as its library raises them: wrap use in ``reaching``."""

    needed: ClassVar[frozenset[str]]
    known: ClassVar[frozenset[str]]
    known_secrets: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    @abstractmethod
    def of(cls, settings: dict[str, Any], secrets: dict[str, Any]) -> Self:
        """The storage for a destination's settings."""

    @classmethod
    def check(cls, settings: dict[str, Any]) -> None:
        """Raise ``DestinationInvalid`` for a value that makes no sense."""

    @abstractmethod
    def check_root(self) -> None:
        """Raise the medium's own error when the destination itself (folder, bucket) is not there."""

    @abstractmethod
    def remove_folder(self, path: str) -> None:
        """Remove a folder with its files, finished or not; nothing happens when it is not there."""

    def close(self) -> None:
        """Let go of connections."""

    def open_cold(self, name: str) -> File[bytes]:
        """Open a file so that its bytes come from the medium, not from what this machine still remembers of them."""
        return self.open(name)

    def put(self, name: str, content: File[bytes]) -> None:
        """Store ``content`` as ``name``. Raises FileExistsError rather than write over a file."""
        self.save(name, content)

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """No other name is ever invented: the manifest knows the files by theirs."""
        if self.exists(name):
            raise FileExistsError(errno.EEXIST, "a file of this name is already there", name)
        return name

    def walk(self, path: str = "") -> Iterator[str]:
        """The paths of all files below ``path``, in order."""
        folders, files = self.listdir(path)
        for name in sorted(files):
            yield posixpath.join(path, name)
        for name in sorted(folders):
            yield from self.walk(posixpath.join(path, name))


def whole_number(settings: dict[str, Any], name: str, default: int) -> int:
    """A setting that is a port or a count. Raises ``DestinationInvalid``."""
    value = settings.get(name) or default
    if not str(value).isdigit() or not 0 < int(value) < 65_536:
        raise DestinationInvalid(f'"{value}" is no {name}.')
    return int(value)
