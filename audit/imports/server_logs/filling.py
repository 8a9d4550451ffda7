"""Records classified and masked, each as the line that COPY writes and that is its leaf."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

from audit.imports.server_logs.chunk import Chunk, Grown
from audit.postgres.logs.classes import Severity
from audit.postgres.logs.logins import is_from_a_login
from audit.postgres.logs.masking import visible
from audit.postgres.logs.more import more_text
from audit.postgres.logs.own import OURS, OwnWork
from audit.postgres.logs.reading import Reader, Verdict
from audit.postgres.logs.record import Fault, Found, LogRecord, Names
from audit.seals import leaves

MADE_BY_US = re.compile(r".*_(?:side|proof)_\d{8}_\d{6}_[0-9a-f]{8}\w*", re.S)
"""Databases that tovgov makes beside a target, for a restore or a proof: nobody's data are in them."""
OWN_DATABASE_ACT = re.compile(
    r"statement: (?:(?:CREATE|DROP) DATABASE|ALTER DATABASE(?=[^;]* SET )|ALTER ROLE \"[^\"]*\" IN DATABASE"
    r"|(?:GRANT|REVOKE) [^;]*? ON DATABASE) \"" + MADE_BY_US.pattern.replace(".*", '[^";]*', 1) + r"\"[^;]*",
    re.I,
)
"""What is done to such a database from beside it."""
OWN_RIGHT = re.compile(r'statement: GRANT [A-Z, ]+ ON (?:TABLE )?"?pg_temp"?\."?tovgov_\w+"? TO [^;]+', re.I)
"""A right on a table of its own session, gone with it: rows are put back through one."""
PID_MAX = 2**31 - 1
COLUMNS = 20
"""Of ``audit.seals.entries.SERVER_LOG``."""
SPECIAL = b"\t\\\n\r\0\b\f\v"
"""What COPY writes otherwise; of a line without any of them only the tabs between its columns are left."""
SESSION_CLASSES = frozenset(
    {
        "connection-received", "connection-authenticated", "connection-authorized", "disconnection", "unknown-role",
        "failed-password", "no-hba-entry", "login-refused", "unknown-database", "too-many-connections", "not-ready",
    }
)  # fmt: skip
"""Records that tell of connections."""
LONG_AGO = datetime.min.replace(tzinfo=UTC)
THOUSANDTHS = [f".{number:03}".rstrip("0").rstrip(".") for number in range(1000)]
"""As PostgreSQL prints parts of a second."""
REMEMBERED = 10_000
"""Names of so many clients are remembered; then memory starts anew."""
LONGEST = 1_000
"""Characters of names that are remembered; a made-up log may hold any."""


@dataclass(frozen=True)
class Ways:
    """What must be known to read a file of a source."""

    target_id: int
    file_id: int
    roles: frozenset[str]
    """Of tovgov's own credentials at the target."""
    reader: Reader
    former: frozenset[str] = frozenset()
    """Roles that tovgov used before: only their work in databases that tovgov made is left out."""
    own: OwnWork = field(default_factory=OwnWork)
    """What tovgov did there, as far as the log may tell of it."""


class Who(NamedTuple):
    """What is known of records by the names in them."""

    names: Names
    """Visible, and cut to what the columns hold; PostgreSQL itself writes nothing longer."""
    text: str
    """As they stand in a line, where nothing in them is written otherwise."""
    is_ours: bool
    """The role is one of tovgov's own credentials."""
    was_ours: bool
    """It is, or was."""
    is_watched: bool
    """A run of tovgov's own may have done it."""
    is_tovgov: bool
    """The application calls itself tovgov."""


class Filling:
    """Fills chunks with the records of one file. Keep it: it remembers names."""

    def __init__(self, ways: Ways) -> None:
        self._ways = ways
        self._head = f"{ways.target_id}\t{ways.file_id}"
        self._known: dict[tuple[str, ...], Who] = {}
        self._was_ours = ways.roles | ways.former
        self._watched = self._was_ours.union(*(run.roles for run in ways.own.runs))
        self._start = self._end = LONG_AGO
        self._second = ""

    def take(self, chunk: Chunk, found: list[Found | Fault]) -> None:
        """Add records to a chunk: what happens here happens a hundred thousand times in a second or two."""
        judge, known, own, groups = self._ways.reader.judge, self._known, self._ways.own, chunk.groups
        lines: list[bytes] = []
        hashes: list[bytes] = []
        belongs_to = chunk.owners.append
        for item in found:
            if item.__class__ is Fault:
                chunk.blame(item)
                continue
            record, offset, _ = item  # type: ignore[misc]
            chunk.records += 1
            names = (record.role, record.database, record.address, record.application, record.command)
            who = known.get(names) or self._learn(record, names)
            run, is_own_right = "", False
            if who.is_watched:  # before its texts are masked
                if (who.was_ours and _is_in_ours(record)) or own.is_inside(record):
                    chunk.ours += 1
                    continue
                run = own.explains(record)
                is_own_right = who.was_ours and OWN_RIGHT.fullmatch(record.message) is not None
            verdict, fields = judge(record)
            if who.is_tovgov and (is_own_right or (who.is_ours and verdict.severity < Severity.HIGH)):
                chunk.ours += 1
                continue
            stamp = self._stamp(record.at)
            line = self._line(record, offset, stamp, verdict, who, more_text(record, verdict.attempted, fields))
            lines += line, b"\n"
            hashes.append(sha256(b"\0" + line).digest())
            kind = verdict.kind
            if kind in SESSION_CLASSES and is_from_a_login(record):
                _fit(record, who)
                chunk.sessions.append(record)
            if run:
                chunk.explained += 1
            group_key = (stamp[:10], kind, verdict.fingerprint, who.names.role, run)
            group = groups.get(group_key)
            if group is None:
                title = verdict.title(record.message)
                group = groups[group_key] = Grown(stamp, stamp, verdict.severity, title, len(groups))
            elif stamp > group.last_at:
                group.last_at = stamp
            elif stamp < group.at:
                group.at = stamp
            group.count += 1
            belongs_to(group.place)
        chunk.lines += b"".join(lines)
        chunk.hashes += b"".join(hashes)

    def _learn(self, record: LogRecord, names: tuple[str, ...]) -> Who:
        """What is known of records with the names of this one."""
        role, database, address, application, command = self._ways.reader.names_of(record)
        cut = Names(role[:63], database[:63], address[:255], application, command[:60])
        is_ours, was_ours = record.role in self._ways.roles, record.role in self._was_ours
        is_watched, is_tovgov = record.role in self._watched, application.startswith(OURS)
        who = Who(cut, "\t".join(cut), is_ours, was_ours, is_watched, is_tovgov)
        if sum(map(len, names)) <= LONGEST:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[names] = who
        return who

    def _stamp(self, at: datetime) -> str:
        """As PostgreSQL prints it, in UTC."""
        if not self._start <= at <= self._end:
            self._start, self._end = at.replace(microsecond=0), at.replace(microsecond=999_999)
            self._second = str(self._start)[:19]
        thousandth, rest = divmod(at.microsecond, 1000)
        if rest:
            return f"{self._second}.{at.microsecond:06}".rstrip("0") + "+00"
        return self._second + THOUSANDTHS[thousandth] + "+00"

    def _line(self, record: LogRecord, offset: int, stamp: str, verdict: Verdict, who: Who, more: str) -> bytes:
        """The leaf: the columns of ``audit.seals.entries.SERVER_LOG`` as COPY writes them."""
        pid, line, session, sqlstate = record.pid, record.line, record.session, record.sqlstate
        if (
            pid is not None and line is not None and pid <= PID_MAX and len(session) <= 40 and session.isprintable()
            and len(sqlstate) <= 5
        ):  # fmt: skip
            text = (
                f"{self._head}\t{offset}\t{stamp}\t{record.level}\t{sqlstate}\t{verdict.kind}\t{verdict.severity}"
                f"\t{pid}\t{session}\t{line}\t{who.text}\t{record.message}\t{record.detail}\t{record.query}\t{more}"
            )
            try:
                made = text.encode()
            except UnicodeEncodeError:
                made = b""
            if len(made) - len(made.translate(None, SPECIAL)) == COLUMNS - 1:
                return made
        _fit(record, who)
        return _special_line([
            *self._head.split("\t"), str(offset), stamp, record.level, record.sqlstate, verdict.kind,
            str(verdict.severity), leaves.text(record.pid), record.session, leaves.text(record.line), *who.names,
            record.message, record.detail, record.query, more,
        ])  # fmt: skip


def _is_in_ours(record: LogRecord) -> bool:
    """Whether it is in, or about, a database that tovgov made beside a target."""
    return bool(MADE_BY_US.fullmatch(record.database) or OWN_DATABASE_ACT.fullmatch(record.message))


def _fit(record: LogRecord, who: Who) -> None:
    """Write the names as they are stored, and cut what a strange file holds to what the columns hold."""
    record.role, record.database, record.address, record.application, record.command = who.names
    record.session, record.sqlstate = visible(record.session)[:40], record.sqlstate[:5]
    if record.pid is not None and record.pid > PID_MAX:
        record.pid = None


def _special_line(fields: list[str]) -> bytes:
    """The line of a record in which something is written otherwise than it is."""
    try:
        return leaves.line(fields)
    except ValueError:  # half a character, or a NUL
        clean = (text.encode(errors="backslashreplace").decode().replace("\0", "\\x00") for text in fields)
        return leaves.line([old if old == leaves.NULL else new for old, new in zip(fields, clean, strict=True)])
