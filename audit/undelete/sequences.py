"""Sequences afterwards: none may give out a number that a row has already; set forward, never back."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

from audit.undelete.columns import Part
from audit.undelete.shape import Sequence, load


def catch_up(connection: psycopg.Connection, part: Part) -> list[dict[str, Any]]:
    """Set the sequences of the part's table forward where they stand behind its rows; the moves that were made.

    From a move to the end of the transaction nobody else can draw a number; a rollback undoes it.
    """
    moves = []
    for sequence in part.now.sequences:
        if sequence.column not in part.put_names:
            continue
        farthest = _farthest(connection, part, sequence)
        if farthest is not None and _behind(connection, sequence, farthest) is not None:
            moves += _move(connection, part, sequence, farthest)
    return moves


def _move(connection: psycopg.Connection, part: Part, sequence: Sequence, farthest: int) -> list[dict[str, Any]]:
    try:
        with connection.transaction():
            lock = load("lock_sequence", sequence=sequence.identifier, increment=sql.Literal(sequence.increment))
            connection.execute(lock)
            before = _behind(connection, sequence, farthest)
            if before is None:
                return []
            connection.execute(load("move_sequence", sequence=sql.Literal(str(sequence)), value=sql.Literal(farthest)))
    except psycopg.errors.InsufficientPrivilege:
        part.find("sequence_behind", f"{sequence} stands behind {farthest}, and our role may not set it forward.")
        return []
    return [{"sequence": str(sequence), "before": before, "now": farthest}]


def _farthest(connection: psycopg.Connection, part: Part, sequence: Sequence) -> int | None:
    aggregate = sql.SQL("max" if sequence.increment > 0 else "min")
    column = sql.Literal(sequence.column)
    row = connection.execute(load("farthest", aggregate=aggregate, column=column, part=sql.Literal(part.number)))
    found = row.fetchone()
    return None if found is None else found[0]


def _behind(connection: psycopg.Connection, sequence: Sequence, farthest: int) -> int | None:
    """Where the sequence stands, when its next number may be taken already; else None."""
    row = connection.execute(load("sequence_state", sequence=sequence.identifier)).fetchone()
    assert row is not None
    last, is_called = row
    has_passed = last > farthest if sequence.increment > 0 else last < farthest
    return None if has_passed or (last == farthest and is_called) else int(last)
