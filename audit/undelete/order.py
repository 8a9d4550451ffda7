"""In which order the parts are put in: parents before their children."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

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
        (part, reference)
        for part in parts
        for reference in part.now.references
        if reference.parent_root in roots and reference.parent_root != part.now.root and refers(part, reference)
    ]
    done: list[Part] = []
    deferred: set[str] = set()
    left = sorted(parts, key=lambda part: (part.label, part.number))
    while left:
        waiting = {part.now.root for part, r in edges if part in left and r.parent_root in {p.now.root for p in left}}
        ready = [part for part in left if part.now.root not in waiting]
        if ready:
            done += ready
            left = [part for part in left if part not in ready]
            continue
        loose = [edge for edge in edges if edge[1].is_deferrable and edge[0] in left]
        if not loose:
            return Order((*done, *left), frozenset(deferred), tuple(_circle(left, edges)))
        deferred |= {reference.name for _, reference in loose}
        edges = [edge for edge in edges if edge not in loose]
    return Order(tuple(done), frozenset(deferred), ())


def _circle(left: list[Part], edges: list[tuple[Part, Reference]]) -> list[str]:
    """Walk from parent to parent until one comes again: that is the circle to name."""
    by_root = {part.now.root: part for part in left}
    path = [left[0]]
    while True:
        parents = (
            r.parent_root for part, r in edges if part.now.root == path[-1].now.root and r.parent_root in by_root
        )
        step = by_root[next(parents)]
        if step in path:
            return [part.label for part in [*path[path.index(step) :], step]]
        path.append(step)
