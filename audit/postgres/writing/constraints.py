"""When foreign keys are checked: at the end of each statement, or when all rows are in."""

from __future__ import annotations

import psycopg

from audit.postgres.queries import read


def defer(conn: psycopg.Connection) -> None:
    """Put off every check that can be put off, to ``check_deferred`` or the commit."""
    conn.execute(read("writing/defer"))


def check_deferred(conn: psycopg.Connection) -> None:
    """Check what was put off, now and from now on. Raises ``psycopg.IntegrityError``."""
    conn.execute(read("writing/check_deferred"))
