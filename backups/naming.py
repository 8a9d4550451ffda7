"""Names of backups and their folders: they say what is inside and suit every file system and bucket, whatever the
database is called."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime

LONGEST = 40  # signs of one part


def plain(text: str) -> str:
    """``text`` in letters, digits, ``-`` and ``_``; what had to be altered gets a short hash, so that two names
    never become one."""
    kept = re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-")[:LONGEST].strip("-")
    if kept and kept == text:
        return kept
    mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return f"{kept}-{mark}" if kept else mark


def backup_name(target: str, database: str, at: datetime, kind: str) -> str:
    """``TovPlay-production.TovPlay.20260721T101530Z.manual``; the time is UTC."""
    return f"{plain(target)}.{plain(database)}.{at.astimezone(UTC):%Y%m%dT%H%M%SZ}.{kind}"


def folder_of(target: str, database: str, name: str) -> str:
    """The folder of a backup's files inside of a destination."""
    return f"{plain(target)}/{plain(database)}/{name}"


def dump_file(name: str, *, is_encrypted: bool) -> str:
    """``<name>.dump.zst.age``: what to undo, from right to left."""
    return f"{name}.dump.zst" + (".age" if is_encrypted else "")
