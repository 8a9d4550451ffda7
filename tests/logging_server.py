"""A server of a test's own whose log is read: what tovgov really does there, as the server tells it."""

from __future__ import annotations

import csv
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from audit.models import ServerLogEntry
from tovgov.embedded import Cluster, free_port

SETTINGS = {
    "logging_collector": "on", "log_destination": "csvlog", "log_connections": "on", "log_disconnections": "on",
    "log_statement": "all", "shared_buffers": "16MB", "log_timezone": "UTC", "wal_level": "logical",
}  # fmt: skip
QUERY, MESSAGE, APPLICATION = 19, 13, 22
"""Columns of csvlog."""


@contextmanager
def logging_server(folder: Path, **settings: str) -> Iterator[Cluster]:
    """It runs, and writes its log into ``folder / "log"``."""
    made = Cluster(folder, 16, free_port(), True, secrets.token_hex(8), SETTINGS | settings, durable=False)
    made.start()
    try:
        yield made
    finally:
        made.stop(immediately=True)


def ours_logged(server: Cluster, beginning: str) -> list[str]:
    """Statements of tovgov's that begin so, as the csvlog has them."""
    found = []
    for file in sorted((server.folder / "log").glob("*.csv")):
        with file.open(newline="") as text:
            told = [row for row in csv.reader(text) if row[APPLICATION].startswith("tovgov")]
        found += [
            row[MESSAGE].partition(": ")[2].strip()
            for row in told
            if row[MESSAGE].startswith(f"statement: {beginning}")
        ]
    return found


def as_tovgov(server: Cluster, database: str, *statements: str, user: str = "", password: str = "") -> None:
    """Somebody who knows our role's password and calls himself as we do."""
    who = {"user": user, "password": password} if user else {}
    facts = server.keywords(database) | who | {"application_name": "tovgov"}
    with psycopg.connect(**facts, autocommit=True) as connection:  # type: ignore[arg-type]
        for statement in statements:
            connection.execute(statement.encode())


def loud_of_ours() -> list[str]:
    """What waits for a person although it calls itself tovgov: the statement that each is or is about."""
    loud = ServerLogEntry.objects.filter(of_group__is_noise=False, application__startswith="tovgov").order_by("at")
    return [(entry.query or entry.message.partition("statement: ")[2]).strip() for entry in loud]
