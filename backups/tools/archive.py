"""What stands in an archive of pg_dump: its header, and its table of contents as pg_restore lists it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backups.exceptions import CopyDamaged
from backups.tools.checksums import Reader
from backups.tools.finding import Tool
from backups.tools.process import Child, no_connection

_NAMED_COMPRESSION = (1, 15)  # from this format on one byte names the compression, before it was an integer
_DATE_INTEGERS = 7
_VERSION = re.compile(r"(\d+)(?:\.(\d+))?")


@dataclass(frozen=True, slots=True)
class ArchiveHeader:
    """The first bytes of an archive: its format, its database, and the versions (180004) of server and pg_dump."""

    archive_format: tuple[int, int]
    database: str
    server_version: int
    dump_version: int


@dataclass(frozen=True, slots=True)
class TocEntry:
    """One line of the table of contents. ``words`` is kind, schema, name and owner, as pg_restore writes them with
    spaces between; a name may hold spaces too, so nothing is cut out of it."""

    dump_id: int
    words: str
    line: str

    def is_a(self, *kinds: str) -> bool:
        """Whether it is of one of ``kinds``: ``TABLE DATA``, ``COMMENT - EXTENSION``."""
        return self.words.startswith(tuple(kind + " " for kind in kinds))


@dataclass(frozen=True, slots=True)
class Selection:
    """A list for ``pg_restore --use-list``: its text, how many entries it keeps, and what was left out."""

    text: str
    count: int
    left_out: tuple[str, ...]


# Entries that only a superuser can restore. Rows do not depend on them; they are reported as left out.
_FOR_SUPERUSERS = ("COMMENT - EXTENSION", "EVENT TRIGGER", "COMMENT - EVENT TRIGGER", "SUBSCRIPTION")


def read_header(source: Reader) -> ArchiveHeader:
    """Read the header at the beginning of a custom-format archive. Raises ``CopyDamaged`` when it is none."""
    try:
        return _Header(source).read()
    except ValueError as error:
        raise CopyDamaged(f"This is no archive of pg_dump: {error}.") from None


def toc(tool: Tool, path: Path, *filters: str) -> list[TocEntry]:
    """The table of contents of the archive at ``path``, in the order of restoring; ``filters`` are pg_restore's own
    (``--schema=…``). Raises ``ToolFailed`` when ``tool`` cannot read it."""
    with Child([tool.path, "--list", *filters, path], environment=no_connection()) as child:
        text = child.stdout.read().decode("utf-8", "surrogateescape")
        child.check()
    return [_entry(line) for line in text.splitlines() if line and not line.startswith(";")]


def select_entries(
    tool: Tool, path: Path, *, is_superuser: bool, data_of: Sequence[tuple[str, str]] | None = None
) -> Selection:
    """Choose what to restore from the archive at ``path``.

    A role that is no superuser gets no comments on extensions, no event triggers and no subscriptions. ``data_of``
    (schema, table) is for a merge: all definitions that stand before the data, the data of these tables alone, and
    nothing of what comes after (keys, indexes, triggers). Leaves of partitioned tables are named themselves.
    """
    entries = toc(tool, path)
    wanted = _with_data_of(tool, path, data_of) if data_of is not None else {entry.dump_id for entry in entries}
    chosen = [entry for entry in entries if entry.dump_id in wanted]
    kept = [entry for entry in chosen if is_superuser or not entry.is_a(*_FOR_SUPERUSERS)]
    left_out = tuple(entry.words for entry in chosen if not (is_superuser or not entry.is_a(*_FOR_SUPERUSERS)))
    return Selection("".join(entry.line + "\n" for entry in kept), len(kept), left_out)


def _with_data_of(tool: Tool, path: Path, tables: Sequence[tuple[str, str]]) -> set[int]:
    """pg_restore itself picks the tables, because it alone compares their names exactly."""
    wanted = {entry.dump_id for entry in toc(tool, path, "--section=pre-data")}
    for schema in sorted({schema for schema, _ in tables}):
        names = [f"--table={name}" for of, name in tables if of == schema]
        found = toc(tool, path, "--section=data", f"--schema={schema}", *names)
        wanted |= {entry.dump_id for entry in found if entry.is_a("TABLE DATA")}
    return wanted


def _entry(line: str) -> TocEntry:
    number, _, rest = line.partition("; ")
    return TocEntry(int(number), rest.split(" ", 2)[2], line)


class _Header:
    def __init__(self, source: Reader) -> None:
        self._source = source
        self._integer_bytes = 4

    def read(self) -> ArchiveHeader:
        if self._take(5) != b"PGDMP":
            raise ValueError("it does not begin with PGDMP")
        major, minor, _, self._integer_bytes, _, _ = self._take(6)
        if (major, minor) < _NAMED_COMPRESSION:
            self._integer()
        else:
            self._take(1)
        for _ in range(_DATE_INTEGERS):
            self._integer()
        return ArchiveHeader((major, minor), self._text(), self._version(), self._version())

    def _take(self, count: int) -> bytes:
        data = self._source.read(count)
        if len(data) != count:
            raise ValueError("it ends too early")
        return data

    def _integer(self) -> int:
        sign, *digits = self._take(1 + self._integer_bytes)
        value = int.from_bytes(bytes(digits), "little")
        return -value if sign else value

    def _text(self) -> str:
        length = self._integer()
        if length > 1000:
            raise ValueError("its header makes no sense")
        return self._take(length).decode("utf-8", "replace") if length > 0 else ""

    def _version(self) -> int:
        match = _VERSION.match(self._text())
        if not match:
            raise ValueError("it names no version")
        return int(match[1]) * 10_000 + int(match[2] or 0)
