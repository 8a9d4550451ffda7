"""Sequences afterwards: none may give out a number that a row has already; set forward, never back."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

from audit.postgres.writing import sequences
from audit.postgres.writing.sequences import Sequence
from audit.undelete.columns import Part
from audit.undelete.shape import load


def catch_up(connection: psycopg.Connection, part: Part) -> list[dict[str, Any]]:
    """Set the sequences of the part's table forward where they stand behind its rows; the moves that were made.

    From a move to the end of the transaction nobody else can draw a number.
    """
    moves = []
    for sequence in part.now.sequences:
        if sequence.column not in part.put_names:
            continue
        farthest = _farthest(connection, part, sequence)
        if farthest is not None and sequences.behind(connection, sequence, farthest) is not None:
            moves += _move(connection, part, sequence, farthest)
    return moves


def _move(connection: psycopg.Connection, part: Part, sequence: Sequence, farthest: int) -> list[dict[str, Any]]:
    try:
        with connection.transaction():
            before = sequences.catch_up(connection, sequence, farthest)
    except psycopg.errors.InsufficientPrivilege:
        part.find("sequence_behind", f"{sequence} stands behind {farthest}, and our role may not set it forward.")
        return []
    return [] if before is None else [{"sequence": str(sequence), "before": before, "now": farthest}]


def _farthest(connection: psycopg.Connection, part: Part, sequence: Sequence) -> int | None:
    column, number = sql.Literal(sequence.column), sql.Literal(part.number)
    found = connection.execute(load("farthest", aggregate=sequence.farthest, column=column, part=number)).fetchone()
    return None if found is None else found[0]
