"""Making an empty database like another, and dropping one."""

from __future__ import annotations

import time
from contextlib import suppress

import psycopg
from psycopg import sql

from audit.exceptions import DatabaseBusy, DatabaseExists, LocaleMissing, RightsMissing
from audit.postgres.databases.connected import PAUSE, in_words, sessions, signal
from audit.postgres.databases.facts import DatabaseFacts, read_facts
from audit.postgres.databases.names import check_name
from audit.postgres.identity import find_database
from audit.postgres.queries import load, read

PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}
SINCE = {"c": 130000, "i": 150000, "b": 170000}  # the first server version that knows the provider for a database

PATIENCE = 20.0  # seconds until whoever stays in a database that is dropped wins


def exists(conn: psycopg.Connection, name: str) -> bool:
    """Whether the server of ``conn`` has a database named exactly ``name``."""
    return find_database(conn, name) is not None


def create_like(conn: psycopg.Connection, name: str, facts: DatabaseFacts, *, owner: str | None = None) -> None:
    """An empty database ``name`` with the encoding, locale and (if the server has it) tablespace of ``facts``, owned by
    ``owner`` or the role of ``conn``. ``apply_facts`` does the rest when it is filled.

    Raises ``DatabaseExists``, ``LocaleMissing``, or ``NameInvalid``; leaves nothing behind when it fails.
    """
    check_name(name)
    if conn.info.server_version < SINCE[facts.locale_provider]:
        raise LocaleMissing(f"The server is too old for databases with {PROVIDERS[facts.locale_provider]} locales.")
    statement = load(
        "databases/create",
        database=sql.Identifier(name),
        encoding=sql.Literal(facts.encoding),
        collate=sql.Literal(facts.collate),
        ctype=sql.Literal(facts.ctype),
        more=sql.SQL(" ").join(_more(conn, facts, owner)),
    )
    try:
        conn.execute(statement)
    except psycopg.errors.DuplicateDatabase as error:
        raise DatabaseExists(f'There is already a database named "{name}".', database=name) from error
    except (
        psycopg.errors.WrongObjectType,
        psycopg.errors.FeatureNotSupported,
        psycopg.errors.InvalidParameterValue,
    ) as error:
        raise LocaleMissing(f"The server said: {error.diag.message_primary}.") from error


def _more(conn: psycopg.Connection, facts: DatabaseFacts, owner: str | None) -> list[sql.Composed]:
    parts = []
    if conn.info.server_version >= SINCE["i"]:
        parts.append(load("databases/create_locale_provider", value=sql.SQL(PROVIDERS[facts.locale_provider])))
    if facts.locale is not None and facts.locale_provider in ("i", "b"):
        kind = "icu_locale" if facts.locale_provider == "i" else "builtin_locale"
        parts.append(load(f"databases/create_{kind}", value=sql.Literal(facts.locale)))
    if facts.icu_rules:
        parts.append(load("databases/create_icu_rules", value=sql.Literal(facts.icu_rules)))
    there = conn.execute(read("databases/tablespace_exists"), (facts.tablespace,)).fetchone()
    if there and there[0]:
        parts.append(load("databases/create_tablespace", value=sql.Identifier(facts.tablespace)))
    if owner is not None:
        parts.append(load("databases/create_owner", value=sql.Identifier(owner)))
    return parts


def drop(conn: psycopg.Connection, name: str, *, even_template: bool = False, patience: float = PATIENCE) -> bool:
    """Drop the database ``name`` and end the sessions in it; False when there is none. ``conn`` is in another one.

    A template (which tovgov's protection makes of a live database) is refused with ``DatabaseBusy`` unless
    ``even_template``. Who cannot be ended is given ``patience`` seconds to go. Raises ``DatabaseBusy``, which names
    who stays, when a session, a prepared transaction, a slot or a subscription holds it.
    """
    if not exists(conn, name):
        return False
    is_template = read_facts(conn, name).is_template
    if is_template and not even_template:
        raise DatabaseBusy(f'"{name}" is marked as a template, which locks it against DROP.', database=name)
    _set_template(conn, name, is_template, False)
    try:
        _drop_patiently(conn, name, patience)
    except DatabaseBusy:
        _set_template(conn, name, False, is_template)
        raise
    return True


def _drop_patiently(conn: psycopg.Connection, name: str, patience: float) -> None:
    """Try again while somebody is in the database, or was at the last look: most go by themselves."""
    deadline = time.monotonic() + patience
    someone_was_there = True
    while True:
        try:
            return _drop(conn, name)
        except (psycopg.errors.ObjectInUse, psycopg.errors.LockNotAvailable) as error:
            left = sessions(conn, name)
            if time.monotonic() > deadline or not (left or someone_was_there):
                who = f" Still connected: {in_words(left)}." if left else ""
                raise DatabaseBusy(
                    f'"{name}" cannot be dropped: {_words(error)}{who}', database=name, sessions=[str(s) for s in left]
                ) from error
            someone_was_there = bool(left)
        time.sleep(PAUSE)


def _drop(conn: psycopg.Connection, name: str) -> None:
    """FORCE asks for a right over each process in the database before it ends one. An owner has none over autovacuum,
    which belongs to no role; a plain DROP sends that away itself, and waits up to five seconds for everybody else."""
    try:
        conn.execute(load("databases/drop_force", database=sql.Identifier(name)))
    except psycopg.errors.InsufficientPrivilege:
        if not _is_ours(conn, name):
            raise
        with suppress(RightsMissing):  # the plain one says who stays
            signal(conn, name)
        conn.execute(load("databases/drop", database=sql.Identifier(name)))


def _is_ours(conn: psycopg.Connection, name: str) -> bool:
    row = conn.execute(read("databases/is_ours"), (name,)).fetchone()
    return bool(row and row[0])


def _set_template(conn: psycopg.Connection, name: str, before: bool, after: bool) -> None:
    if before != after:
        conn.execute(load("databases/alter_is_template", database=sql.Identifier(name), flag=sql.Literal(after)))


def _words(error: psycopg.Error) -> str:
    return " ".join(part for part in (error.diag.message_primary, error.diag.message_detail) if part)
