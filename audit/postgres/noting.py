"""A session of ours as the server's log will name it, and statements told to somebody before they are sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from audit.postgres.queries import read


@dataclass(frozen=True, slots=True)
class OwnSession:
    """What every record of this session has, whatever it does; ``at`` by the server's own clock."""

    role: str
    database: str
    id: str
    at: datetime


def session_of(connection: psycopg.Connection) -> OwnSession:
    """The server's session behind ``connection``: behind a pooler too it is the server's own number."""
    with connection.cursor(row_factory=class_row(OwnSession)) as cursor:
        found = cursor.execute(read("identity/own_session")).fetchone()
    assert found is not None
    return found


@contextmanager
def told_before(connection: psycopg.Connection, tell: Callable[[str], None]) -> Iterator[None]:
    """``tell`` each statement of this connection before it is sent, as the server will log it. One with parameters is
    not told: what changes rights, settings or objects can have none."""
    former: type[psycopg.Cursor[Any]] = connection.cursor_factory

    class Telling(former):  # type: ignore[misc,valid-type]
        def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
            if params is None:
                tell(text_of(query, self.connection))
            return super().execute(query, params, **options)

    connection.cursor_factory = Telling
    try:
        yield
    finally:
        connection.cursor_factory = former


def text_of(query: str | bytes | sql.Composable, connection: psycopg.Connection) -> str:
    """A query as it goes to the server."""
    if isinstance(query, sql.Composable):
        return query.as_string(connection)
    return query.decode() if isinstance(query, bytes) else query
