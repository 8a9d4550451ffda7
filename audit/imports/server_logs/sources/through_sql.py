"""The server's own log folder, read through SQL as the role for “Watch”, where it is granted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase

import psycopg

from audit import targets
from audit.actors import Actor
from audit.exceptions import LogFileUnreadable, LogSourceGone, RightsMissing
from audit.imports.server_logs.sources.folder import PATTERNS
from audit.imports.server_logs.sources.place import Place
from audit.imports.server_logs.sources.unpacking import pieces
from audit.models import ImportSource, Purpose
from audit.postgres import queries
from audit.postgres.logs.record import Fault

HINT = (
    "GRANT pg_monitor TO the_role; and in the target's database GRANT EXECUTE ON FUNCTION pg_read_binary_file(text,"
    " bigint, bigint, boolean) TO the_role; a log_directory such as ../log needs pg_read_server_files too."
)


class _Remote:
    """A file on the server, as ``pieces`` reads one."""

    def __init__(self, connection: psycopg.Connection, name: str) -> None:
        self._connection, self._name, self._at = connection, name, 0

    def seek(self, to: int) -> None:
        self._at = to

    def read(self, count: int) -> bytes:
        bounds = {"name": self._name, "start": self._at, "length": count}
        try:
            row = self._connection.execute(queries.read("imports/server_log_read"), bounds).fetchone()
        except psycopg.errors.InsufficientPrivilege as error:
            raise RightsMissing("The role may not read the server's log files.", hint=HINT) from error
        except (psycopg.errors.UndefinedFile, psycopg.errors.InvalidParameterValue) as error:
            raise LogFileUnreadable(f"{self._name} cannot be read: {error.diag.message_primary}.") from error
        found = bytes(row[0]) if row and row[0] is not None else b""
        self._at += len(found)
        return found


@dataclass
class ThroughSql:
    """``settings``: patterns of names."""

    connection: psycopg.Connection
    patterns: tuple[str, ...] = PATTERNS
    is_complete: bool = False

    def places(self) -> list[Place]:
        try:
            rows = self.connection.execute(queries.read("imports/server_log_files")).fetchall()
        except psycopg.errors.InsufficientPrivilege as error:
            raise RightsMissing("The role may not list the server's log folder.", hint=HINT) from error
        except psycopg.errors.UndefinedFile as error:
            why = f"The server has no log folder: {error.diag.message_primary}."
            raise LogSourceGone(why, hint="Set logging_collector = on there, and restart the server.") from error
        found = [Place(f"log:{name}", name, size, modified) for name, size, modified in rows if self._is_wanted(name)]
        return sorted(found, key=lambda place: (place.modified, place.name))

    def _is_wanted(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self.patterns)

    @contextmanager
    def text(self, place: Place, start: int = 0) -> Iterator[Iterator[bytes | Fault]]:
        yield pieces(_Remote(self.connection, place.name), start, place)

    def done(self, place: Place) -> None:
        """The folder is the server's: nothing in it is ever changed."""


@contextmanager
def opened(source: ImportSource, *, actor: Actor) -> Iterator[ThroughSql]:
    """The log folder of the source's target. Raises ``RightsMissing`` and what ``targets.connected`` raises."""
    patterns = tuple(source.settings.get("patterns") or PATTERNS)
    with targets.connected(source.target, Purpose.WATCH, actor=actor, read_only=True) as connection:
        yield ThroughSql(connection, patterns)
