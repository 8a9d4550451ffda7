"""The missing rows of each table, brought from the side database into temporary tables of the live session.

Only keys travel both ways; rows travel once and only when they are missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import psycopg
from psycopg import sql

from backups.restore.merge_match import Pair, equal, names
from backups.restore.shape import Key, Reference, Table, load


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows of the backup that are missing but cannot be put back, and up to five of their keys."""

    why: str
    constraint: str
    parent: str
    rows: int
    keys: tuple[str, ...]


class Stage:
    """One table's missing rows in ``rows`` on the live side; ``keys`` on both sides holds primary keys."""

    def __init__(self, pair: Pair, number: int, live: psycopg.Connection, side: psycopg.Connection) -> None:
        self.pair, self.live, self.side = pair, live, side
        self.rows = sql.Identifier("pg_temp", f"tovgov_rows_{number}")
        self.keys = sql.Identifier("pg_temp", f"tovgov_keys_{number}")
        self.count = 0
        self.left_out: list[LeftOut] = []

    # --- bring --------------------------------------------------------------------------------------------------

    def bring(self, on_block: Callable[[int], None]) -> None:
        """Fill ``rows`` with what the backup has and the live table has not. ``on_block`` gets bytes as they pass."""
        pair = self.pair
        self._make(self.live, self.keys, pair.key.columns, pair.live.source)
        self._make(self.live, self.rows, pair.columns, pair.live.source)
        out = load("merge/copy_out", columns=names(pair.key.columns), table=pair.backup.source)
        self._carry(self.side, out, self.live, self.keys, on_block)
        self.live.execute(
            load("merge/forget_present", keys=self.keys, table=pair.live.source, match=pair.same("t", "k"))
        )
        self.send_keys(load("merge/copy_out", columns=names(pair.key.columns), table=self.keys), on_block)
        rows = load(
            "merge/copy_matching",
            columns=names(pair.columns, "t"),
            table=pair.backup.source,
            keys=self.keys,
            match=pair.same("t", "k"),
        )
        self.count = self._carry(self.side, rows, self.live, self.rows, on_block)

    def send_keys(self, keys: sql.Composed, on_block: Callable[[int], None]) -> None:
        """Give the side database the keys that the statement ``keys`` reads in the live session."""
        self.side.execute(load("merge/forget", stage=self.keys))
        self._make(self.side, self.keys, self.pair.key.columns, self.pair.backup.source)
        self._carry(self.live, keys, self.side, self.keys, on_block)

    @staticmethod
    def _make(conn: psycopg.Connection, stage: sql.Identifier, columns: tuple[str, ...], table: sql.Composable) -> None:
        conn.execute(load("merge/stage", stage=stage, columns=names(columns), table=table))

    @staticmethod
    def _carry(
        source: psycopg.Connection,
        out: sql.Composed,
        sink: psycopg.Connection,
        stage: sql.Identifier,
        on_block: Callable[[int], None],
    ) -> int:
        """Copy from one session into another; how many rows."""
        with source.cursor() as reader, sink.cursor() as writer:
            with reader.copy(out) as from_there, writer.copy(load("merge/copy_in", stage=stage)) as to_here:
                for block in from_there:
                    to_here.write(block)
                    on_block(len(block))
            sink.execute(load("merge/analyze", stage=stage))
            return writer.rowcount

    # --- leave out ----------------------------------------------------------------------------------------------

    def leave_out_taken(self, key: Key) -> None:
        """Drop from ``rows`` what another unique key (or exclusion constraint) of the live table forbids."""
        aliases = [f"k{n}" for n in range(len(key.expressions))]
        statement = load(
            "merge/leave_out_taken",
            expressions=key.select(aliases),
            predicate=key.condition,
            stage=self.rows,
            table=self.pair.live.source,
            match=equal("mine", aliases, "theirs", aliases, key.operators),
            label=self._label("s"),
        )
        self._leave_out(statement, why="another row has this key by now", constraint=key.name)

    def leave_out_orphans(self, reference: Reference, parent: Table, staged: Stage | None) -> bool:
        """Drop from ``rows`` those whose parent is neither live nor staged; whether there were any."""
        match = equal("p", reference.parent_columns, "c", reference.columns, reference.operators)
        not_staged = load("merge/not_staged", stage=staged.rows, match=match) if staged else sql.SQL("true")
        has_parent = sql.SQL(" AND ").join(
            sql.SQL("{} IS NOT NULL").format(sql.Identifier("c", column)) for column in reference.columns
        )
        statement = load(
            "merge/leave_out_orphans",
            stage=self.rows,
            has_parent=has_parent,
            parent=parent.source,
            match=match,
            not_staged=not_staged,
            label=self._label("c"),
        )
        why = "their parent is missing" if staged else "their parent is missing and its table was not chosen"
        return self._leave_out(statement, why=why, constraint=reference.name, parent=str(reference.parent))

    def _leave_out(self, statement: sql.Composed, *, why: str, constraint: str, parent: str = "") -> bool:
        row = self.live.execute(statement).fetchone()
        assert row is not None
        count, keys = row
        if count:
            self.left_out.append(LeftOut(why, constraint, parent, count, tuple(keys)))
            self.count -= count
        return bool(count)

    # --- pieces -------------------------------------------------------------------------------------------------

    def _label(self, alias: str) -> sql.Composed:
        return sql.SQL("pg_catalog.concat_ws(', ', {})").format(names(self.pair.key.columns, alias))
