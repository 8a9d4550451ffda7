"""One question each to a connected role, for ``preflight``. What they raise is taken as UNKNOWN there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import class_row

from audit.exceptions import QueryFailed
from audit.postgres.connect import ConnInfo
from audit.postgres.disk import read_disk
from audit.postgres.identity import similar_names
from audit.postgres.queries import read
from audit.postgres.snapshots import list_tables

OLDEST, NEWEST = 13, 18  # major versions that tovgov was built for
CLOCK_SECONDS = 2.0  # how far clocks may stand apart
SIDE_FACTOR = 1.1  # a side database needs about as much as the live one


class Status(StrEnum):
    PASS = "PASS"  # noqa: S105 (not a password)
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"


class Answer(NamedTuple):
    status: Status
    detail: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Role:
    """Who asks, and what the server lets him."""

    name: str
    is_superuser: bool
    can_create: bool
    reads_all: bool
    can_signal: bool
    is_owner: bool
    owner: str


def read_role(conn: psycopg.Connection) -> Role:
    """The role of ``conn`` and its standing in the database it is in."""
    with conn.cursor(row_factory=class_row(Role)) as cursor:
        role = cursor.execute(read("preflight/role")).fetchone()
    if role is None:
        raise QueryFailed("The server does not say who we are.")
    return role


# --- the connection --------------------------------------------------------------------------------------------------


def encryption(conn: psycopg.Connection, info: ConnInfo) -> Answer:
    """Whether what is sent can be read on the way, and whether the server proves who it is."""
    encrypted, version, cipher, is_socket, is_loopback = _one(conn, "encryption")
    if encrypted:
        checked = info.sslmode == "verify-full"
        hint = "" if checked else "With sslmode verify-full the server would also have to prove its name."
        return Answer(Status.PASS, f"{version}, {cipher}.", hint)
    if is_socket or is_loopback:
        where = "a Unix socket" if is_socket else "this machine only"
        return Answer(Status.PASS, f"Not encrypted, over {where}: nothing travels through a network.")
    return Answer(
        Status.FAIL,
        f"Not encrypted (sslmode {info.sslmode or 'prefer'}): password and data can be read on the way.",
        "Switch ssl on at the server, then set sslmode to verify-full, or to require at least.",
    )


def database(conn: psycopg.Connection, info: ConnInfo) -> Answer:
    """Whether it is the database that was named, to the letter."""
    found = conn.info.dbname
    if not info.database or found == info.database:
        return Answer(Status.PASS, f'It is "{found}".')
    close = similar_names(conn, info.database)
    hint = f"There is {', '.join(close)}." if close else "Check the service file and the connection pool."
    return Answer(Status.FAIL, f'It is "{found}", not "{info.database}".', hint)


def server_version(conn: psycopg.Connection, info: ConnInfo) -> Answer:
    """Whether tovgov was built for this version."""
    return version_answer(conn.info.server_version)


def version_answer(version: int) -> Answer:
    """The same of a version as 160014."""
    words = f"PostgreSQL {version // 10_000}.{version % 10_000}"
    if version // 10_000 < OLDEST:
        return Answer(Status.FAIL, f"{words} is too old.", f"Upgrade the server to {OLDEST} or later.")
    if version // 10_000 > NEWEST:
        return Answer(Status.UNKNOWN, f"{words} is newer than what tovgov was tried with ({OLDEST} to {NEWEST}).")
    return Answer(Status.PASS, f"{words}.")


def clock(conn: psycopg.Connection, info: ConnInfo) -> Answer:
    """Whether server and this machine tell the same time, within the time the answer took."""
    best = min((_clock_once(conn) for _ in range(3)), key=lambda pair: pair[1])
    apart, doubt = abs(best[0]), best[1]
    words = f"{apart:.1f} s apart (± {doubt:.1f} s)."
    if apart - doubt > CLOCK_SECONDS:
        return Answer(Status.FAIL, words, "Let both machines follow the same time servers; due times depend on it.")
    if doubt > CLOCK_SECONDS:
        return Answer(Status.UNKNOWN, f"The answer took too long to tell: {words}")
    return Answer(Status.PASS, words)


def _clock_once(conn: psycopg.Connection) -> tuple[float, float]:
    """How far the server's clock is ahead, and how sure that is, in seconds."""
    before = time.time()
    (there,) = _one(conn, "clock")
    after = time.time()
    return there - (before + after) / 2, (after - before) / 2


# --- reading ---------------------------------------------------------------------------------------------------------


def tables(conn: psycopg.Connection, info: ConnInfo) -> Answer:
    """Whether every table can be read, and whether new ones could."""
    found = list_tables(conn)
    missing = [str(table) for table in found if not table.is_readable]
    role = read_role(conn)
    if missing:
        words = f"{role.name} may not read {len(missing)} of {len(found)} tables: {_some(missing)}."
        return Answer(Status.FAIL, words, _grant_reading(conn, role))
    reads_new = role.is_superuser or role.reads_all
    hint = "" if reads_new else f"New tables may lack the right. {_grant_reading(conn, role)}"
    return Answer(Status.PASS, f"{role.name} may read all {len(found)} tables.", hint)


def sequences(conn: psycopg.Connection, info: ConnInfo) -> Answer:
    """Whether every sequence can be read: pg_dump needs it."""
    missing = _names(conn, "unreadable_sequences")
    role = read_role(conn)
    if missing:
        words = f"{role.name} may not read {len(missing)} sequences: {_some(missing)}."
        return Answer(Status.FAIL, words, _grant_reading(conn, role))
    return Answer(Status.PASS, f"{role.name} may read all sequences.")


def row_security(conn: psycopg.Connection, info: ConnInfo) -> Answer:
    """Whether a policy hides rows from this role: then neither a dump nor a count is whole, and both refuse."""
    hidden = _names(conn, "row_security")
    if not hidden:
        return Answer(Status.PASS, "No policy hides rows from this role.")
    name = read_role(conn).name
    words = f"Policies hide rows of {len(hidden)} tables from {name}: {_some(hidden)}."
    return Answer(Status.FAIL, words, f"ALTER ROLE {_quoted(name)} BYPASSRLS;")


def large_objects(conn: psycopg.Connection, info: ConnInfo) -> Answer:
    """Whether every large object can be read; pg_read_all_data does not cover them."""
    total, hidden = _one(conn, "large_objects")
    if hidden:
        return Answer(
            Status.FAIL,
            f"{read_role(conn).name} may not read {hidden} of {total} large objects; pg_read_all_data does not help.",
            "GRANT SELECT ON LARGE OBJECT … to the role, make it a member of their owner, or back up as a superuser.",
        )
    return Answer(Status.PASS, f"All {total} large objects may be read." if total else "There are no large objects.")


def standby(conn: psycopg.Connection, info: ConnInfo) -> Answer:
    """Whether a dump of a read-only standby would be whole: it cannot read unlogged tables."""
    is_standby, unlogged = _one(conn, "standby")
    if not is_standby:
        return Answer(Status.PASS, "It is the primary server.")
    if unlogged:
        words = f"It is a standby, where {unlogged} unlogged tables cannot be read."
        return Answer(Status.FAIL, words, "Back up the primary server.")
    return Answer(Status.PASS, "It is a standby without unlogged tables.", "Long dumps may be ended by replication.")


# --- operating -------------------------------------------------------------------------------------------------------


def writable(conn: psycopg.Connection, info: ConnInfo) -> Answer:
    """Whether the server takes changes at all."""
    is_standby, _ = _one(conn, "standby")
    if is_standby:
        return Answer(Status.FAIL, "It is a read-only standby.", "Register the primary server.")
    return Answer(Status.PASS, "It is the primary server.")


def create_databases(conn: psycopg.Connection, info: ConnInfo) -> Answer:
    """Whether the role may make side and scratch databases."""
    role = read_role(conn)
    if role.is_superuser or role.can_create:
        return Answer(Status.PASS, f"{role.name} may create databases.")
    return Answer(Status.FAIL, f"{role.name} may not create databases.", f"ALTER ROLE {_quoted(role.name)} CREATEDB;")


def rename_database(conn: psycopg.Connection, info: ConnInfo) -> Answer:
    """Whether the role may swap this database: its owner with CREATEDB may, and a superuser."""
    role = read_role(conn)
    if role.is_superuser or (role.is_owner and role.can_create):
        return Answer(Status.PASS, f"{role.name} may rename the database of {role.owner}.")
    lacks = "CREATEDB" if role.is_owner else f"to be a member of its owner {role.owner}"
    words = f"{role.name} may not rename the database: it needs {lacks}."
    name, owner = _quoted(role.name), _quoted(role.owner)
    return Answer(Status.FAIL, words, f"GRANT {owner} TO {name}; ALTER ROLE {name} CREATEDB;")


def end_sessions(conn: psycopg.Connection, info: ConnInfo) -> Answer:
    """Whether the role may end the sessions that stand in the way of a swap, as they are now."""
    role = read_role(conn)
    if role.is_superuser:
        return Answer(Status.PASS, f"{role.name} may end every session.")
    rows = conn.execute(read("preflight/strangers")).fetchall()
    out_of_reach = [name for name, is_superuser in rows if is_superuser or not role.can_signal]
    if out_of_reach:
        words = f"{role.name} may not end the sessions of {_some(out_of_reach)}, who are connected now."
        return Answer(
            Status.FAIL, words, f"GRANT pg_signal_backend TO {_quoted(role.name)}; superusers must leave themselves."
        )
    if role.can_signal:
        return Answer(Status.PASS, f"{role.name} may end every session but those of superusers.")
    return Answer(Status.UNKNOWN, f"{role.name} may end its own sessions; nobody else is connected now.",
                  f"GRANT pg_signal_backend TO {_quoted(role.name)};")  # fmt: skip


def extensions(conn: psycopg.Connection, info: ConnInfo) -> Answer:
    """Whether a restore could make the extensions anew."""
    untrusted = [name for (name,) in conn.execute(read("preflight/extensions"))]
    role = read_role(conn)
    if role.is_superuser:
        return Answer(Status.PASS, f"{role.name} is a superuser and may make every extension.")
    if untrusted:
        words = f"Only a superuser can make {_some(untrusted)}; {role.name} is none."
        return Answer(Status.FAIL, words, "Operate as a superuser, or let one install them in template databases.")
    return Answer(Status.PASS, f"{role.name} is no superuser, and no extension here needs one.")


def free_disk(conn: psycopg.Connection, info: ConnInfo) -> Answer:
    """Whether a side database would fit beside this one."""
    disk = read_disk(conn)
    if disk is None:
        return Answer(Status.UNKNOWN, "The server's disk cannot be seen from here.", "Look on the server.")
    words = f"{_size(disk.free)} are free, the database has {_size(disk.database)}."
    if disk.free < disk.database * SIDE_FACTOR:
        return Answer(Status.FAIL, words, "A restore needs as much again beside the live database. Free some space.")
    return Answer(Status.PASS, words)


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


# --- helpers ---------------------------------------------------------------------------------------------------------


def _one(conn: psycopg.Connection, name: str) -> tuple[Any, ...]:
    row = conn.execute(read(f"preflight/{name}")).fetchone()
    if row is None:
        raise QueryFailed("The server gave no answer.")
    return row


def _names(conn: psycopg.Connection, name: str) -> list[str]:
    return [f"{_quoted(schema)}.{_quoted(table)}" for schema, table in conn.execute(read(f"preflight/{name}"))]


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _grant_reading(conn: psycopg.Connection, role: Role) -> str:
    if conn.info.server_version >= 140_000:
        return f"GRANT pg_read_all_data TO {_quoted(role.name)};"
    return f"GRANT SELECT ON ALL TABLES IN SCHEMA … TO {_quoted(role.name)}; and ALTER DEFAULT PRIVILEGES for new ones."


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
