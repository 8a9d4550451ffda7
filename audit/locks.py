"""Locks by name in tovgov's own database: held by a connection of their own, gone the moment its process is."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from django.db import Error, connections

LOOK_SECONDS = 0.5


@contextmanager
def held(name: str, *, wait_seconds: float = 0) -> Iterator[bool]:
    """Hold the lock ``name`` for the block; False when somebody else does, after waiting ``wait_seconds`` for it."""
    with one_of([name], wait_seconds=wait_seconds) as got:
        yield got is not None


@contextmanager
def one_of(names: Sequence[str], *, wait_seconds: float = 0) -> Iterator[str | None]:
    """Hold the first of the locks ``names`` that is free; None when none is."""
    connection = connections.create_connection("default")
    try:
        with connection.cursor() as cursor:
            deadline = time.monotonic() + wait_seconds
            while (got := _try_each(cursor, names)) is None and time.monotonic() < deadline:
                time.sleep(LOOK_SECONDS)
        yield got
    finally:
        with suppress(Error), connection.cursor() as cursor:  # a server that went away took the lock along
            cursor.execute("SELECT pg_advisory_unlock_all()")  # closing alone frees it only a moment later
        connection.close()


def _try_each(cursor: object, names: Sequence[str]) -> str | None:
    for name in names:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [f"tovgov {name}"])  # type: ignore[attr-defined]
        if cursor.fetchone()[0]:  # type: ignore[attr-defined]
            return name
    return None
