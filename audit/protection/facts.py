"""What a plan must know of a target, read once from its catalogues."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import class_row

from audit.exceptions import PolicyMisfit
from audit.postgres import queries


@dataclass(frozen=True, slots=True)
class Table:
    """An ordinary or partitioned table (kind ``r`` or ``p``); ``key`` holds its primary key's columns in order.
    ``has_heirs``: it inherits, or is inherited from; partitions do not count."""

    oid: int
    schema: str
    name: str
    kind: str
    is_partition: bool
    owner: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    row_security: bool
    has_heirs: bool

    @property
    def label(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """Server version, who we are there, the database's owner and lock, and its tables."""

    version: int
    system_identifier: str
    database_oid: int
    database: str
    database_owner: str
    is_template: bool
    role: str
    is_superuser: bool
    memberships: frozenset[str]
    """Roles whose rights we have, ourselves included."""
    roles: frozenset[str]
    tables: tuple[Table, ...]
    sequences: Mapping[int, int] = field(default_factory=dict)
    """Sequences of serial and identity columns: oid → oid of the table."""
    policy: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    """The rules that are planned together, with their settings; empty when one rule is asked alone."""
    done: frozenset[tuple[str, str]] | None = None
    """Rule and title of the steps that tovgov's own runs planned here; None when nobody looked it up."""

    @property
    def incarnation(self) -> str:
        """This database of this server: an oid means something in it alone."""
        return f"{self.system_identifier}/{self.database_oid}"

    def may_alter(self, owner: str) -> bool:
        """Whether we may do what only ``owner`` may."""
        return self.is_superuser or owner in self.memberships

    def chosen(self, patterns: Iterable[str], exclude: Iterable[str] = ()) -> list[Table]:
        """Tables whose ``schema.table`` matches one of ``patterns`` (shell style, exact case) and none of
        ``exclude``. Raises ``PolicyMisfit`` when a pattern without * and ? names a table that is not there."""
        known = {table.label for table in self.tables}
        for pattern in patterns:
            if not any(sign in pattern for sign in "*?") and pattern not in known:
                raise PolicyMisfit(f"The policy names the table {pattern}, which the target does not have.")
        return [
            table
            for table in self.tables
            if any(fnmatchcase(table.label, p) for p in patterns)
            and not any(fnmatchcase(table.label, p) for p in exclude)
        ]


def read_facts(connection: Connection) -> TargetFacts:
    """Read them, as the role of ``connection``. Raises what ``connect`` raises."""
    row = connection.execute(queries.load("protection/facts")).fetchone()
    assert row is not None
    with connection.cursor(row_factory=class_row(Table)) as cursor:
        tables = cursor.execute(queries.load("protection/tables")).fetchall()
    roles = frozenset(name for (name,) in connection.execute(queries.load("protection/roles")))
    version, system, oid, database, owner, is_template, role, is_superuser, memberships = row
    sequences = {oid: table for table, oid, _, _ in connection.execute(queries.load("protection/owned_sequences"))}
    return TargetFacts(
        version, system, oid, database, owner, is_template, role, is_superuser, frozenset(memberships), roles,
        tuple(map(_frozen, tables)), sequences,
    )  # fmt: skip


def _frozen(table: Table) -> Table:
    return replace(table, key=tuple(table.key), columns=tuple(table.columns))
