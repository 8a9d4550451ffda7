"""pg_restore: which one to take, how it is called, how far it is, and what its last words mean."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from audit.exceptions import TovgovError
from audit.postgres.connect import ConnInfo
from backups.exceptions import ToolTooOld
from backups.tools.archive import ArchiveHeader, Selection, toc
from backups.tools.checksums import Writer
from backups.tools.finding import Tool, find_tool
from backups.tools.pg_dump import database_argument, explain
from backups.tools.pipeline import ChildWriter
from backups.tools.process import Child
from backups.tools.watch import Watch

JOBS = 2
SETS_TRANSACTION_TIMEOUT = 17  # from this major on pg_restore sets what older servers do not know

# A side database is proved before it is used and dropped after a crash, so its commits need not wait for the disk.
SESSION_SETTINGS = {
    "synchronous_commit": "off",
    "maintenance_work_mem": "128MB",
    "default_transaction_read_only": "off",
}
_ITEM = re.compile(r"pg_restore: (creating|executing|processing data for table|processing BLOBS)\b")
_CHATTER = re.compile(r"pg_restore: (creating|executing|processing|launching|finished|entering|restored?|restoring) ")
_FAILED = re.compile(r"could not execute query: |COPY failed for table |unexpected extra results during COPY")
_HARMLESS = re.compile(r'could not execute query: .*"transaction_timeout"$')
_IGNORED = re.compile(r"errors ignored on restore: (\d+)")


@dataclass(frozen=True, slots=True)
class Options:
    """How to restore. ``server_version`` is the receiving server's (180004). ``jobs`` counts connections; a stream
    has one. ``role`` is set before anything is made. ``selection`` chooses entries; None is all of them."""

    server_version: int
    jobs: int = JOBS
    no_owner: bool = False
    no_privileges: bool = False
    no_subscriptions: bool = False
    no_publications: bool = False
    role: str = ""
    selection: Selection | None = None


def find_restore_tool(header: ArchiveHeader, server_version: int, *, pg_bin: str = "", sslmode: str = "") -> Tool:
    """The pg_restore for this archive and server: never older than the pg_dump that wrote it (an older one cannot
    read it), and where there is one not older than the server. Raises ``ToolTooOld`` and ``ToolMissing``."""
    wanted = max(server_version, header.dump_version)
    try:
        return find_tool("pg_restore", wanted, pg_bin=pg_bin, sslmode=sslmode)
    except ToolTooOld as error:
        if wanted > header.dump_version:
            return find_tool("pg_restore", header.dump_version, pg_bin=pg_bin, sslmode=sslmode)
        raise ToolTooOld(
            f"pg_dump {header.dump_version // 10_000} wrote this archive; every pg_restore here is older.",
            **error.detail,
        ) from None


def restore(
    conn: ConnInfo,
    tool: Tool,
    archive: Path,
    options: Options,
    *,
    on_items: Callable[[int, int], None] | None = None,
    on_line: Callable[[str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> None:
    """Restore the plain archive file into the database ``conn`` names, and stop at the first error.

    ``on_items`` gets how many entries of how many were begun. All callbacks run in the caller's thread. Raises
    ``RightsMissing``, ``ConnectionLost``, ``DiskFull``, ``ToolFailed`` … with the server's own sentence, and
    ``JobCancelled``; what was restored so far stays in the database then, for the caller to drop.
    """
    total = options.selection.count if options.selection else len(toc(tool, archive))
    with _command(conn, tool, options, options.jobs) as argv:
        run = _Run(conn, tool, options, [*argv, archive], total, on_items, on_line, cancelled)
        run.to_the_end()


def restore_stream(
    conn: ConnInfo,
    tool: Tool,
    feed: Callable[[Writer], object],
    options: Options,
    *,
    total: int = 0,
    on_items: Callable[[int, int], None] | None = None,
    on_line: Callable[[str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> None:
    """``restore`` without a file, by one connection: ``feed`` writes the plain archive into the writer it is given
    (``decode`` does). What ``feed`` raises wins, because a damaged copy also makes pg_restore fail; an error of
    pg_restore wins over the broken pipe that it causes. ``total`` is for the bar. What a damaged copy has put into
    the database so far is worthless; drop it."""
    with _command(conn, tool, options, jobs=0) as argv:
        run = _Run(conn, tool, options, argv, total, on_items, on_line, cancelled, stdin=True)
        run.fed_by(feed)


class _Run:
    """One run of pg_restore and what it has said so far."""

    def __init__(
        self,
        conn: ConnInfo,
        tool: Tool,
        options: Options,
        argv: Sequence[str | Path],
        total: int,
        on_items: Callable[[int, int], None] | None,
        on_line: Callable[[str], None] | None,
        cancelled: Callable[[], bool] | None,
        stdin: bool = False,
    ) -> None:
        self._conn = conn
        self._tolerant = _tolerates_old_server(tool, options)
        self._begun = self._harmless = self._ignored = 0
        self._total = total
        self._on_items = on_items
        self._on_line = on_line
        self._watch = Watch(cancelled=cancelled)
        self._is_wrong = False
        self._child = Child(argv, environment=_session(conn), explain=self._explain, on_line=self._hear, stdin=stdin)

    def to_the_end(self) -> None:
        with self._child:
            self._finish()

    def fed_by(self, feed: Callable[[Writer], object]) -> None:
        with self._child:
            writer = ChildWriter(self._child, self._beat)
            feed(writer)
            writer.close()
            self._finish()

    def _finish(self) -> None:
        status = self._child.wait(self._beat)
        if self._is_wrong or (status != 0 and not self._is_harmless()):
            raise self._explain(1 if self._is_wrong else status, self._child.tail)
        if self._on_items and self._total:
            self._on_items(self._total, self._total)

    def _is_harmless(self) -> bool:
        """Whether the refused setting was all that went wrong; pg_restore does not count it for its workers."""
        return self._tolerant and 0 < self._ignored <= self._harmless

    def _beat(self) -> None:
        self._child.deliver()
        self._watch.idle()
        if self._is_wrong and self._tolerant:
            self._child.kill()

    def _hear(self, line: str) -> None:
        if self._on_line:
            self._on_line(line)
        if _ITEM.search(line):
            self._begun += 1
            if self._on_items:
                self._on_items(min(self._begun - 1, self._total), self._total)
        elif _HARMLESS.search(line):
            self._harmless += 1
        elif _FAILED.search(line):
            self._is_wrong = True
        elif ignored := _IGNORED.search(line):
            self._ignored = int(ignored[1])

    def _explain(self, status: int, lines: Sequence[str]) -> TovgovError:
        telling = [line for line in lines if not _HARMLESS.search(line) and not _CHATTER.search(line)]
        return explain("pg_restore", self._conn, status, telling)


def _tolerates_old_server(tool: Tool, options: Options) -> bool:
    return tool.major >= SETS_TRANSACTION_TIMEOUT > options.server_version // 10_000


@contextmanager
def _command(conn: ConnInfo, tool: Tool, options: Options, jobs: int) -> Iterator[list[str | Path]]:
    """The words of the command. ``--exit-on-error`` stands in it unless the server is too old for a setting of this
    pg_restore: then every error but that one ends the run here."""
    argv: list[str | Path] = [tool.path, "--verbose", "--no-password", *database_argument(conn)]
    flags = {
        "--exit-on-error": not _tolerates_old_server(tool, options),
        "--no-owner": options.no_owner,
        "--no-privileges": options.no_privileges,
        "--no-subscriptions": options.no_subscriptions,
        "--no-publications": options.no_publications,
        f"--role={options.role}": bool(options.role),
        f"--jobs={jobs}": jobs > 1,
    }
    argv += [flag for flag, is_set in flags.items() if is_set]
    if options.selection is None:
        yield argv
        return
    with tempfile.NamedTemporaryFile("w", prefix="tovgov-toc-", errors="surrogateescape", encoding="utf-8") as file:
        file.write(options.selection.text)
        file.flush()
        yield [*argv, f"--use-list={file.name}"]


@contextmanager
def _session(conn: ConnInfo) -> Iterator[Mapping[str, str]]:
    settings = " ".join(f"-c {name}={value}" for name, value in SESSION_SETTINGS.items())
    with conn.client_environment("pg_restore") as environment:
        yield environment | {"PGOPTIONS": settings}
