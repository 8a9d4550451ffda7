"""Sequences after rows were put in: none may give out a number that a row has already; set forward, never back."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql

from audit.postgres.queries import load


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence that gives ``column`` of a table its numbers."""

    schema: str
    name: str
    column: str
    increment: int

    def __str__(self) -> str:
        return self.identifier.as_string(None)

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)

    @property
    def farthest(self) -> sql.SQL:
        """The aggregate that finds the number it came to."""
        return sql.SQL("max" if self.increment > 0 else "min")


def behind(conn: psycopg.Connection, sequence: Sequence, farthest: int) -> int | None:
    """Where the sequence stands, when its next number may be taken already; else None."""
    row = conn.execute(load("writing/sequence_state", sequence=sequence.identifier)).fetchone()
    assert row is not None
    last, is_called = row
    has_passed = last > farthest if sequence.increment > 0 else last < farthest
    return None if has_passed or (last == farthest and is_called) else int(last)


def catch_up(conn: psycopg.Connection, sequence: Sequence, farthest: int) -> int | None:
    """Set the sequence to ``farthest`` when it stands behind it; where it stood, None when it was not behind.

    From here to the end of the transaction nobody else can draw a number; a rollback undoes it.
    """
    if behind(conn, sequence, farthest) is None:
        return None
    step = sql.Literal(sequence.increment)
    conn.execute(load("writing/lock_sequence", sequence=sequence.identifier, increment=step))
    before = behind(conn, sequence, farthest)
    if before is not None:
        name = sql.Literal(str(sequence))
        conn.execute(load("writing/move_sequence", sequence=name, value=sql.Literal(farthest)))
    return before
