"""Going on as somebody else within a transaction. Triggers, defaults and checks are other people's code: they run as
the table's owner, with the search_path of the application, and never with tovgov's rights."""

from __future__ import annotations

import psycopg
from psycopg import sql

from audit.postgres.queries import load, read


def become(conn: psycopg.Connection, role: str) -> None:
    """Go on as ``role`` to the end of the transaction, or until ``become_oneself``. Takes membership in it."""
    conn.execute(load("writing/become", role=sql.Identifier(role)))


def become_oneself(conn: psycopg.Connection) -> None:
    conn.execute(read("writing/become_oneself"))


def take_path_of(conn: psycopg.Connection, role: str) -> None:
    """Set the search_path that sessions of ``role`` have, to the end of the transaction or until ``take_no_path``."""
    conn.execute(read("writing/application_path"), (role,))


def take_no_path(conn: psycopg.Connection) -> None:
    conn.execute(read("writing/no_path"))
