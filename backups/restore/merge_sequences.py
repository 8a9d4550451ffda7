"""Sequences after a merge: none may give out a number that a row has already."""

from __future__ import annotations

import psycopg
from psycopg import sql

from audit.postgres.writing import sequences
from audit.postgres.writing.sequences import Sequence
from backups.restore.merge_plan import SequenceMove
from backups.restore.shape import Table, load


def catch_up(conn: psycopg.Connection, sequence: Sequence, table: Table) -> SequenceMove | None:
    """Set ``sequence`` to the farthest number in its column of ``table`` when it stands behind; None when it does
    not."""
    farthest = _farthest(conn, sequence, table)
    before = None if farthest is None else sequences.catch_up(conn, sequence, farthest)
    return None if farthest is None or before is None else SequenceMove(str(sequence), before, farthest)


def _farthest(conn: psycopg.Connection, sequence: Sequence, table: Table) -> int | None:
    column = sql.Identifier("t", sequence.column)
    statement = load("merge/farthest", aggregate=sequence.farthest, column=column, table=table.source)
    row = conn.execute(statement).fetchone()
    return None if row is None else row[0]
