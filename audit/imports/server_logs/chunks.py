"""From a file's text to what is stored: records read, classified and masked, each as the line that COPY writes and that
is its leaf. Runs beside the thread that stores, or in a process of its own: it asks the database nothing and knows no
model."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from json.encoder import encode_basestring
from typing import Any

from audit.postgres.logs.classes import Severity
from audit.postgres.logs.logins import is_from_a_login
from audit.postgres.logs.own import OURS, OwnWork
from audit.postgres.logs.reading import Reader
from audit.postgres.logs.record import Fault, Found, LogRecord, Parser
from audit.seals import leaves

ROWS = 30_000
"""Records of a chunk, about: it is one transaction."""
BYTES = 16 * 1024 * 1024
"""Of lines; a chunk of long records is shorter."""
KEPT_FAULTS = 50
"""Faults of a file that are kept; the others are counted."""
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
GroupKey = tuple[str, str, int, str, str]
"""Day, class, fingerprint, role, and the run of tovgov's own that explains it, if one does."""


@dataclass(slots=True)
class Grown:
    """What a group grows by."""

    at: str
    last_at: str
    severity: int
    title: str
    place: int
    """Its number among the groups of its chunk."""
    count: int = 0
    pk: int = 0
    """Filled when it is stored."""


@dataclass(slots=True)
class Chunk:
    """What one transaction stores, and where reading goes on. Its rows lie in a few long pieces of memory, which are
    handed from one process to another at once."""

    lines: bytearray = field(default_factory=bytearray)
    """Each with its end."""
    hashes: bytearray = field(default_factory=bytearray)
    """Of the lines, side by side."""
    owners: array[int] = field(default_factory=lambda: array("I"))
    """The group of each line, by its place."""
    groups: dict[GroupKey, Grown] = field(default_factory=dict)
    sessions: list[LogRecord] = field(default_factory=list)
    """Records that tell of connections."""
    faults: list[Fault] = field(default_factory=list)
    """The first ones."""
    fault_count: int = 0
    records: int = 0
    ours: int = 0
    explained: int = 0
    offset: int = 0
    state: dict[str, Any] = field(default_factory=dict)
    format: str = ""
    is_last: bool = False
    """The file was read to its end, as it is now."""
    is_settled: bool = False
    """Nobody was writing to it then."""
    is_over: bool = False
    """Nothing more comes in it."""

    @property
    def is_full(self) -> bool:
        return self.records >= ROWS or len(self.lines) >= BYTES

    @property
    def rows(self) -> int:
        """How many lines there are."""
        return len(self.owners)

    @property
    def span(self) -> tuple[datetime | None, datetime | None]:
        """The times of the first and the last of its records, by the log's own clock."""
        groups = self.groups.values()
        first = min((group.at for group in groups), default=None)
        last = max((group.last_at for group in groups), default=None)
        return _moment(first), _moment(last)

    def blame(self, found: Fault) -> None:
        """Count a fault, and keep it when it is among the first."""
        self.fault_count += 1
        if len(self.faults) < KEPT_FAULTS:
            self.faults.append(found)


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


def chunks(
    text: Iterator[bytes | Fault], parser: Parser, ways: Ways, *, ends: Callable[[], bool | None]
) -> Iterator[Chunk]:
    """Read ``text`` to its end. ``ends`` says there whether more may come (None: at any moment; False: not within
    seconds) or whether the file is over (True)."""
    chunk, is_broken = Chunk(), False
    for piece in text:
        if isinstance(piece, Fault):
            chunk.blame(piece)
            is_broken = True
            continue
        _take(chunk, parser.feed(piece), ways)
        if chunk.is_full:
            yield _closed(chunk, parser)
            chunk = Chunk()
    is_over = True if is_broken else ends()
    if is_over is not None:
        _take(chunk, parser.finish() if is_over else parser.settle(), ways)
    chunk.is_last, chunk.is_settled, chunk.is_over = True, is_over is not None, bool(is_over)
    yield _closed(chunk, parser)


def _moment(stamp: str | None) -> datetime | None:
    return datetime.fromisoformat(stamp) if stamp else None


def _closed(chunk: Chunk, parser: Parser) -> Chunk:
    chunk.offset, chunk.state, chunk.format = parser.consumed, parser.state, parser.format
    return chunk


def _take(chunk: Chunk, found: list[Found | Fault], ways: Ways) -> None:
    """Add records to a chunk: what happens here happens a hundred thousand times in two seconds."""
    read, roles, former, groups = ways.reader.read, ways.roles, ways.former, chunk.groups
    lines: list[bytes] = []
    hashes: list[bytes] = []
    owners = chunk.owners
    target, file = str(ways.target_id), str(ways.file_id)
    own = ways.own if ways.own.runs else None
    start = end = LONG_AGO
    second = run = ""
    for item in found:
        if item.__class__ is Fault:
            chunk.blame(item)
            continue
        record, offset, _ = item  # type: ignore[misc]
        chunk.records += 1
        ours = record.role in roles
        if (ours or record.role in former) and (
            MADE_BY_US.fullmatch(record.database) or OWN_DATABASE_ACT.fullmatch(record.message)
        ):
            chunk.ours += 1
            continue
        if own is not None:
            if own.is_inside(record):
                chunk.ours += 1
                continue
            run = own.explains(record)  # before its texts are masked
        is_own_right = (ours or record.role in former) and OWN_RIGHT.fullmatch(record.message) is not None
        kind, severity, fingerprint, title, more = read(record)
        if record.application.startswith(OURS) and (is_own_right or (ours and severity < Severity.HIGH)):
            chunk.ours += 1
            continue
        at = record.at
        if not start <= at <= end:
            start, end = at.replace(microsecond=0), at.replace(microsecond=999_999)
            second = str(start)[:19]
        stamp = second + THOUSANDTHS[at.microsecond // 1000] + "+00"
        if at.microsecond % 1000:
            stamp = f"{second}.{at.microsecond:06}".rstrip("0") + "+00"
        line = _line(record, target, file, str(offset), stamp, kind, str(severity), more)
        lines += line, b"\n"
        hashes.append(sha256(b"\0" + line).digest())
        if kind in SESSION_CLASSES and is_from_a_login(record):
            chunk.sessions.append(record)
        if run:
            chunk.explained += 1
        key = (stamp[:10], kind, fingerprint, record.role, run)
        group = groups.get(key)
        if group is None:
            group = groups[key] = Grown(stamp, stamp, severity, title, len(groups))
        elif stamp > group.last_at:
            group.last_at = stamp
        elif stamp < group.at:
            group.at = stamp
        group.count += 1
        owners.append(group.place)
    chunk.lines += b"".join(lines)
    chunk.hashes += b"".join(hashes)


def _line(
    record: LogRecord, target: str, file: str, offset: str, stamp: str, kind: str, severity: str,
    more: dict[str, Any] | None,
) -> bytes:  # fmt: skip
    """The leaf: the columns of ``audit.seals.entries.SERVER_LOG`` as COPY writes them."""
    if (
        record.pid is None or record.line is None or record.pid > PID_MAX or len(record.role) > 63
        or len(record.database) > 63 or len(record.session) > 40 or len(record.address) > 255
        or len(record.command) > 60 or len(record.sqlstate) > 5
    ):  # fmt: skip
        _fit(record)
    fields = (
        target, file, offset, stamp, record.level, record.sqlstate, kind, severity,
        leaves.NULL if record.pid is None else str(record.pid), record.session,
        leaves.NULL if record.line is None else str(record.line), record.role, record.database, record.address,
        record.application, record.command, record.message, record.detail, record.query, _json(more) if more else "",
    )  # fmt: skip
    line = "\t".join(fields)
    try:
        return line.encode() if line.count("\t") == COLUMNS - 1 and not _is_special(line) else leaves.line(fields)
    except ValueError:  # half a character, or a NUL
        clean = (text.encode(errors="backslashreplace").decode().replace("\0", "\\x00") for text in fields)
        return leaves.line([old if old == leaves.NULL else new for old, new in zip(fields, clean, strict=True)])


def _json(more: dict[str, Any]) -> str:
    """As ``json.dumps``, at a third of its time: most values are numbers and plain texts."""
    parts = []
    for name, value in more.items():
        if value.__class__ is int:
            parts.append(f'"{name}": {value}')
        elif value.__class__ is str:
            parts.append(f'"{name}": {encode_basestring(value)}')
        else:
            parts.append(f'"{name}": {json.dumps(value, ensure_ascii=False)}')
    return "{" + ", ".join(parts) + "}"


def _is_special(line: str) -> bool:
    return (
        "\\" in line or "\n" in line or "\r" in line or "\0" in line or "\b" in line or "\f" in line or "\v" in line
    )  # fmt: skip


def _fit(record: LogRecord) -> None:
    """Cut what a strange file holds to what the columns hold; PostgreSQL itself writes nothing longer."""
    if record.pid is not None and record.pid > PID_MAX:
        record.pid = None
    record.role, record.database = record.role[:63], record.database[:63]
    record.session, record.address = record.session[:40], record.address[:255]
    record.command, record.sqlstate = record.command[:60], record.sqlstate[:5]
