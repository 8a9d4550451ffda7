"""Every row that was put back is read again and must be, letter for letter, the row that was deleted."""

from __future__ import annotations

import psycopg
from psycopg import sql

from audit.undelete.application import as_owner
from audit.undelete.columns import Part
from audit.undelete.conflicts import differences
from audit.undelete.shape import load


def prove(connection: psycopg.Connection, part: Part) -> None:
    """Read the part's rows where they were put, with pinned settings, and say which differ."""
    texts = {"deleted": part.deleted(), "live": part.live()}
    statement = load("prove", part=sql.Literal(part.number), source=part.now.source, **texts)
    with as_owner(connection, part.now.owner if part.now.can_be_owner else ""):
        found = connection.execute(statement).fetchall()
    gone, changed = found[0][3:] if found else (0, 0)
    if gone:
        part.find(
            "changed_by_trigger", f"{gone} rows are not where they were put: a trigger changed or moved them.", gone
        )
    if changed:
        rows = [row[:3] for row in found if row[2] is not None]
        examples = [{"log": log, "columns": differences(before, now)} for log, before, now in rows]
        names = sorted({column["column"] for example in examples for column in example["columns"]})
        words = f"{changed} rows read differently once they are back, in {', '.join(names)}."
        part.find("reads_differently", words, changed, examples)


def digest(connection: psycopg.Connection, part: Part) -> str:
    """SHA-256, in hex, over the rows that were put back, as they were deleted; empty when there are none."""
    if part.table is None or part.is_blocked:
        return ""
    row = connection.execute(load("sha256", part=sql.Literal(part.number))).fetchone()
    assert row is not None
    return str(row[0])
