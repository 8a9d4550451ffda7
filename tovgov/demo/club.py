"""TovPlay: the demo's target. A database with an owner role and an application role, filled with invented people."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from audit.postgres import queries
from audit.postgres.connect import ConnInfo
from tovgov.demo.data import ROWS, Invention, Table

DATABASE = "TovPlay"
OWNER = "tovplay_owner"
APPLICATION = "tovplay_app"
WATCHER = "tovgov_watch"
BACKUP = "tovgov_backup"
OPERATOR = "tovgov_operate"

SQL = Path(__file__).parent / "sql"


def load(name: str, **parts: sql.Composable) -> sql.Composed:
    """A statement of the demo with its names and literals filled in."""
    return queries.load(name, SQL, **parts)


def _passwords() -> dict[str, str]:
    return {role: secrets.token_urlsafe(18) for role in (OWNER, APPLICATION, WATCHER, BACKUP, OPERATOR)}


@dataclass(frozen=True)
class Club:
    """The database ``TovPlay`` on the server that ``admin`` (a superuser's way in) reaches."""

    admin: ConnInfo
    database: str = DATABASE
    passwords: dict[str, str] = field(default_factory=_passwords, repr=False)

    def conninfo(self, role: str, database: str | None = None) -> ConnInfo:
        """How ``role`` reaches the database, or another one of the server."""
        password = self.passwords[role]
        return ConnInfo(
            database=database or self.database,
            host=self.admin.host,
            port=self.admin.port,
            user=role,
            password=password,
        )

    def create(self, scale: int = 1) -> None:
        """Make the roles and the database and fill it."""
        with self._session(self.admin) as connection:
            self._make_roles(connection)
            make = sql.SQL("CREATE DATABASE {} OWNER {}")
            connection.execute(make.format(sql.Identifier(self.database), sql.Identifier(OWNER)))
            connection.execute(load("database", **self._names()))
        self.make_schema()
        self.fill(scale)

    def make_schema(self) -> None:
        """Make tables, types, view and functions in an empty database, as the owner."""
        with self.as_role(OWNER) as connection:
            connection.execute(queries.read("schema", SQL))
            connection.execute(load("rights", **self._names()))

    def fill(self, scale: int = 1) -> None:
        """Write all rows at ``scale`` in one transaction, as the owner."""
        with self.as_role(OWNER) as connection, connection.transaction():
            for table in Invention(scale).tables():
                copy_rows(connection, table)

    def counts(self) -> dict[str, int]:
        """Exact rows of every table, a partitioned one counted once, over all its partitions."""
        with self.as_role(OWNER) as connection:
            return {name: _count(connection, name) for name in ROWS}

    @contextmanager
    def as_role(self, role: str, program: str = "") -> Iterator[psycopg.Connection]:
        """A session of ``role`` in the database, each statement its own transaction; ``program`` is what it calls
        itself."""
        with self._session(self.conninfo(role), program) as connection:
            yield connection

    @contextmanager
    def elsewhere(self, role: str, program: str = "") -> Iterator[psycopg.Connection]:
        """A session of ``role`` in the server's maintenance database."""
        with self._session(self.conninfo(role, self.admin.database), program) as connection:
            yield connection

    def fingerprint(self) -> dict[str, tuple[int, str]]:
        """Rows and content hash of every table."""
        with self.as_role(OWNER) as connection:
            connection.execute("SET timezone = 'UTC'")
            return {name: _fingerprint(connection, name) for name in ROWS}

    def properties(self) -> dict[str, Any]:
        """Owner, comment, grants and settings of the database itself; empty when there is none."""
        with self._session(self.admin) as connection, connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(load("properties", database=sql.Literal(self.database)))
            return cursor.fetchone() or {}

    # --- inside ----------------------------------------------------------------------------------------------------

    @contextmanager
    def _session(self, info: ConnInfo, program: str = "") -> Iterator[psycopg.Connection]:
        named = info.keywords() | ({"application_name": program} if program else {})
        with psycopg.connect(**named, autocommit=True) as connection:  # type: ignore[arg-type]
            yield connection

    def _names(self) -> dict[str, sql.Identifier]:
        return {
            "database": sql.Identifier(self.database),
            "application": sql.Identifier(APPLICATION),
            "watcher": sql.Identifier(WATCHER),
            "backup": sql.Identifier(BACKUP),
            "operator": sql.Identifier(OPERATOR),
        }

    def _make_roles(self, connection: psycopg.Connection) -> None:
        # As verifiers: a password itself would stand in the server's log.
        encrypt = connection.pgconn.encrypt_password
        verifiers = {
            role: encrypt(password.encode(), role.encode(), b"scram-sha-256").decode()
            for role, password in self.passwords.items()
        }
        connection.execute(load("roles", **{role: sql.Literal(words) for role, words in verifiers.items()}))


def copy_rows(connection: psycopg.Connection, table: Table) -> int:
    """Write the rows of one table by COPY; how many."""
    columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    statement = sql.SQL("COPY public.{} ({}) FROM STDIN").format(sql.Identifier(table.name), columns)
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for row in table.rows:
                copy.write_row(row)
        return cursor.rowcount


def _fingerprint(connection: psycopg.Connection, table: str) -> tuple[int, str]:
    row = connection.execute(load("fingerprint", table=sql.Identifier(table))).fetchone()
    assert row is not None
    return int(row[0]), str(row[1])


def _count(connection: psycopg.Connection, table: str) -> int:
    row = connection.execute(load("count", table=sql.Identifier(table))).fetchone()
    assert row is not None
    return int(row[0])
