"""Rows are put in as the application would: as the table's owner, with the application's search_path.

Triggers, defaults, checks, operators and casts are other people's code. None of it may run with tovgov's rights,
neither while rows are put in nor while they are compared; and it finds what it names.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from audit.postgres import queries
from audit.undelete.columns import Part
from audit.undelete.shape import load


@contextmanager
def as_application(connection: psycopg.Connection, part: Part) -> Iterator[None]:
    """Within it statements on ``part`` run so, and its ordinary triggers are silent where that was decided. After an
    error nothing is set back: the savepoint around it does that."""
    table = part.now
    if part.silent:
        connection.execute(queries.read("undelete/silence"))
    with as_owner(connection, table.owner if table.can_be_owner else ""):
        connection.execute(queries.read("undelete/application_path"), (table.owner,))
        yield
    connection.execute(queries.read("undelete/no_path"))
    if part.silent:
        connection.execute(queries.read("undelete/silence_end"))


@contextmanager
def as_owner(connection: psycopg.Connection, owner: str) -> Iterator[None]:
    """Within it statements run as ``owner``, who may read the staged rows; as ourselves when it is empty. After an
    error nothing is set back: the transaction does that."""
    if owner:
        connection.execute(load("stage_rights", role=sql.Identifier(owner)))
        become(connection, owner)
    yield
    if owner:
        connection.execute(queries.read("undelete/become_oneself"))


def become(connection: psycopg.Connection, role: str) -> None:
    """Go on as ``role`` to the end of the transaction, or until ``RESET ROLE``."""
    connection.execute(load("become", role=sql.Identifier(role)))
