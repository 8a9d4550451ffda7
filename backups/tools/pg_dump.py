"""pg_dump and pg_dumpall: how they are called, and what their last words mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg

from audit.exceptions import ConnectionLost, LockTimeout, RightsMissing, TovgovError
from audit.postgres.connect import ConnInfo, translate_connect
from backups.exceptions import DiskFull, SnapshotGone, ToolTooOld
from backups.tools.finding import Tool
from backups.tools.pipeline import ChildReader
from backups.tools.process import Child, failure, last_words
from backups.tools.watch import Watch

LOCK_WAIT = 60_000  # milliseconds
GLOBALS_SECONDS = 60.0  # without a byte

_LOST = (
    "server closed the connection",
    "terminating connection",
    "connection has been closed unexpectedly",
    "could not receive data from server",
    "could not send data to server",
    "no connection to the server",
    "lost synchronization",
    "the database system is",
)
_RIGHTS = re.compile(r"permission denied|must be (superuser|owner|(a )?member|able to SET ROLE)")
_LOCK_WAIT_OVER = re.compile(r"statement timeout.*LOCK TABLE")
_SNAPSHOT = re.compile(
    r"invalid snapshot identifier|snapshot \"[^\"]*\" does not exist|could not import the requested snapshot"
)


def dump(
    conn: ConnInfo,
    tool: Tool,
    *,
    snapshot: str = "",
    lock_wait: int = LOCK_WAIT,
    on_line: Callable[[str], None] | None = None,
    verbose: bool = False,
    schema_only: bool = False,
) -> Child:
    """pg_dump of the whole database as an uncompressed archive on stdout; use it in a ``with`` and give it to
    ``pipeline.encode``. ``snapshot`` is the name an open transaction exported; ``lock_wait`` in milliseconds.

    Its failure is told as ``RightsMissing``, ``LockTimeout``, ``ConnectionLost``, ``SnapshotGone``, ``ToolTooOld``
    or ``ToolFailed``. Row security is never switched on: half a table would be dumped in silence.
    """
    argv: list[str | Path] = [
        tool.path,
        "--format=custom",
        "--compress=0",
        "--no-password",
        f"--lock-wait-timeout={lock_wait}",
    ]
    if snapshot:
        argv.append(f"--snapshot={snapshot}")
    if verbose:
        argv.append("--verbose")
    if schema_only:
        argv.append("--schema-only")
    return Child(
        [*argv, *database_argument(conn)],
        environment=conn.client_environment("pg_dump"),
        explain=lambda status, lines: explain("pg_dump", conn, status, lines),
        on_line=on_line,
    )


def globals_of(conn: ConnInfo, tool: Tool, *, cancelled: Callable[[], bool] | None = None) -> str:
    """Roles without passwords and tablespaces as ``pg_dumpall --globals-only`` writes them.

    ``conn.database`` is only where to connect. Raises ``RightsMissing`` when the role may not read them, and what
    ``dump`` raises.
    """
    child = Child(
        [tool.path, "--globals-only", "--no-role-passwords", "--no-password", *database_argument(conn)],
        environment=conn.client_environment("pg_dumpall"),
        explain=lambda status, lines: explain("pg_dumpall", conn, status, lines),
    )
    with child:
        reader = ChildReader(child, Watch(cancelled=cancelled, stall_seconds=GLOBALS_SECONDS))
        text = b"".join(iter(reader.read, b""))
        child.check()
    return text.decode("utf-8", "surrogateescape")


def database_argument(conn: ConnInfo) -> list[str]:
    """``--dbname`` as a connection string of all that is known but the password.

    A bare name with ``=`` in it, or one that begins like a URI, would be taken for a connection string anyway; and
    what a libpq service says wins over the environment, but not over this. Without a database there is none: then the
    service or the environment names it.
    """
    words = {key: value for key, value in conn.keywords().items() if key != "password"}
    if not words:
        return []
    return ["--dbname=" + " ".join(f"{key}='{_quoted(value)}'" for key, value in words.items())]


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


def explain(tool_name: str, conn: ConnInfo, status: int, lines: Sequence[str]) -> TovgovError:
    """The error a person reads for a client tool that ended with ``status`` after saying ``lines``.

    Tools give no SQLSTATE, so the words decide; what is not known (or said in another language) becomes
    ``ToolFailed`` with the server's own sentence.
    """
    words = last_words(lines)
    said = f"{tool_name}: {words}"
    if "row-level security" in words:
        return RightsMissing(
            said, hint=f'Give "{conn.user}" BYPASSRLS (ALTER ROLE … BYPASSRLS), or back up as the owner.'
        )
    if _RIGHTS.search(words):
        return RightsMissing(said)
    # pg_dump waits for its locks by statement_timeout
    if "lock timeout" in words or "could not obtain lock" in words or _LOCK_WAIT_OVER.search(words):
        return LockTimeout(said)
    if _SNAPSHOT.search(words):
        return SnapshotGone(said)
    if "server version mismatch" in words:
        return ToolTooOld(said)
    if "No space left on device" in words:
        return DiskFull(f"The server's disk is full. {said}")
    if "connection to server" in words and "failed:" in words:
        return translate_connect(psycopg.OperationalError(words), conn)
    if any(sign in words for sign in _LOST):
        return ConnectionLost(said)
    return failure(tool_name, status, lines)
