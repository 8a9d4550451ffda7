"""In which order tables can take rows: a parent before its children."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

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
    edges = {r for r in references if r.child in tables and r.parent in tables and r.child != r.parent}
    done: list[TableName] = []
    deferred: set[str] = set()
    left = sorted(tables)
    while left:
        ready = [table for table in left if not any(e.child == table and e.parent in left for e in edges)]
        if ready:
            done += ready
            left = [table for table in left if table not in ready]
            continue
        loose = {edge for edge in edges if edge.is_deferrable and edge.child in left and edge.parent in left}
        if not loose:
            raise _stuck(left, edges)
        deferred |= {edge.name for edge in loose}
        edges -= loose
    return Order(tuple(done), tuple(sorted(deferred)))


def _stuck(left: list[TableName], edges: set[Reference]) -> MergeImpossible:
    """Walk from parent to parent until one comes again: that is the cycle to name."""
    path = [left[0]]
    while True:
        step = next(e.parent for e in sorted(edges, key=lambda e: e.name) if e.child == path[-1] and e.parent in left)
        if step in path:
            cycle = [*path[path.index(step) :], step]
            break
        path.append(step)
    return MergeImpossible(
        f"These tables refer to each other in a circle: {' → '.join(map(str, cycle))}.",
        hint="None of the foreign keys in the circle is DEFERRABLE, so neither table can be first. "
        "Merge some of them, make one of the keys deferrable, or use Replace.",
        tables=[str(table) for table in cycle],
    )
