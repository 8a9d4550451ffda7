"""Merkle trees as RFC 6962 (section 2.1) and RFC 9162 define them: roots, inclusion and consistency. Pure functions
over hashes; nothing here knows where they are kept.

A *tile* is the idea of C2SP tlog-tiles: the tree in pieces of 256 hashes. Level 0 holds the leaves' hashes, level 1 the
roots of each full 256 of them, and so on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

HASH = 32
"""Bytes of a hash."""
TILE_HEIGHT = 8
TILE = 1 << TILE_HEIGHT
"""Hashes of a full tile."""
EMPTY_ROOT = sha256(b"").digest()

RangeHash = Callable[[int, int], bytes]
"""The root over the leaves from the first number up to, not including, the second."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf that holds ``data``."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def split(size: int) -> int:
    """The largest power of two below ``size``, which is 2 or more."""
    return 1 << (size - 1).bit_length() - 1


def full_root(hashes: bytes) -> bytes:
    """The root over a power of two of hashes that stand side by side."""
    while len(hashes) > HASH:
        pairs = range(0, len(hashes), 2 * HASH)
        hashes = b"".join([sha256(b"\x01" + hashes[at : at + 2 * HASH]).digest() for at in pairs])
    return hashes


def root(hashes: Sequence[bytes]) -> bytes:
    """The root over leaf hashes."""
    frontier = Frontier()
    frontier.extend(b"".join(hashes))
    return frontier.root()


@dataclass
class Frontier:
    """The right edge of a growing tree: the roots of its full subtrees, the largest first. All that is needed to grow
    it and to know its root."""

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    @classmethod
    def read(cls, size: int, data: bytes) -> Frontier:
        """The frontier that ``data`` writes. Raises ``ValueError`` when it is none of a tree of ``size`` leaves."""
        if len(data) != HASH * size.bit_count():
            raise ValueError(f"A tree of {size} leaves has {size.bit_count()} peaks, not {len(data) / HASH:g}.")
        return cls(size, [data[at : at + HASH] for at in range(0, len(data), HASH)])

    def write(self) -> bytes:
        """The peaks side by side."""
        return b"".join(self.peaks)

    def root(self) -> bytes:
        """The root of the tree as it is."""
        if not self.peaks:
            return EMPTY_ROOT
        right = self.peaks[-1]
        for left in reversed(self.peaks[:-1]):
            right = node_hash(left, right)
        return right

    def extend(self, hashes: bytes) -> list[bytes]:
        """Append leaf hashes that stand side by side. Returns what it adds to each level of tiles, from level 0 on."""
        added: list[bytearray] = [bytearray(hashes)]
        at, end = 0, len(hashes)
        while at < end:
            height = TILE_HEIGHT if self.size % TILE == 0 and end - at >= TILE * HASH else 0
            step = HASH << height
            self._push(height, full_root(hashes[at : at + step]), added)
            at += step
        return [bytes(level) for level in added]

    def _push(self, height: int, found: bytes, added: list[bytearray]) -> None:
        self.size += 1 << height
        merges = self.size >> height & -(self.size >> height)  # 2 to the number of equal peaks that stand before it
        while True:
            if height and height % TILE_HEIGHT == 0:
                level = height // TILE_HEIGHT
                added.extend(bytearray() for _ in range(level + 1 - len(added)))
                added[level] += found
            if merges == 1:
                break
            found, height, merges = node_hash(self.peaks.pop(), found), height + 1, merges >> 1
        self.peaks.append(found)


# --- proofs -----------------------------------------------------------------------------------------------------------


def range_hash_of(hashes: Sequence[bytes]) -> RangeHash:
    """A ``RangeHash`` over leaf hashes in memory."""

    def found(first: int, end: int) -> bytes:
        return root(hashes[first:end])

    return found


def inclusion_path(number: int, size: int, of: RangeHash) -> list[bytes]:
    """PATH(m, D[n]) of RFC 6962: what proves that leaf ``number`` is in the tree of ``size`` leaves. Raises
    ``ValueError`` for a leaf that is not in it."""
    if not 0 <= number < size:
        raise ValueError(f"There is no leaf {number} among {size}.")
    path, first, end = [], 0, size
    while end - first > 1:
        middle = first + split(end - first)
        if number < middle:
            path.append(of(middle, end))
            end = middle
        else:
            path.append(of(first, middle))
            first = middle
    return path[::-1]


def consistency_path(old: int, new: int, of: RangeHash) -> list[bytes]:
    """PROOF(m, D[n]) of RFC 6962: what proves that the first ``old`` leaves of the tree of ``new`` leaves are the tree
    that had ``old``. Raises ``ValueError`` when ``old`` is larger or negative."""
    if not 0 <= old <= new:
        raise ValueError(f"A tree of {new} leaves never had {old}.")
    if old in (0, new):
        return []
    path, first, end, whole = [], 0, new, True
    while end != old:
        middle = first + split(end - first)
        if old <= middle:
            path.append(of(middle, end))
            end = middle
        else:
            path.append(of(first, middle))
            first, whole = middle, False
    if not whole:
        path.append(of(first, end))
    return path[::-1]


def verify_inclusion(found: bytes, number: int, size: int, path: Iterable[bytes], tree_root: bytes) -> bool:
    """Whether ``path`` proves that the leaf with the hash ``found`` is leaf ``number`` (RFC 9162, 2.1.3.2)."""
    if not 0 <= number < size:
        return False
    fn, sn = number, size - 1
    for sibling in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            found = node_hash(sibling, found)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            found = node_hash(found, sibling)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and found == tree_root


def verify_consistency(old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether ``path`` proves that the tree of ``old`` leaves grew to the one of ``new`` (RFC 9162, 2.1.4.2)."""
    if old == new:
        return not path and old_root == new_root
    if old == 0:
        return not path and old_root == EMPTY_ROOT
    if not 0 < old < new or not path:
        return False
    path = list(path)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for sibling in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(sibling, fr), node_hash(sibling, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, sibling)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == old_root and sr == new_root
