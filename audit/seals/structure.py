"""The tree without its rows: its tiles must fit each other, its frontier, and every witness."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from audit.models import SealTile, SealTree
from audit.seals.merkle import HASH, TILE, TILE_HEIGHT, Frontier
from audit.seals.told import ranges, some
from audit.seals.witnesses import Witness


@contextmanager
def leaf_file() -> Iterator[IO[bytes]]:
    """A file for leaf hashes, 32 bytes each, that is gone afterwards."""
    with tempfile.TemporaryFile(prefix="tovgov-leaves-") as file:
        yield file


def verify(tree: SealTree, witnesses: Iterator[Witness], leaves: IO[bytes]) -> list[str]:
    """What is wrong with the tree; its leaf hashes are written to ``leaves``."""
    faults: list[str] = []
    walk = _Walk(witnesses)
    for expected, (number, hashes) in enumerate(_leaf_tiles(tree)):
        full = number < tree.size // TILE
        if number != expected or len(hashes) != (TILE if full else tree.size % TILE) * HASH:
            break
        walk.tile(hashes)
        leaves.write(hashes)
    leaves.flush()
    if walk.frontier.size < tree.size:
        faults.append(f"the hashes of leaf {walk.frontier.size:,} and of those after it are gone or damaged.")
    elif walk.frontier.write() != bytes(tree.frontier):
        faults.append("the tree's root is not that of its hashes.")
    faults += _upper(tree, walk)
    return faults + walk.end(tree.size)


class _Walk:
    """The tree grown again from its leaf hashes, and what the witnesses say on the way."""

    def __init__(self, witnesses: Iterator[Witness]) -> None:
        self.frontier = Frontier()
        self.levels: dict[int, bytearray] = defaultdict(bytearray)
        self._witnesses = witnesses
        self._next = next(witnesses, None)
        self._against: list[str] = []

    def tile(self, hashes: bytes) -> None:
        """Grow by these leaves, stopping at each size that a witness speaks of."""
        at, first = 0, self.frontier.size
        while self._next is not None and self._next.size <= first + len(hashes) // HASH:
            end = max(at, (self._next.size - first) * HASH)
            self._grow(hashes[at:end])
            self._hear(self._next)
            at, self._next = end, next(self._witnesses, None)
        self._grow(hashes[at:])

    def _grow(self, hashes: bytes) -> None:
        for level, added in enumerate(self.frontier.extend(hashes)):
            if level:
                self.levels[level] += added

    def _hear(self, witness: Witness) -> None:
        if witness.size != self.frontier.size or witness.root != self.frontier.root():
            self._against.append(f"it is not the tree of {witness.size:,} leaves that {witness.who} vouches for.")

    def end(self, size: int) -> list[str]:
        """What the witnesses say, those too that speak of a larger tree."""
        while self._next is not None:
            self._against.append(f"it has {size:,} leaves; {self._next.who} vouches for {self._next.size:,}.")
            self._next = next(self._witnesses, None)
        return some(self._against)


def _leaf_tiles(tree: SealTree) -> Iterator[tuple[int, bytes]]:
    if tree.pk is None:
        return
    tiles = SealTile.objects.filter(tree=tree, level=0, number__lte=max(0, tree.size - 1) // TILE).order_by("number")
    for number, hashes in tiles.values_list("number", "hashes").iterator(200):
        yield number, bytes(hashes)


def _upper(tree: SealTree, walk: _Walk) -> list[str]:
    """Hashes of inner nodes that do not fit the leaf hashes below them."""
    wrong: dict[int, list[int]] = defaultdict(list)
    stored: dict[int, dict[int, bytes]] = defaultdict(dict)
    for tile in SealTile.objects.filter(tree=tree, level__gte=1) if tree.pk else ():
        stored[tile.level][tile.number] = bytes(tile.hashes)
    for level in walk.levels.keys() | stored.keys():
        found = bytes(walk.levels[level])
        for number in range(-(-len(found) // (TILE * HASH))):
            kept = stored[level].pop(number, b"")
            wanted = found[number * TILE * HASH : (number + 1) * TILE * HASH]
            for place in range(0, len(wanted), HASH):
                if kept[place : place + HASH] != wanted[place : place + HASH]:
                    wrong[level].append(number * TILE + place // HASH)
    return some(
        [
            f"the kept hashes of leaves {first << TILE_HEIGHT * level:,} to {(last + 1 << TILE_HEIGHT * level) - 1:,}"
            " do not fit each other."
            for level, numbers in sorted(wrong.items())
            for first, last in ranges(numbers)
        ]
    )
