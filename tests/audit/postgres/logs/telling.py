"""Records made by hand, for tests of classes and masking."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from audit.postgres.logs.masking import Masking
from audit.postgres.logs.reading import DEFAULT, Reading, read
from audit.postgres.logs.record import LogRecord

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def record(message: str, level: str = "LOG", **fields: Any) -> LogRecord:
    """A record of this message."""
    return LogRecord(at=AT, level=level, message=message, **fields)


def told(message: str, level: str = "LOG", *, mask: Masking = DEFAULT, **fields: Any) -> tuple[LogRecord, Reading]:
    """The record after it was read, and what was read."""
    made = record(message, level, **fields)
    return made, read(made, mask=mask)


def kind(message: str, level: str = "LOG", **fields: Any) -> str:
    """The class of such a record."""
    return told(message, level, **fields)[1].kind


def statement_kind(statement: str) -> str:
    """The class of a logged statement."""
    return kind(f"statement: {statement}", sqlstate="00000")
