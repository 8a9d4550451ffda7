"""A source's tree in tovgov's own database: growing it, and reading hashes and proofs out of its tiles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db import connection

from audit.models import ImportSource, SealTile, SealTree
from audit.seals import merkle
from audit.seals.merkle import HASH, TILE, TILE_HEIGHT, Frontier

CACHED = 64
"""Tiles kept in memory while proofs are read."""
COPY = "COPY audit_sealtile (tree_id, level, number, hashes) FROM STDIN"
FILL = "UPDATE audit_sealtile SET hashes = hashes || %s WHERE tree_id = %s AND level = %s AND number = %s"


def tree_of(source: ImportSource) -> SealTree:
    """The tree of ``source``; planted at its first use."""
    return SealTree.objects.get_or_create(source=source)[0]


def lock(source: ImportSource) -> SealTree:
    """The tree of ``source``, locked to the end of the caller's transaction: the next leaf is number ``size``."""
    tree_of(source)
    return SealTree.objects.select_for_update(of=("self",), no_key=True).get(source=source)


def append(source: ImportSource, leaf_hashes: Iterable[bytes] | bytearray) -> int:
    """Append leaves, whose hashes may stand side by side, to the tree of ``source`` in the caller's transaction; the
    number of the first. Others who append wait until that transaction ends, so numbers have no gaps."""
    tree = lock(source)
    first, hashes = tree.size, bytes(leaf_hashes) if isinstance(leaf_hashes, bytearray) else b"".join(leaf_hashes)
    if not hashes:
        return first
    frontier = Frontier.read(tree.size, bytes(tree.frontier))
    _write(tree, first, frontier.extend(hashes))
    tree.size, tree.frontier = frontier.size, frontier.write()
    tree.save(update_fields=["size", "frontier"])
    return first


def root(tree: SealTree) -> bytes:
    """The root of the tree as it stands."""
    return Frontier.read(tree.size, bytes(tree.frontier)).root()


def _write(tree: SealTree, size: int, added: list[bytes]) -> None:
    """What was added to each level, cut into tiles; the last tile of a level is filled up first."""
    with connection.cursor() as cursor:
        for level, hashes in enumerate(added):
            first = size >> TILE_HEIGHT * level
            if hashes and (room := -first % TILE):
                cursor.execute(FILL, [hashes[: room * HASH], tree.pk, level, first // TILE])
        with connection.wrap_database_errors, cursor.copy(COPY) as copy:
            for level, hashes in enumerate(added):
                first = size >> TILE_HEIGHT * level
                room = -first % TILE
                for tile, share in cut(hashes[room * HASH :], first + room):
                    copy.write(f"{tree.pk}\t{level}\t{tile}\t\\\\x{share.hex()}\n")


def cut(hashes: bytes, first: int) -> Iterator[tuple[int, bytes]]:
    """``hashes``, of which the first has the number ``first`` in its level, as (tile, its share)."""
    at = 0
    while at < len(hashes):
        tile, place = divmod(first + at // HASH, TILE)
        end = at + (TILE - place) * HASH
        yield tile, hashes[at:end]
        at = end


# --- reading ----------------------------------------------------------------------------------------------------------


class Tiles:
    """The tiles of a tree, read as they are needed."""

    def __init__(self, tree: SealTree) -> None:
        self.tree = tree
        self._cache: dict[tuple[int, int], bytes] = {}

    def tile(self, level: int, number: int) -> bytes:
        """The hashes of a tile; none for one that is not there."""
        key = (level, number)
        if key not in self._cache:
            if len(self._cache) >= CACHED:
                del self._cache[next(iter(self._cache))]
            rows = SealTile.objects.filter(tree=self.tree, level=level, number=number)
            self._cache[key] = bytes(rows.values_list("hashes", flat=True).first() or b"")
        return self._cache[key]

    def leaf(self, number: int) -> bytes:
        """The hash of a leaf; empty for one that is not there."""
        tile, place = divmod(number, TILE)
        return self.tile(0, tile)[place * HASH : (place + 1) * HASH]

    def range_hash(self, first: int, end: int) -> bytes:
        """The root over the leaves ``first`` to ``end - 1``, as ``merkle.RangeHash`` has it."""
        size = end - first
        if size & (size - 1):
            middle = first + merkle.split(size)
            return merkle.node_hash(self.range_hash(first, middle), self.range_hash(middle, end))
        level, height = divmod(size.bit_length() - 1, TILE_HEIGHT)
        tile, place = divmod(first >> TILE_HEIGHT * level, TILE)
        return merkle.full_root(self.tile(level, tile)[place * HASH : (place + (1 << height)) * HASH])

    def root(self, size: int) -> bytes:
        """The root that the tree had when it had ``size`` leaves."""
        return self.range_hash(0, size) if size else merkle.EMPTY_ROOT

    def inclusion(self, number: int, size: int) -> list[bytes]:
        """The path that proves leaf ``number`` in the tree of ``size`` leaves."""
        return merkle.inclusion_path(number, size, self.range_hash)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The path that proves that the tree of ``old`` leaves grew to the one of ``new``."""
        return merkle.consistency_path(old, new, self.range_hash)
