"""Exact count and content hash of every table, all of one moment.

What is hashed is what a dump carries: ordinary tables and leaves of partitioned ones, unlogged included, without
generated columns. Materialized views, foreign and temporary tables and members of extensions are left out: the first
are filled anew by a restore, the others are no data of this database (rows of an extension's configuration tables,
which pg_dump carries in part, are therefore not proved).

The hash is the sum of a 64-bit hash of each row's text. It does not depend on the order of rows or columns, nor on
the server's version (13 to 18), settings or collations; it does depend on the database's encoding. It finds what
damage and mistakes do; it is no proof against someone who searches for a collision.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

import psycopg
from psycopg import sql

from audit.exceptions import TovgovError
from audit.postgres.connect import ConnInfo, connect, translate
from audit.postgres.queries import load, read
from audit.postgres.snapshots import Snapshot, TableRef, adopt, export_snapshot, list_tables, require_readable

TICK = 0.5  # seconds between two calls of on_tick
GROUP = 49  # columns in one concat_ws: a function takes at most 100 arguments


@dataclass(frozen=True, slots=True)
class TableState:
    """How many rows a table has and the hash of their content; ``hash`` is empty when only rows were counted."""

    schema: str
    name: str
    rows: int
    hash: str


@dataclass(frozen=True, slots=True)
class SequenceState:
    schema: str
    name: str
    last_value: int
    is_called: bool


@dataclass(frozen=True, slots=True)
class LargeObjects:
    """All large objects of a database: how many, their bytes and the hash of their content and numbers."""

    count: int
    bytes: int
    hash: str


def table_states(
    info: ConnInfo,
    snapshot: Snapshot,
    *,
    workers: int = 2,
    on_table: Callable[[TableState], None] | None = None,
    on_tick: Callable[[], None] | None = None,
    tables: Collection[tuple[str, str]] | None = None,
    counts_only: bool = False,
) -> list[TableState]:
    """Count and hash of every table as ``snapshot`` shows it, by schema and name; the largest are read first over
    ``workers`` connections. ``tables`` (schema, name) picks some; one that does not exist is not in the answer.

    ``on_table`` is called for each finished table, ``on_tick`` at least twice a second, both in the caller's thread;
    what they raise ends every statement at once. Raises ``RightsMissing`` or ``QueryFailed`` naming the table.
    """
    with connect(info, read_only=True) as conn, adopt(conn, snapshot):
        wanted = [t for t in list_tables(conn) if tables is None or (t.schema, t.name) in tables]
    require_readable(wanted)
    crew = _Crew(info, snapshot, wanted, max(1, min(workers, len(wanted))), counts_only)
    states = crew.run(on_table or (lambda state: None), on_tick or (lambda: None))
    return sorted(states, key=lambda state: (state.schema, state.name))


def states_now(
    info: ConnInfo,
    *,
    workers: int = 2,
    on_table: Callable[[TableState], None] | None = None,
    on_tick: Callable[[], None] | None = None,
    tables: Collection[tuple[str, str]] | None = None,
    counts_only: bool = False,
) -> list[TableState]:
    """The same of this moment, in a snapshot of its own; no table is locked before it is read."""
    with connect(info, read_only=True) as conn, export_snapshot(conn, lock=False) as snapshot:
        return table_states(info, snapshot, workers=workers, on_table=on_table, on_tick=on_tick, tables=tables,
                            counts_only=counts_only)  # fmt: skip


def sequences(conn: psycopg.Connection) -> list[SequenceState]:
    """Where each sequence stands. Sequences are outside of snapshots: read before a dump, the dump's are never
    behind these; read after it they may be ahead."""
    names = conn.execute(read("rows/sequences")).fetchall()
    states = []
    for schema, name in names:
        statement = load("rows/sequence", sequence=sql.Identifier(schema, name))
        last_value, is_called = _run(conn, statement, f'The sequence "{schema}"."{name}"')[0]
        states.append(SequenceState(schema, name, last_value, is_called))
    return states


def large_objects(conn: psycopg.Connection) -> LargeObjects:
    """Count, bytes and hash of the large objects as the transaction of ``conn`` sees them.

    Raises ``RightsMissing`` when one may not be read: before PostgreSQL 18 only its owner, a role it was granted to
    or a superuser may.
    """
    count, size, content = _run(conn, load("rows/large_objects"), "The large objects")[0]
    return LargeObjects(count, size, content)


def _run(conn: psycopg.Connection, statement: sql.Composed, what: str) -> list[tuple[Any, ...]]:
    try:
        return conn.execute(statement).fetchall()
    except psycopg.Error as error:
        raise _naming(error, what) from error


def _naming(error: psycopg.Error, what: str) -> TovgovError:
    """The error that ``translate`` names, with what could not be read in front of the server's words."""
    known = translate(error)
    return type(known)(f"{what} could not be read: {known.message}", what=what)


def _statement(table: TableRef, counts_only: bool) -> sql.Composed:
    if counts_only:
        return load("rows/count", table=table.identifier)
    return load("rows/hash", table=table.identifier, row=_row_text(table.columns))


def _row_text(columns: tuple[str, ...]) -> sql.Composable:
    """A row as text: its values, NULLs left out, then which of them are NULL. Twice as fast as ROW(...)::text."""
    groups = [columns[start : start + GROUP] for start in range(0, len(columns), GROUP)]
    texts: list[sql.Composable] = [_group_text(group) for group in groups] or [sql.Literal("")]
    return texts[0] if len(texts) == 1 else load("rows/row_text", values=sql.SQL(", ").join(texts))


def _group_text(columns: tuple[str, ...]) -> sql.Composed:
    names = [sql.Identifier("t", column) for column in columns]
    nulls = [load("rows/is_null", column=name) for name in names]
    return load("rows/row_text", values=sql.SQL(", ").join([*names, *nulls]))


class _Crew:
    """Workers that read tables of one snapshot, each over a connection and in a thread of its own."""

    def __init__(
        self, info: ConnInfo, snapshot: Snapshot, tables: list[TableRef], workers: int, counts_only: bool
    ) -> None:
        self.info, self.snapshot, self.counts_only, self.workers = info, snapshot, counts_only, workers
        self.work = deque(sorted(tables, key=lambda table: -table.bytes))
        self.total = len(tables)
        self.share = sum(table.bytes for table in tables) / workers  # bytes above which a table is a giant
        self.done: SimpleQueue[TableState] = SimpleQueue()
        self.connections: list[psycopg.Connection] = []
        self.stopped = threading.Event()

    def run(self, on_table: Callable[[TableState], None], on_tick: Callable[[], None]) -> list[TableState]:
        """Read all tables; the first error of a worker or a callback ends all the others and is raised."""
        with ThreadPoolExecutor(self.workers, thread_name_prefix="rows") as pool:
            futures = [pool.submit(self._work) for _ in range(self.workers)]
            try:
                return self._gather(futures, on_table, on_tick)
            finally:
                self._stop(futures)

    def _gather(
        self, futures: list[Future[None]], on_table: Callable[[TableState], None], on_tick: Callable[[], None]
    ) -> list[TableState]:
        states: list[TableState] = []
        while len(states) < self.total:
            on_tick()
            try:
                states.append(self.done.get(timeout=TICK))
            except Empty:
                for future in futures:
                    if future.done():
                        future.result()
            else:
                on_table(states[-1])
        return states

    def _stop(self, futures: list[Future[None]]) -> None:
        """End what still runs. A cancel that comes between two statements is lost, so it is repeated."""
        self.stopped.set()
        while wait(futures, timeout=TICK / 5).not_done:
            for connection in list(self.connections):
                with suppress(psycopg.Error):
                    connection.cancel_safe(timeout=5)

    def _work(self) -> None:
        with connect(self.info, read_only=True) as conn, adopt(conn, self.snapshot):
            self.connections.append(conn)
            while not self.stopped.is_set() and (table := self._next()):
                self.done.put(self._read(conn, table))

    def _next(self) -> TableRef | None:
        try:
            return self.work.popleft()
        except IndexError:
            return None

    def _read(self, conn: psycopg.Connection, table: TableRef) -> TableState:
        giant = self.workers > 1 and table.bytes > self.share
        conn.execute(read("rows/parallel"), (str(self.workers - 1) if giant else "0",))
        rows, content = _run(conn, _statement(table, self.counts_only), f"The table {table}")[0]
        return TableState(table.schema, table.name, rows, content)
