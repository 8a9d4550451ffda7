"""Filling large tables: without their indexes, which are made afterwards."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import connection

OF_TABLES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename = ANY(%s) AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""


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
            began = time.perf_counter()
            cursor.execute(definition.replace(" ON ONLY ", " ON "))
            print(f"  {definition[:90]} … {time.perf_counter() - began:.1f} s", file=sys.stderr)
