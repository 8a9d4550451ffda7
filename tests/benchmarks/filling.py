"""Filling the large logs: five targets in ninety days, partitions as the worker makes them. The rows come without
their indexes, which are made afterwards: what is measured is reading."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, models

from audit import partitions
from audit.actors import Actor
from audit.incidents.opening import open_incident
from audit.models import (
    ConnectionAuditLog,
    ConnectionGroup,
    DeleteAuditLog,
    DeleteAuditTransaction,
    Environment,
    ImportKind,
    ImportSource,
    LogFile,
    ServerLogEntry,
    ServerLogGroup,
    Target,
)

SLICE = 5_000_000
"""Rows between two looks of the worker that makes partitions, at most."""
ROWS_A_TRANSACTION = 4.78
"""What ``reviewing.sql`` comes to."""
SHARES = ("big", "second", "third", "small", "rare")
"""The five targets: 70, 20, 6, 4 and 0.1 percent of every log."""
FOLDER = Path(__file__).parent
OF_TABLES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename = ANY(%s) AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""
FITTED = "SELECT setval(pg_get_serial_sequence(%s, 'id'), max(id)) FROM {}"


def fill(rows: int) -> dict[str, int]:
    """``rows`` deleted rows, connections and log lines each, with their groups; the names that pages ask for."""
    person, _ = User.objects.get_or_create(username="bench", defaults={"is_superuser": True, "is_staff": True})
    targets = [
        Target.objects.get_or_create(
            name=f"lists, {name}",
            defaults={"environment": Environment.SCRATCH, "host": "db.example.org", "database": name},
        )[0]
        for name in SHARES
    ]
    incident = open_incident("Rows gone", target=targets[0], actor=Actor.system("benchmark"))
    source = ImportSource.objects.create(target=targets[0], kind=ImportKind.FOLDER, name="bench")
    file = LogFile.objects.create(source=source, identity="bench", head="", head_bytes=0, name="bench.csv")
    names: dict[str, Any] = {
        "targets": [one.pk for one in targets],
        "person": person.pk,
        "incident": incident.pk,
        "source": source.pk,
        "file": file.pk,
    }
    _fill(
        "reviewing",
        int(rows / ROWS_A_TRANSACTION),
        names,
        (DeleteAuditLog,),
        (DeleteAuditTransaction,),
        ROWS_A_TRANSACTION,
    )
    groups = (ConnectionGroup, ServerLogGroup)
    _fill("reviewing_logs", rows, names, (ConnectionAuditLog, ServerLogEntry), groups)
    return {name: one.pk for name, one in zip(SHARES, targets, strict=True)} | {"source": source.pk}


Models = Sequence[type[models.Model]]


def _fill(name: str, number: int, names: dict[str, Any], logs: Models, groups: Models, factor: float = 1) -> None:
    statements = [part for part in (FOLDER / f"{name}.sql").read_text().split(";\n") if part.strip()]
    tables = [model._meta.db_table for model in (*logs, *groups)]
    step = int(SLICE / factor)
    with without_indexes(tables), connection.cursor() as cursor:
        for first in range(1, number + 1, step):
            for log in logs:
                partitions.make_ahead(log)
            bounds = {"first": first, "last": min(first + step - 1, number), "all": number}
            for statement in statements:
                with told(next(line for line in statement.splitlines() if line and not line.startswith("--"))):
                    cursor.execute(statement, names | bounds)
        for group in groups:
            table = group._meta.db_table
            cursor.execute(FITTED.format(table), [table])
    with connection.cursor() as cursor, told("VACUUM ANALYZE"):
        cursor.execute(f"VACUUM ANALYZE {', '.join(tables)}")


@contextmanager
def told(what: str) -> Iterator[None]:
    """How long the block took, on stderr."""
    began = time.perf_counter()
    yield
    print(f"  {what[:90]} … {time.perf_counter() - began:.1f} s", file=sys.stderr, flush=True)


@contextmanager
def without_indexes(tables: Sequence[str]) -> Iterator[None]:
    """The indexes of ``tables``, partitioned or not, are dropped for the block and made again after it."""
    with connection.cursor() as cursor:
        cursor.execute(OF_TABLES, [list(tables)])
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        cursor.execute("SET maintenance_work_mem = '512MB'")
        yield
        for _, definition in indexes:
            with told(definition):
                cursor.execute(definition.replace(" ON ONLY ", " ON "))
