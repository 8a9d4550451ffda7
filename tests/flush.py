"""Between tests that commit, Django truncates every table: a fifth of a second, with the logs' partitions. Here what
has rows is emptied, and what is append-only lets it. Tests only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.backends.postgresql.operations import DatabaseOperations

GUARDS = {
    "audit_ledgerentry": "ledger_refuses_change",
    "audit_checkpoint": "checkpoints_refuse_change",
    "audit_retiredrange": "retired_ranges_refuse_change",
    "audit_reviewevent": "reviews_refuse_change",
}
TRUNCATE = re.compile(r"TRUNCATE (?P<tables>[^;]*);")


@contextmanager
def only_what_has_rows() -> Iterator[None]:
    """Empty tables so for the length of the block, each time in one transaction."""
    flush = DatabaseOperations.execute_sql_flush

    def emptied(self: Any, statements: Iterable[str]) -> None:
        statements = list(statements)
        named = TRUNCATE.fullmatch(statements[0]) if len(statements) == 1 else None
        if named is None:
            flush(self, statements)
            return
        with transaction.atomic(using=self.connection.alias), self.connection.cursor() as cursor:
            _empty(cursor, [name.strip() for name in named["tables"].split(",")])

    DatabaseOperations.execute_sql_flush = emptied  # type: ignore[method-assign]
    try:
        yield
    finally:
        DatabaseOperations.execute_sql_flush = flush  # type: ignore[method-assign]


def _empty(cursor: Any, tables: list[str]) -> None:
    """Delete in any order: no trigger looks, but the guards, which always do and are lifted for it."""
    cursor.execute(" UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in tables))
    full = [name for (name,) in cursor.fetchall()]
    guarded = [(name, GUARDS[name.strip('"')]) for name in full if name.strip('"') in GUARDS]
    off = [f"ALTER TABLE {name} DISABLE TRIGGER {guard}" for name, guard in guarded]
    on = [f"ALTER TABLE {name} ENABLE ALWAYS TRIGGER {guard}" for name, guard in guarded]
    deletes = [f"DELETE FROM {name}" for name in full]
    if full:
        cursor.execute(";".join(["SET LOCAL session_replication_role = replica", *off, *deletes, *on]))
