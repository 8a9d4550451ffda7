"""Which tables are sealed, and what of a row is its leaf: the columns that never change once it is stored.

What people and workers do with an entry later (its group, its review, when a session ended) is not in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, transaction

from audit.models import SERVER_LOGS, ConnectionAuditLog, ImportKind, ImportSource
from audit.seals import leaves, tree


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
    _plain("target_id", "at", "source", "pid", "session", "role", "database", "client_address", "client_host",
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

BY_KIND: dict[str, tuple[Sealed, ...]] = {
    ImportKind.DELETIONS: (DELETIONS,),
    ImportKind.LOGINS: (CONNECTIONS,),
    ImportKind.SAMPLES: (CONNECTIONS,),
} | dict.fromkeys(SERVER_LOGS, (SERVER_LOG, CONNECTIONS))
"""A server's log tells of connections too: both are leaves of its one tree."""


def tables_of(source: ImportSource) -> tuple[Sealed, ...]:
    """The tables whose rows are leaves of the tree of ``source``."""
    return BY_KIND[source.kind]


@contextmanager
def copied(select: str) -> Iterator[Iterator[bytes]]:
    """The lines that COPY makes of ``select``, each without its end, as ``audit.seals.leaves`` has them. No other
    statement may be sent before the last was read."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL TimeZone = 'UTC'")
        cursor.execute("SET LOCAL DateStyle = 'ISO'")
        with connection.wrap_database_errors, cursor.copy(f"COPY ({select}) TO STDOUT (ENCODING 'UTF8')") as rows:
            yield (bytes(row)[:-1] for row in rows)


def seal_connections(source: ImportSource, rows: Sequence[ConnectionAuditLog]) -> list[bytes]:
    """Make connections leaves of the tree of ``source``, in the transaction that stores them and before they are
    stored: each gets its number. Returns their lines, for COPY."""
    lines = [_connection_line(row) for row in rows]
    first = tree.append(source, map(leaves.hash_of, lines))
    for place, row in enumerate(rows):
        row.leaf = first + place
    return lines


def _connection_line(row: ConnectionAuditLog) -> bytes:
    values = ((name, getattr(row, name)) for name in CONNECTIONS.names)
    return leaves.line(
        [leaves.address(value) if name == "client_address" else leaves.text(value) for name, value in values]
    )
