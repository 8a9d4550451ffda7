"""tovgov's own acts as a server's log tells of them: who did them, between which moments, and what exactly.

Names prove nothing here: an application's name, a database's name and a statement are whatever a client makes them. A
record is explained only when all of this holds: its role is one that tovgov itself logs in as, it falls into the time
of a run that tovgov knows, and it says exactly what that run is known to have sent, from the session that sent it, or
is about a database that the run noted before it made it, under a name that nobody could know before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from audit.postgres.logs import pgaudit
from audit.postgres.logs.classes import Severity
from audit.postgres.logs.literals import without_literals
from audit.postgres.logs.record import LogRecord
from audit.postgres.logs.telling import statement_class

OURS = "tovgov"
"""How connections of tovgov begin to name themselves."""
MARK_LENGTH = 32
"""Hexadecimal digits of SHA-256: 128 bits."""
LOGGED = re.compile(r"(?:duration: [\d.]+ ms  )?(?:statement|execute [^:\n]{1,200}): ")
"""Before a statement that ``log_statement`` or ``log_min_duration_statement`` wrote."""

_NAME = r'"?(?P<{}>[A-Za-z0-9_]+)"?'
BESIDE = tuple(
    re.compile(pattern + r";?", re.IGNORECASE)
    for pattern in (
        rf"(?:CREATE|DROP) DATABASE {_NAME.format('one')}(?: TEMPLATE {_NAME.format('two')})?(?: WITH \(FORCE\))?",
        rf"CREATE DATABASE {_NAME.format('one')} TEMPLATE template0 ENCODING [^;]*? OWNER {_NAME.format('two')}",
        rf"ALTER DATABASE {_NAME.format('one')} (?:RENAME|OWNER) TO {_NAME.format('two')}",
        rf"ALTER DATABASE {_NAME.format('one')} (?:ALLOW_CONNECTIONS|IS_TEMPLATE) (?:true|false)",
        rf"COMMENT ON DATABASE {_NAME.format('one')} IS '[^';]*'",
        rf"CREATE ROLE {_NAME.format('one')} LOGIN CONNECTION LIMIT 0 (?:NO)?CREATEDB",
        rf"DROP ROLE IF EXISTS {_NAME.format('one')}",
    )
)
"""What an attack does from beside its clone: each name in it must be the clone's, or begin with it."""


def mark(statement: str) -> str:
    """What a statement is known again by."""
    return sha256(statement.strip().encode(errors="surrogatepass")).hexdigest()[:MARK_LENGTH]


def is_worth_noting(statement: str) -> bool:
    """Whether an import would keep a statement of ours, or what the server says when it refuses it."""
    found = statement_class(without_literals(statement), statement)
    return found is not None and found.severity >= Severity.MEDIUM


def process_of(session: str) -> int:
    """The number of the server's process, which is the second half of a session's name."""
    return int(session.rpartition(".")[2], 16)


@dataclass(frozen=True, slots=True)
class OwnRun:
    """One run of tovgov's at a server, or one session of another act."""

    job: str
    """What people call it: ``protectionrun-12``."""
    roles: frozenset[str]
    """That it may have logged in as."""
    first: datetime
    last: datetime
    database: str = ""
    """Where its statements were run."""
    marks: frozenset[str] = frozenset()
    """Of its statements."""
    sessions: frozenset[str] = frozenset()
    """That sent them, as the log names them; none where a run from before they were noted is told of."""
    made: frozenset[str] = frozenset()
    """Databases that it made, and removed, beside the target."""

    def explains(self, record: LogRecord, statement: str) -> bool:
        """Whether ``record``, of one of its roles, is of its own doing."""
        if not self.first <= record.at <= self.last or not record.application.startswith(OURS):
            return False
        if self.marks and record.database == self.database and mark(statement) in self.marks and self._sent(record):
            return True
        return bool(self.made) and self._is_about_a_clone(statement)

    def is_inside(self, record: LogRecord) -> bool:
        """Whether ``record`` is from within a database that it made."""
        return self.first <= record.at <= self.last and self._bears(record.database)

    def _sent(self, record: LogRecord) -> bool:
        """Whether the record is from one of its sessions. A log without their names still has the process's number."""
        if not self.sessions or record.session:
            return not self.sessions or record.session in self.sessions
        return record.pid is not None and any(record.pid == process_of(session) for session in self.sessions)

    def _is_about_a_clone(self, statement: str) -> bool:
        match = next(filter(None, (pattern.fullmatch(statement) for pattern in BESIDE)), None)
        names = [name for name in match.groups() if name] if match else []
        return bool(names) and all(self._bears(name) for name in names)

    def _bears(self, name: str) -> bool:
        return any(name == made or name.startswith(f"{made}_") for made in self.made)


class OwnWork:
    """All runs that a log may tell of, by role: most records are of none."""

    __slots__ = ("_by_role", "runs")

    def __init__(self, runs: Iterable[OwnRun] = ()) -> None:
        self.runs = tuple(runs)
        self._by_role: dict[str, list[OwnRun]] = {}
        for run in self.runs:
            for role in run.roles:
                self._by_role.setdefault(role, []).append(run)

    def explains(self, record: LogRecord) -> str:
        """The run that ``record`` is of, before its texts are masked; nothing when it is of none."""
        runs = self._by_role.get(record.role)
        if not runs:
            return ""
        statement = statement_of(record)
        return next((run.job for run in runs if statement and run.explains(record, statement)), "")

    def is_inside(self, record: LogRecord) -> bool:
        """Whether ``record`` is from within a database that tovgov made for an attack, by its own role."""
        return any(run.is_inside(record) for run in self._by_role.get(record.role, ()))


def statement_of(record: LogRecord) -> str:
    """The statement that a record is or is about; empty when it is about none."""
    if record.query:
        return record.query.strip()
    if record.message.startswith(pgaudit.PREFIX):
        return (pgaudit.fields(record.message) or {}).get("statement", "").strip()
    head = LOGGED.match(record.message)
    return record.message[head.end() :].strip() if head else ""
