"""Between tests that commit, Django truncates every table, and what is append-only refuses that. Tests only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.backends.postgresql.operations import DatabaseOperations

GUARDS = {
    "audit_ledgerentry": ("ledger_refuses_change", "ledger_refuses_truncate"),
    "audit_checkpoint": ("checkpoints_refuse_change", "checkpoints_refuse_truncate"),
    "audit_retiredrange": ("retired_ranges_refuse_change", "retired_ranges_refuse_truncate"),
    "audit_reviewevent": ("reviews_refuse_change", "reviews_refuse_truncate"),
}


@contextmanager
def guards_lifted() -> Iterator[None]:
    """Lift the guards for the length of each flush, in its transaction."""
    flush = DatabaseOperations.execute_sql_flush

    def lifted(self: Any, statements: Iterable[str]) -> None:
        guards = [
            (table, guard)
            for table, names in GUARDS.items()
            if any(table in statement for statement in statements)
            for guard in names
        ]
        on = [f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {guard}" for table, guard in guards]
        off = [f"ALTER TABLE {table} DISABLE TRIGGER {guard}" for table, guard in guards]
        with transaction.atomic(using=self.connection.alias):
            flush(self, [*off, *statements, *on])

    DatabaseOperations.execute_sql_flush = lifted  # type: ignore[method-assign]
    try:
        yield
    finally:
        DatabaseOperations.execute_sql_flush = flush  # type: ignore[method-assign]
