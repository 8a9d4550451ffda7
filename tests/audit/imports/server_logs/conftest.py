"""A target with a folder of server logs, and imports of it without a queue."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from audit import tasks
from audit.actors import Actor
from audit.imports import asking
from audit.imports.server_logs import setup
from audit.models import AuditImport, ImportSource, LogFile, ServerLogEntry, Target
from tests import factories

SYSTEM = Actor.system("tests")
START = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def unqueued(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is queued."""
    monkeypatch.setattr("audit.jobs.enqueue", lambda *a, **k: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "log"
    made.mkdir()
    return made


@pytest.fixture
def target(db: None) -> Target:
    return factories.TargetFactory(name="TovPlay staging")


@pytest.fixture
def source(target: Target, folder: Path) -> ImportSource:
    return setup.add(target, "folder", settings={"folder": str(folder)}, actor=SYSTEM)


def row(number: int, message: str = "", **more: Any) -> list[Any]:
    """One record of csvlog, as PostgreSQL 16 writes it."""
    at = more.get("at", START + timedelta(milliseconds=number))
    stamp = f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03} UTC"
    return [
        stamp, more.get("role", "clerk"), more.get("database", "tovplay"), more.get("pid", 4711), "10.0.0.5:51432",
        more.get("session", "6914a3b0.1267"), number + 1, more.get("command", "SELECT"), "2026-11-20 09:00:00 UTC",
        "3/12", 0, more.get("level", "LOG"), more.get("sqlstate", "00000"), message or f"statement: SELECT {number}",
        "", "", "", "", "", more.get("query", ""), "", "", more.get("application", "psql"), "client backend", "", 0,
    ]  # fmt: skip


def text(*rows: list[Any]) -> str:
    """Records as csvlog."""
    out = io.StringIO()
    for fields in rows:
        out.write(",".join('"' + str(f).replace('"', '""') + '"' if i in QUOTED and f != "" else str(f)
                           for i, f in enumerate(fields)) + "\n")  # fmt: skip
    return out.getvalue()


QUOTED = {1, 2, 4, 7, 13, 14, 15, 16, 18, 19, 21, 22, 23}


def records(first: int, count: int, **more: Any) -> str:
    """Plain records with these numbers."""
    return text(*(row(number, **more) for number in range(first, first + count)))


def write(path: Path, content: str | bytes, *, append: bool = False, age: float = 600) -> Path:
    """Write a file that was last written ``age`` seconds ago."""
    with path.open("ab" if append else "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    then = time.time() - age
    os.utime(path, (then, then))
    return path


def run_import(source: ImportSource) -> AuditImport:
    """An import as the minute queues it, run here."""
    run = asking.request(source, actor=SYSTEM)
    tasks.run_import(run.pk)
    run.refresh_from_db()
    return run


def imported(source: ImportSource) -> AuditImport:
    run = run_import(source)
    assert run.state == "succeeded", (run.error_code, run.error, run.log)
    return run


def lines(source: ImportSource) -> list[int]:
    """The numbers of the records that are stored, in the order of their storing."""
    stored = ServerLogEntry.objects.filter(source=source).order_by("id")
    return [number - 1 for number in stored.values_list("line", flat=True)]


def file_of(source: ImportSource, name: str) -> LogFile:
    return LogFile.objects.get(source=source, name=name)
