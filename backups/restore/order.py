"""In which order tables can take rows: a parent before its children."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from audit.postgres.writing.order import Edge, arrange
from backups.exceptions import MergeImpossible
from backups.restore.names import TableName
from backups.restore.shape import Reference


@dataclass(frozen=True, slots=True)
class Order:
    """``tables``, parents first. ``deferred`` are the foreign keys of a cycle, checked when all rows are in; while
    there are none, every row finds its parent at once."""

    tables: tuple[TableName, ...]
    deferred: tuple[str, ...]


def order(tables: Collection[TableName], references: Collection[Reference]) -> Order:
    """Sort ``tables`` by ``references``. A reference to itself is no hindrance: a statement checks it at its end.

    Raises ``MergeImpossible`` when a cycle has no deferrable foreign key.
    """
    edges = [
        Edge(r.name, r.child, r.parent, r.is_deferrable)
        for r in sorted(references, key=lambda r: r.name)
        if r.child in tables and r.parent in tables
    ]
    found = arrange(sorted(tables), edges, key=lambda table: table)
    if found.circle:
        raise _stuck(found.circle)
    return Order(found.nodes, tuple(sorted(found.deferred)))


def _stuck(cycle: Collection[TableName]) -> MergeImpossible:
    return MergeImpossible(
        f"These tables refer to each other in a circle: {' → '.join(map(str, cycle))}.",
        hint="None of the foreign keys in the circle is DEFERRABLE, so neither table can be first. "
        "Merge some of them, make one of the keys deferrable, or use Replace.",
        tables=[str(table) for table in cycle],
    )
