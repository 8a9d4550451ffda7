"""A folder of this machine or a mounted disk."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any, Self

from django.core.files import File
from django.core.files.storage import FileSystemStorage

from backups.destinations.base import CopyStorage
from backups.exceptions import DestinationInvalid

FILE_MODE, FOLDER_MODE = 0o600, 0o700
CHUNK = 1 << 20


class FolderStorage(CopyStorage, FileSystemStorage):
    """Files 0600 in folders 0700. A file is written as ``.part``, forced to the disk, then renamed. The folder itself
    must be there: one that was made by itself might stand where a disk is not mounted."""

    needed = frozenset({"folder"})
    known = needed

    @classmethod
    def of(cls, settings: dict[str, Any], secrets: dict[str, Any]) -> Self:
        return cls(location=settings["folder"])

    @classmethod
    def check(cls, settings: dict[str, Any]) -> None:
        if not Path(settings["folder"]).is_absolute():
            raise DestinationInvalid(f'"{settings["folder"]}" is not an absolute path.')

    @property
    def root(self) -> Path:
        return Path(self.location)

    def check_root(self) -> None:
        os.scandir(self.root).close()

    def open_cold(self, name: str) -> File[bytes]:
        file = self.open(name)
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return file

    def _save(self, name: str, content: File[bytes]) -> str:
        self.check_root()
        path = Path(self.path(name))
        _make_folders(path.parent, self.root)
        part = path.with_name(path.name + ".part")
        try:
            if not _linked(content, part):
                _write(content, part)
            if path.exists():
                raise FileExistsError(errno.EEXIST, "a file of this name is already there", str(path))
            part.rename(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        _sync(path.parent)
        return name

    def remove_folder(self, path: str) -> None:
        self.check_root()
        folder = Path(self.path(path))
        if folder == self.root or not folder.is_dir():
            return
        shutil.rmtree(folder)
        for parent in folder.parents:
            if parent == self.root or any(parent.iterdir()):
                break
            parent.rmdir()


def _linked(content: File[bytes], part: Path) -> bool:
    """Give a private spool file a second name instead of copying its bytes, when both are on one file system. Only
    the first folder gets the link: two copies never share their bytes."""
    source = getattr(content, "linkable", None)
    if source is None:
        return False
    part.unlink(missing_ok=True)
    try:
        part.hardlink_to(source)
    except OSError:  # another file system, or one that knows no links
        return False
    if part.stat().st_nlink != 2:
        part.unlink()
        return False
    _sync(part)
    return True


def _write(content: File[bytes], part: Path) -> None:
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(handle, "wb") as file:
        for chunk in content.chunks(CHUNK):
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def _make_folders(folder: Path, root: Path) -> None:
    for path in [*reversed([p for p in folder.parents if p.is_relative_to(root) and p != root]), folder]:
        path.mkdir(mode=FOLDER_MODE, exist_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
