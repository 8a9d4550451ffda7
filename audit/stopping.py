"""Statements that end at once when their job must stop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from audit.progress import Progress


@contextmanager
def stoppable(connection: psycopg.Connection, progress: Progress) -> Iterator[None]:
    """A statement of ``connection`` that runs in this block is cancelled the moment ``progress`` is told to stop; the
    block then raises why."""

    def stop() -> None:
        with suppress(psycopg.Error):
            if not connection.closed:
                connection.cancel_safe(timeout=5)

    progress.on_cancel(stop)
    progress.check()  # told so before: then there was nothing to cancel yet
    try:
        yield
    except psycopg.errors.QueryCanceled:
        progress.check()
        raise
