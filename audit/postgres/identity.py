"""Which database this is: its server, its incarnation and its exact name, and whether its sentinels stand."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

import psycopg
from psycopg import sql

from audit.exceptions import QueryFailed, RightsMissing
from audit.postgres.queries import load, read

CLOSE = 0.72  # difflib ratio from which a name looks like another


@dataclass(frozen=True, slots=True)
class Identity:
    """``system_identifier`` names the cluster, ``database_oid`` the incarnation: a database that was dropped and
    made again has another. ``server_version`` as 160014. ``came_from`` is no part of it: the address from which the
    server saw us come, “local” for its socket."""

    system_identifier: str
    database_oid: int
    database: str
    server_version: int
    came_from: str = field(default="", compare=False)


class Difference(StrEnum):
    """What differs between the identity that was pinned and the one that is seen."""

    NAME = "name"
    SERVER = "server"
    INCARNATION = "incarnation"


@dataclass(frozen=True, slots=True)
class SentinelFailure:
    """A sentinel table that is missing (``found`` is None) or holds only ``found`` rows."""

    schema: str
    table: str
    least_rows: int
    found: int | None

    def __str__(self) -> str:
        if self.found is None:
            return f"{self.schema}.{self.table} is missing"
        return f"{self.schema}.{self.table} has {self.found} rows of at least {self.least_rows}"


def read_identity(conn: psycopg.Connection) -> Identity:
    """The identity of the database that ``conn`` is in."""
    row = conn.execute(read("identity/read")).fetchone()
    if row is None:
        raise QueryFailed("The database was dropped or renamed while its identity was read.")
    return Identity(*row)


def compare(pinned: Identity, seen: Identity) -> Difference | None:
    """What differs, or None. The name is compared exactly; another server wins over another incarnation, because
    on another server the oid says nothing. The server version may differ: upgrades are no new identity."""
    if pinned.database != seen.database:
        return Difference.NAME
    if pinned.system_identifier != seen.system_identifier:
        return Difference.SERVER
    if pinned.database_oid != seen.database_oid:
        return Difference.INCARNATION
    return None


def find_database(conn: psycopg.Connection, name: str) -> int | None:
    """The oid of the database named exactly ``name`` on the server of ``conn``; None when there is none."""
    row = conn.execute(read("identity/find_database"), (name,)).fetchone()
    return None if row is None else int(row[0])


def similar_names(conn: psycopg.Connection, name: str) -> list[str]:
    """Names on the server that someone who wrote ``name`` may have meant, the closest first, at most three."""
    there = [str(row[0]) for row in conn.execute(read("identity/database_names"))]
    wanted = _plain(name)
    ratios = {other: difflib.SequenceMatcher(None, wanted, _plain(other)).ratio() for other in there if other != name}
    close = [other for other in ratios if ratios[other] >= CLOSE]
    return sorted(close, key=lambda other: (-ratios[other], other))[:3]


def other_names(conn: psycopg.Connection, most: int = 8) -> list[str]:
    """Names of databases that people can connect to, templates left out, at most ``most``."""
    return [str(row[0]) for row in conn.execute(read("identity/other_names"), (most,))]


def name_of(conn: psycopg.Connection, oid: int) -> str | None:
    """The name that the database with this oid has now; None when it was dropped."""
    row = conn.execute(read("identity/name_of"), (oid,)).fetchone()
    return None if row is None else str(row[0])


def _plain(name: str) -> str:
    """A name without the differences that people do not see: case, width, blanks, hyphens."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in folded if c.isalnum()) or folded


def check_sentinels(conn: psycopg.Connection, sentinels: Iterable[tuple[str, str, int]]) -> list[SentinelFailure]:
    """Those of ``sentinels`` (schema, table, least rows) that do not stand. Reads no more rows than it must.

    Raises ``RightsMissing`` when a table may not be read whole: that is not knowing, not a failure.
    """
    failures = []
    for schema, table, least_rows in sentinels:
        found = _count_up_to(conn, schema, table, least_rows)
        if found is None or found < least_rows:
            failures.append(SentinelFailure(schema, table, least_rows, found))
    return failures


def _count_up_to(conn: psycopg.Connection, schema: str, table: str, least: int) -> int | None:
    try:
        with conn.transaction():
            there = conn.execute(read("identity/table_exists"), (schema, table)).fetchone()
            if there is None or not there[0]:
                return None
            conn.execute(read("identity/rows_seen_whole"))
            name = sql.Identifier(schema, table)
            row = conn.execute(load("identity/count_up_to", table=name, least=sql.Literal(least))).fetchone()
            return None if row is None else int(row[0])
    except psycopg.errors.InsufficientPrivilege as error:
        words = f'The sentinel table "{schema}"."{table}" cannot be read: {error.diag.message_primary}.'
        raise RightsMissing(words) from error
