"""What belongs to a database beside its content, and does not travel in a dump of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row

from audit.exceptions import DatabaseMissing
from audit.postgres.queries import read


@dataclass(frozen=True, slots=True)
class Grant:
    """A right on the database: CONNECT, CREATE or TEMPORARY. ``grantee`` None is PUBLIC."""

    grantee: str | None
    privilege: str
    is_grantable: bool = False

    def __str__(self) -> str:
        return f"{self.privilege} to {self.grantee or 'PUBLIC'}"


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of the database, or of a role in it; ``value`` as the catalogue keeps it."""

    role: str | None
    name: str
    value: str

    def __str__(self) -> str:
        return f"{self.name} = {self.value}" + (f" of {self.role}" if self.role else "")


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """``locale_provider`` is c (libc), i (ICU) or b (built in); ``locale`` is that of the last two. ``grants`` are
    the effective ones, the defaults spelled out; who granted them is not kept. ``size`` in bytes, None when the
    role may not know."""

    name: str
    owner: str
    encoding: str
    collate: str
    ctype: str
    locale_provider: str
    locale: str | None
    icu_rules: str | None
    tablespace: str
    connection_limit: int
    is_template: bool
    allow_connections: bool
    comment: str | None
    size: int | None
    grants: tuple[Grant, ...] = ()
    settings: tuple[Setting, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For a manifest; ``from_dict`` reads it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> DatabaseFacts:
        """The facts that ``as_dict`` wrote. KeyError or TypeError when ``data`` is no such thing."""
        lists = {
            "grants": tuple(Grant(**grant) for grant in data["grants"]),
            "settings": tuple(Setting(**setting) for setting in data["settings"]),
        }
        return cls(**{**data, **lists})


def read_facts(conn: psycopg.Connection, name: str) -> DatabaseFacts:
    """The facts of the database named exactly ``name`` on the server of ``conn``. Raises ``DatabaseMissing``."""
    with conn.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(read("databases/facts"), (name,)).fetchone()
    if found is None:
        raise DatabaseMissing(f'There is no database named "{name}".', database=name)
    return replace(DatabaseFacts(**found), grants=read_grants(conn, name), settings=read_settings(conn, name))


def read_grants(conn: psycopg.Connection, name: str) -> tuple[Grant, ...]:
    """The effective rights on the database, PUBLIC first."""
    with conn.cursor(row_factory=class_row(Grant)) as cursor:
        return tuple(cursor.execute(read("databases/grants"), (name,)))


def read_settings(conn: psycopg.Connection, name: str) -> tuple[Setting, ...]:
    """The settings of the database and of roles in it."""
    with conn.cursor(row_factory=class_row(Setting)) as cursor:
        return tuple(cursor.execute(read("databases/settings"), (name,)))
