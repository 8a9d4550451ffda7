"""In which order the parts are put in: parents before their children."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from audit.postgres.writing.order import Edge, arrange
from audit.undelete.columns import Part
from audit.undelete.shape import Reference


@dataclass(frozen=True, slots=True)
class Order:
    """``deferred``: foreign keys of a circle that are checked when all rows are in. ``stuck``: tables of a circle in
    which none can be."""

    parts: tuple[Part, ...]
    deferred: frozenset[str]
    stuck: tuple[str, ...]


def order(parts: Collection[Part], refers: Callable[[Part, Reference], bool]) -> Order:
    """Sort ``parts``. ``refers`` says whether rows of a part name a parent at all; a foreign key that is NULL in all
    of them is no hindrance, and neither is a table's reference to itself: a statement checks it at its end."""
    roots = {part.now.root for part in parts}
    edges = [
        Edge(reference.name, part.now.root, reference.parent_root, reference.is_deferrable)
        for part in parts
        for reference in part.now.references
        if reference.parent_root in roots and reference.parent_root != part.now.root and refers(part, reference)
    ]
    ordered = sorted(parts, key=lambda part: (part.label, part.number))
    found = arrange(ordered, edges, key=lambda part: part.now.root)
    labels = {part.now.root: part.label for part in ordered}
    return Order(found.nodes, found.deferred, tuple(labels[root] for root in found.circle))
