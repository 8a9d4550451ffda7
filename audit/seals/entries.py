"""Which tables are sealed, and what of a row is its leaf: the columns that never change once it is stored.

What people and workers do with an entry later (its group, its review, when a session ended) is not in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, transaction

from audit.models import SERVER_LOGS, ImportKind, ImportSource
from audit.seals import tree
from audit.seals.merkle import leaf_hash


@dataclass(frozen=True, slots=True)
class Sealed:
    """A table of entries. ``columns`` are (name, expression) pairs in the order of the line; ``source`` says which rows
    are those of a source, with the source's id for ``{source}`` and its target's for ``{target}``."""

    table: str
    tables: str
    columns: tuple[tuple[str, str], ...]
    source: str

    @property
    def names(self) -> list[str]:
        """The names of the columns, in the order of the line."""
        return [name for name, _ in self.columns]

    def of(self, source: ImportSource) -> str:
        """The condition that chooses the rows of ``source``."""
        return self.source.format(source=int(source.pk), target=int(source.target_id))

    def select(self, condition: str, *more: str) -> str:
        """A SELECT of ``more`` and then of the columns, over the rows ``e`` that fit ``condition``."""
        fields = ", ".join([*more, *(expression for _, expression in self.columns)])
        return f"SELECT {fields} FROM {self.tables} WHERE {condition}"  # noqa: S608  # names and numbers of ours


def _plain(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, f'e."{name}"') for name in names)


def _first(*names: str) -> tuple[tuple[str, str], ...]:
    """Facts of the transaction, which stand on the first row of each record alone: they may be long."""
    return tuple((f"transaction_{name}", f'CASE WHEN e.position = 1 THEN t."{name}" END') for name in names)


DELETIONS = Sealed(
    "audit_deleteauditlog",
    "audit_deleteauditlog e JOIN audit_deleteaudittransaction t ON t.id = e.of_transaction_id",
    (
        *_plain("record", "position", "at", "verb", "table_oid", "table_schema", "table_name", "key", "masked"),
        *_plain("query", "row"),
        ("transaction", "t.transaction"),
        ("incarnation", "t.incarnation"),
        *_first("at", "session_role", "role_in_force", "application_user", "client_address", "application_name"),
        *_first("query"),
    ),
    "e.target_id = {target}",
)
CONNECTIONS = Sealed(
    "audit_connectionauditlog",
    "audit_connectionauditlog e",
    _plain("target_id", "at", "seen_at", "source", "pid", "session", "role", "database", "client_address",
           "application_name", "tls", "method", "outcome", "reason"),
    "e.import_source_id = {source}",
)  # fmt: skip
SERVER_LOG = Sealed(
    "audit_serverlogentry",
    "audit_serverlogentry e",
    _plain("target_id", "file_id", "offset", "at", "level", "sqlstate", "kind", "severity", "pid", "session", "line",
           "role", "database", "address", "application", "command", "message", "detail", "query", "more"),
    "e.source_id = {source}",
)  # fmt: skip

BY_KIND = {
    ImportKind.DELETIONS: DELETIONS,
    ImportKind.LOGINS: CONNECTIONS,
    ImportKind.SAMPLES: CONNECTIONS,
} | dict.fromkeys(SERVER_LOGS, SERVER_LOG)


def entries_of(source: ImportSource) -> Sealed:
    """What the entries of ``source`` are."""
    return BY_KIND[ImportKind(source.kind)]


@contextmanager
def copied(select: str) -> Iterator[Iterator[bytes]]:
    """The lines that COPY makes of ``select``, each without its end, as ``audit.seals.leaves`` has them. No other
    statement may be sent before the last was read."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL TimeZone = 'UTC'")
        cursor.execute("SET LOCAL DateStyle = 'ISO'")
        with connection.wrap_database_errors, cursor.copy(f"COPY ({select}) TO STDOUT (ENCODING 'UTF8')") as rows:
            yield (bytes(row)[:-1] for row in rows)


def seal(source: ImportSource, ids: Sequence[int]) -> int:
    """Seal rows of ``source`` that the caller's transaction has stored without a leaf; how many. They become leaves in
    the order of their ids. For sources that bring few rows; who brings many hashes the lines as it makes them."""
    if not ids:
        return 0
    entries = entries_of(source)
    condition = f"e.leaf IS NULL AND e.id = ANY(ARRAY[{', '.join(str(int(one)) for one in ids)}]::bigint[])"
    tree.lock(source)
    with copied(f"{entries.select(condition, 'e.id')} ORDER BY e.id") as lines:
        found = [line.partition(b"\t") for line in lines]
    first = tree.append(source, [leaf_hash(line) for _, _, line in found])
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {entries.table} e SET leaf = s.leaf FROM unnest(%s::bigint[], %s::bigint[]) s (id, leaf)"  # noqa: S608
            " WHERE e.id = s.id",
            [[int(one) for one, _, _ in found], list(range(first, first + len(found)))],
        )
    return len(found)
