"""Connections to targets: how to reach a server, and what its refusals mean. Knows no model."""

from __future__ import annotations

import os
import platform
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg

from audit.exceptions import (
    ConnectionLost,
    DatabaseMissing,
    LockTimeout,
    PasswordRefused,
    QueryFailed,
    RightsMissing,
    RoleMissing,
    TargetUnreachable,
    TlsImpossible,
    TovgovError,
)

CONNECT_TIMEOUT = 10  # seconds
LOCK_TIMEOUT = 5_000  # milliseconds
PASSFILE = f"tovgov-pgpass-{platform.node()}-"  # the maker's process id comes next
KEPT_VARIABLES = ("PGSERVICEFILE", "PGSYSCONFDIR", "PGSSL", "PGKRB", "PGGSS")  # where certificates and services are


@dataclass(frozen=True, slots=True)
class ConnInfo:
    """Where a database is and who asks. ``service`` names a libpq service; what is set beside it wins over it."""

    database: str = ""
    host: str = ""
    port: int | None = None
    user: str = ""
    password: str = field(default="", repr=False)
    sslmode: str = ""
    service: str = ""

    def to(self, database: str) -> ConnInfo:
        """The same server and role, another database."""
        return replace(self, database=database)

    def keywords(self) -> dict[str, str]:
        """The libpq keywords that are set, for ``psycopg.connect``; holds the password."""
        pairs = {
            "service": self.service,
            "host": self.host,
            "port": str(self.port) if self.port else "",
            "dbname": self.database,
            "user": self.user,
            "password": self.password,
            "sslmode": self.sslmode,
        }
        return {key: value for key, value in pairs.items() if value}

    @contextmanager
    def client_environment(self, tool: str = "") -> Iterator[dict[str, str]]:
        """Environment for a client tool (pg_dump, pg_restore), which the server knows as ``tovgov pg_dump`` then. The
        password goes by a 0600 PGPASSFILE that is removed on leaving, so that neither a process list nor /proc shows
        it."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PG") or k.startswith(KEPT_VARIABLES)}
        names = {"service": "PGSERVICE", "host": "PGHOST", "port": "PGPORT", "dbname": "PGDATABASE", "user": "PGUSER",
                 "sslmode": "PGSSLMODE"}  # fmt: skip
        env = kept | {names[k]: v for k, v in self.keywords().items() if k != "password"}
        env |= {"PGCONNECT_TIMEOUT": str(CONNECT_TIMEOUT), "LC_ALL": "C.UTF-8", "PGAPPNAME": f"tovgov {tool}".strip()}
        if not self.password:
            yield env
            return
        _sweep()
        handle, name = tempfile.mkstemp(prefix=f"{PASSFILE}{os.getpid()}-")
        try:
            with os.fdopen(handle, "w") as file:
                file.write("*:*:*:*:" + self.password.replace("\\", "\\\\").replace(":", "\\:") + "\n")
            yield env | {"PGPASSFILE": name}
        finally:
            Path(name).unlink(missing_ok=True)


def _sweep() -> None:
    """Remove the password files of processes that were killed before they could."""
    for file in Path(tempfile.gettempdir()).glob(f"{PASSFILE}*"):
        maker = file.name.removeprefix(PASSFILE).split("-")[0]
        if maker.isdigit() and not _lives(int(maker)) and file.stat().st_uid == os.geteuid():
            file.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def connect(
    info: ConnInfo,
    *,
    autocommit: bool = True,
    read_only: bool = False,
    lock_timeout: int = LOCK_TIMEOUT,
    statement_timeout: int = 0,
    connect_timeout: int = CONNECT_TIMEOUT,
    application_name: str = "tovgov",
) -> Iterator[psycopg.Connection]:
    """A connection to ``info``, closed on leaving. Timeouts in milliseconds, 0 is none; ``connect_timeout`` in seconds.

    Raises what ``translate_connect`` names when it cannot be had,
    and turns a psycopg error that leaves the block into the error that ``translate`` names.
    """
    options = f"-c lock_timeout={lock_timeout} -c statement_timeout={statement_timeout} -c search_path="
    if read_only:
        options += " -c default_transaction_read_only=on"
    try:
        connection = psycopg.connect(
            **info.keywords(),  # type: ignore[arg-type]
            autocommit=autocommit,
            connect_timeout=connect_timeout,
            application_name=application_name,
            client_encoding="UTF8",  # psycopg gives bytes for the text of an SQL_ASCII database
            options=options,
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
        )
    except psycopg.OperationalError as error:
        raise translate_connect(error, info) from None
    try:
        with connection:
            yield connection
    except psycopg.Error as error:
        raise translate(error) from error
    finally:
        connection.close()


@contextmanager
def beside(conn: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """A second connection (autocommit) to where ``conn`` is, as the same role; closed on leaving."""
    with psycopg.connect(conn.info.dsn, password=conn.info.password or None, autocommit=True) as second:
        yield second


SERVER_SPOKE = re.compile(r"failed: \S+: {2}")
"""libpq's own sentences have no severity before them, the server's have, in any language."""

REFUSALS: list[tuple[re.Pattern[str], type[TovgovError], str]] = [
    (re.compile(r"FATAL: +database \".*\" does not exist", re.S), DatabaseMissing,
     'There is no database named "{database}" on {where}.'),
    (re.compile(r"FATAL: +role \".*\" (does not exist|is not permitted to log in)", re.S), RoleMissing,
     'The role "{user}" does not exist on {where} or may not log in.'),
    (re.compile(r"FATAL: +permission denied for database", re.S), RightsMissing,
     'The role "{user}" may not connect to "{database}" on {where}.'),
    (re.compile(r"FATAL: +(password|pg_hba\.conf|no pg_hba\.conf|\S+ authentication)|no password supplied"),
     PasswordRefused, '{where} refused "{user}": {words}'),
    (re.compile(r"does not support SSL|SSL (error|was required|connection)|certificate|sslmode"), TlsImpossible,
     "{where}: {words}"),
]  # fmt: skip


def translate_connect(error: psycopg.OperationalError, info: ConnInfo) -> TovgovError:
    """Name a failed connection attempt. libpq keeps no SQLSTATE here, so the words decide; in any other language
    than English it is ``TargetUnreachable`` with the server's own sentence, which never holds the password, and
    ``detail["server_spoke"]`` says that a server is there."""
    where = f"{info.host or info.service or 'the local server'}" + (f":{info.port}" if info.port else "")
    words = " ".join(str(error).split())[-300:]
    facts = {"where": where, "words": words, "user": info.user, "database": info.database}
    for pattern, kind, sentence in REFUSALS:
        if pattern.search(str(error)):
            return kind(sentence.format(**facts), database=info.database, role=info.user)
    spoke = bool(SERVER_SPOKE.search(str(error)))
    return TargetUnreachable(f"{where} does not answer: {words}", server_spoke=spoke)


def translate(error: psycopg.Error) -> TovgovError:
    """The error a person reads for a psycopg error of a running connection."""
    words = " ".join(str(error).split())[:500]
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return RightsMissing(words)
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return LockTimeout(words)
    if isinstance(error, psycopg.OperationalError) and (
        error.sqlstate is None or error.sqlstate.startswith(("08", "57P"))
    ):
        return ConnectionLost(words)
    return QueryFailed(words)
