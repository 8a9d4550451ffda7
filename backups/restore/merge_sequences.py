"""Sequences after a merge: none may give out a number that a row has already."""

from __future__ import annotations

import psycopg
from psycopg import sql

from backups.restore.merge_plan import SequenceMove
from backups.restore.shape import Sequence, Table, load


def catch_up(conn: psycopg.Connection, sequence: Sequence, table: Table) -> SequenceMove | None:
    """Set ``sequence`` to the farthest number in its column of ``table`` when it stands behind; None when it does not.

    From here to the end of the transaction nobody else can draw a number; a rollback undoes it.
    """
    farthest = _farthest(conn, sequence, table)
    if farthest is None or _behind(conn, sequence, farthest) is None:
        return None
    conn.execute(load("merge/lock_sequence", sequence=sequence.identifier, increment=sql.Literal(sequence.increment)))
    before = _behind(conn, sequence, farthest)
    if before is None:
        return None
    name = sql.Literal(str(sequence))
    conn.execute(load("merge/move_sequence", sequence=name, value=sql.Literal(farthest)))
    return SequenceMove(str(sequence), before, farthest)


def _farthest(conn: psycopg.Connection, sequence: Sequence, table: Table) -> int | None:
    aggregate = sql.SQL("max" if sequence.increment > 0 else "min")
    column = sql.Identifier("t", sequence.column)
    row = conn.execute(load("merge/farthest", aggregate=aggregate, column=column, table=table.source)).fetchone()
    return None if row is None else row[0]


def _behind(conn: psycopg.Connection, sequence: Sequence, farthest: int) -> int | None:
    """Where the sequence stands, when its next number may be taken already; else None."""
    row = conn.execute(load("merge/sequence_state", sequence=sequence.identifier)).fetchone()
    assert row is not None
    last, is_called = row
    has_passed = last > farthest if sequence.increment > 0 else last < farthest
    return None if has_passed or (last == farthest and is_called) else int(last)
