"""Folders of a running act in the spool. Each holds a lock that ends with its process, so what a killed worker left
behind is known for sure and swept."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from backups import conf

LOCK = ".lock"
NEWBORN_SECONDS = 60.0  # a folder without its lock yet is left alone for so long


@contextmanager
def folder(kind: str) -> Iterator[Path]:
    """A private folder for one act, gone with all that is in it when the block is left."""
    path = conf.spool() / f"{kind}-{uuid.uuid4().hex}"
    path.mkdir(mode=0o700, parents=True)
    try:
        with (path / LOCK).open("w") as lock:
            flock(lock, LOCK_EX)
            yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def sweep() -> list[Path]:
    """Remove what killed workers of this machine left in the spool; what was removed."""
    if not conf.spool().is_dir():
        return []
    dead = [path for path in conf.spool().iterdir() if path.is_dir() and _is_abandoned(path)]
    for path in dead:
        shutil.rmtree(path, ignore_errors=True)
    return dead


def _is_abandoned(path: Path) -> bool:
    try:
        with (path / LOCK).open("r") as lock:
            flock(lock, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return path.is_dir() and time.time() - path.stat().st_mtime > NEWBORN_SECONDS
    return True
