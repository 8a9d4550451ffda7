"""The members of a pack while it grows: files in a folder, hashed on the way, and the ZIP that is made of them."""

from __future__ import annotations

import io
import json
import re
import shutil
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from audit.evidence import verify
from audit.exports import files

EVERY = 500
"""``tell`` is called after so many rows."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a pack."""

    name: str
    path: Path
    bytes: int
    sha256: str
    crc: int
    rows: int | None

    def as_dict(self) -> dict[str, Any]:
        """As the manifest lists it."""
        rows = {} if self.rows is None else {"rows": self.rows}
        return {"name": self.name, "bytes": self.bytes, "sha256": self.sha256} | rows


class Writer(io.RawIOBase):
    """Writes one member, from its beginning to its end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.digest = file, sha256()
        self.bytes, self.crc = 0, 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        data = bytes(data)
        self._file.write(data)
        self.digest.update(data)
        self.crc = zlib.crc32(data, self.crc)
        self.bytes += len(data)
        return len(data)


class Members:
    """All members of a pack. ``tell`` hears how many more rows were written."""

    def __init__(self, folder: Path, tell: Callable[[int], None] = lambda count: None) -> None:
        self.folder, self.tell = folder, tell
        self.all: dict[str, Member] = {}
        self.rows = 0

    @contextmanager
    def open(self, name: str, rows: Callable[[], int] | None = None) -> Iterator[Writer]:
        """Write one member; ``rows`` says afterwards how many rows it has. Raises ``ValueError`` for a name that is
        there."""
        if name in self.all:
            raise ValueError(f"{name} is there already")
        path = self.folder / f"{len(self.all):06}"
        with files.create(path) as file:
            writer = Writer(file)
            yield writer
        count = rows() if rows else None
        self.all[name] = Member(name, path, writer.bytes, writer.digest.hexdigest(), writer.crc, count)
        self.rows += count or 0

    def put(self, name: str, data: bytes) -> None:
        """One member whose bytes are known."""
        with self.open(name) as writer:
            writer.write(data)

    def lines(self, name: str, rows: Generator[dict[str, Any]]) -> int:
        """One member of JSON lines; how many. ``rows`` is closed whatever happens: while it holds a COPY open, nothing
        else can be said to the database, not even that all is to be undone."""
        count = 0
        with closing(rows), self.open(name, lambda: count) as writer:
            for row in rows:
                writer.write(line(row))
                count += 1
                if count % EVERY == 0:
                    self.tell(EVERY)
        self.tell(count % EVERY)
        return count

    def sorted(self) -> list[Member]:
        """In the order in which a pack has them."""
        return [self.all[name] for name in sorted(self.all)]

    def write_zip(self, out: BinaryIO, first: Iterable[Member], tell: Callable[[int], None]) -> None:
        """The ZIP: ``first``, then all others by name. Its form is that of ``verify``."""
        head = list(first)
        names = {member.name for member in head}
        directory, offset = [], 0
        for member in [*head, *(one for one in self.sorted() if one.name not in names)]:
            raw = member.name.encode()
            offset_before = offset
            offset += out.write(verify.local_header(raw, member.bytes, member.crc))
            with member.path.open("rb") as file:
                shutil.copyfileobj(file, out, files.CHUNK)
            offset += member.bytes
            directory.append(verify.central_header(raw, member.bytes, member.crc, offset_before))
            tell(member.bytes)
        length = sum(map(out.write, directory))
        out.write(verify.end_record(len(directory), length, offset))


def line(row: dict[str, Any]) -> bytes:
    """A row as one line of JSON: keys sorted, times in UTC, so that one row has one line."""
    return json.dumps(row, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=plain).encode() + b"\n"


def pretty(facts: Any) -> bytes:
    """Facts as JSON that a person may read; one set of facts has one text."""
    return json.dumps(facts, sort_keys=True, ensure_ascii=False, indent=1, default=plain).encode() + b"\n"


def plain(value: Any) -> Any:
    """What JSON has no word for, exactly."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID | Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} does not go into an evidence pack")


def slug(text: str) -> str:
    """A name as part of a file's name."""
    return re.sub(r"[^0-9a-z]+", "-", text.lower()).strip("-")[:40] or "unnamed"
