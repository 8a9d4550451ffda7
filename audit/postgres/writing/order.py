"""In which order tables take rows: parents before their children."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Node = TypeVar("Node")
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Edge(Generic[Key]):
    """A foreign key of the table ``child`` to the table ``parent``."""

    name: str
    child: Key
    parent: Key
    is_deferrable: bool


@dataclass(frozen=True, slots=True)
class Order(Generic[Node, Key]):
    """``nodes``, parents first. ``deferred`` names the foreign keys of circles, checked when all rows are in. With a
    ``circle`` that none of its keys lets go of there is no order; it ends where it began."""

    nodes: tuple[Node, ...]
    deferred: frozenset[str]
    circle: tuple[Key, ...] = ()


def arrange(nodes: Iterable[Node], edges: Collection[Edge[Key]], key: Callable[[Node], Key]) -> Order[Node, Key]:
    """Sort ``nodes``, whose tables ``key`` tells; those that could be next keep the order they came in. A reference of
    a table to itself is no hindrance: a statement checks it at its end."""
    left, done, deferred = list(nodes), list[Node](), set[str]()
    while left:
        tables = {key(node) for node in left}
        edges = [e for e in edges if e.child in tables and e.parent in tables and e.child != e.parent]
        waiting = {edge.child for edge in edges}
        ready = [node for node in left if key(node) not in waiting]
        if ready:
            done += ready
            left = [node for node in left if key(node) in waiting]
            continue
        loose = {edge.name for edge in edges if edge.is_deferrable}
        if not loose:
            return Order((*done, *left), frozenset(deferred), _circle(key(left[0]), edges))
        deferred |= loose
        edges = [edge for edge in edges if not edge.is_deferrable]
    return Order(tuple(done), frozenset(deferred))


def _circle(start: Key, edges: Collection[Edge[Key]]) -> tuple[Key, ...]:
    """Walk from parent to parent until one comes again: that is the circle to name."""
    path = [start]
    while True:
        step = next(edge.parent for edge in edges if edge.child == path[-1])
        if step in path:
            return (*path[path.index(step) :], step)
        path.append(step)
