"""What one transaction stores of a server's log: made by the process that reads, stored by the worker. It knows no
model."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from audit.postgres.logs import faults
from audit.postgres.logs.record import Fault, LogRecord

GO_ON = (faults.NOT_A_RECORD, faults.ORPHAN, faults.TOO_LONG)
"""Faults that come in pieces."""
KEPT_FAULTS = 50
"""Faults of a file that are kept; the others are counted."""
GroupKey = tuple[str, str, int, str, str]
"""Day, class, fingerprint, role, and the run of tovgov's own that explains it, if one does."""


@dataclass(slots=True)
class Grown:
    """What a group grows by."""

    at: str
    last_at: str
    severity: int
    title: str
    place: int
    """Its number among the groups of its chunk."""
    count: int = 0
    pk: int = 0
    """Filled when it is stored."""


@dataclass(slots=True)
class Chunk:
    """What one transaction stores, and where reading goes on. Its rows lie in a few long pieces of memory, which are
    handed from one process to another at once."""

    lines: bytearray = field(default_factory=bytearray)
    """Each with its end."""
    hashes: bytearray = field(default_factory=bytearray)
    """Of the lines, side by side."""
    owners: array[int] = field(default_factory=lambda: array("I"))
    """The group of each line, by its place."""
    groups: dict[GroupKey, Grown] = field(default_factory=dict)
    sessions: list[LogRecord] = field(default_factory=list)
    """Records that tell of connections."""
    faults: list[Fault] = field(default_factory=list)
    """The first ones."""
    fault_count: int = 0
    records: int = 0
    ours: int = 0
    explained: int = 0
    offset: int = 0
    state: dict[str, Any] = field(default_factory=dict)
    format: str = ""
    is_last: bool = False
    """The file was read to its end, as it is now."""
    is_settled: bool = False
    """Nobody was writing to it then."""
    is_over: bool = False
    """Nothing more comes in it."""

    @property
    def rows(self) -> int:
        """How many lines there are."""
        return len(self.owners)

    @property
    def span(self) -> tuple[datetime | None, datetime | None]:
        """The times of the first and the last of its records, by the log's own clock."""
        groups = self.groups.values()
        first = min((group.at for group in groups), default=None)
        last = max((group.last_at for group in groups), default=None)
        return _moment(first), _moment(last)

    def blame(self, found: Fault) -> None:
        """Count a fault, and keep it when it is among the first. What goes on where the last one ended is the same: a
        line of 100 MB comes in many pieces."""
        last = self.faults[-1] if 0 < self.fault_count == len(self.faults) else None
        if last is not None and (last.code, last.end) == (found.code, found.offset) and found.code in GO_ON:
            self.faults[-1] = last._replace(end=found.end)
            return
        self.fault_count += 1
        if len(self.faults) < KEPT_FAULTS:
            self.faults.append(found)


def _moment(stamp: str | None) -> datetime | None:
    return datetime.fromisoformat(stamp) if stamp else None
