"""Merkle trees: the reference vectors of Certificate Transparency, and a naive implementation for everything else."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.seals import merkle
from audit.seals.merkle import Frontier

# From the reference implementation of RFC 6962 (certificate-transparency, merkletree/merkle_tree_test.cc).
LEAVES = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PATHS: dict[tuple[int, int], list[str]] = {  # (leaf, size), leaves from 0
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
GROWTH: dict[tuple[int, int], list[str]] = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
HASHES = [merkle.leaf_hash(leaf) for leaf in LEAVES]


@pytest.mark.parametrize("size", range(1, 9))
def test_the_reference_roots(size: int) -> None:
    assert merkle.root(HASHES[:size]).hex() == ROOTS[size - 1]


def test_a_tree_without_leaves_has_the_hash_of_nothing() -> None:
    assert merkle.root([]) == sha256(b"").digest()


@pytest.mark.parametrize(("leaf", "size"), PATHS)
def test_the_reference_inclusion_proofs(leaf: int, size: int) -> None:
    path = merkle.inclusion_path(leaf, size, merkle.range_hash_of(HASHES))
    assert [part.hex() for part in path] == PATHS[leaf, size]


@pytest.mark.parametrize(("old", "new"), GROWTH)
def test_the_reference_consistency_proofs(old: int, new: int) -> None:
    path = merkle.consistency_path(old, new, merkle.range_hash_of(HASHES))
    assert [part.hex() for part in path] == GROWTH[old, new]


# --- against the definitions of RFC 6962, section 2.1, word by word ---------------------------------------------------


def naive_root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    middle = naive_split(len(leaves))
    return sha256(b"\x01" + naive_root(leaves[:middle]) + naive_root(leaves[middle:])).digest()


def naive_split(size: int) -> int:
    middle = 1
    while middle * 2 < size:
        middle *= 2
    return middle


def naive_path(number: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    middle = naive_split(len(leaves))
    if number < middle:
        return [*naive_path(number, leaves[:middle]), naive_root(leaves[middle:])]
    return [*naive_path(number - middle, leaves[middle:]), naive_root(leaves[:middle])]


def naive_growth(old: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    if old == len(leaves):
        return [] if whole else [naive_root(leaves)]
    middle = naive_split(len(leaves))
    if old <= middle:
        return [*naive_growth(old, leaves[:middle], whole=whole), naive_root(leaves[middle:])]
    return [*naive_growth(old - middle, leaves[middle:], whole=False), naive_root(leaves[:middle])]


def made_up(size: int) -> list[bytes]:
    return [str(number).encode() for number in range(size)]


def hashed(leaves: list[bytes]) -> list[bytes]:
    return [merkle.leaf_hash(leaf) for leaf in leaves]


sizes = st.one_of(st.integers(1, 40), st.sampled_from([255, 256, 257, 511, 512, 513, 768, 1000]))


@given(sizes, st.data())
def test_proofs_are_those_of_the_definition_and_hold(size: int, data: st.DataObject) -> None:
    leaves = made_up(size)
    hashes = hashed(leaves)
    number, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    of = merkle.range_hash_of(hashes)
    path, growth = merkle.inclusion_path(number, size, of), merkle.consistency_path(old, size, of)
    root = naive_root(leaves)
    assert merkle.root(hashes) == root
    assert path == naive_path(number, leaves)
    assert growth == naive_growth(old, leaves)
    assert merkle.verify_inclusion(hashes[number], number, size, path, root)
    assert merkle.verify_consistency(old, size, growth, naive_root(leaves[:old]), root)


@given(sizes, st.data())
def test_no_other_leaf_place_size_path_or_root_is_proved(size: int, data: st.DataObject) -> None:
    leaves = made_up(size)
    hashes, root = hashed(leaves), naive_root(leaves)
    number = data.draw(st.integers(0, size - 1))
    path = merkle.inclusion_path(number, size, merkle.range_hash_of(hashes))
    assert not merkle.verify_inclusion(merkle.leaf_hash(b"other"), number, size, path, root)
    assert not merkle.verify_inclusion(hashes[number], number, size, path, sha256(b"other").digest())
    assert not merkle.verify_inclusion(hashes[number], number, size, [*path, root], root)
    elsewhere = data.draw(st.integers(-1, size + 1).filter(lambda place: place != number))
    assert not merkle.verify_inclusion(hashes[number], elsewhere, size, path, root)
    if path:
        assert not merkle.verify_inclusion(hashes[number], number, size, path[:-1], root)


@given(sizes, st.data())
def test_a_tree_that_was_rewritten_is_not_consistent(size: int, data: st.DataObject) -> None:
    leaves = made_up(size)
    old = data.draw(st.integers(1, size))
    root, old_root = naive_root(leaves), naive_root(leaves[:old])
    growth = merkle.consistency_path(old, size, merkle.range_hash_of(hashed(leaves)))
    altered = data.draw(st.integers(0, old - 1))
    forged = [*leaves[:altered], b"forged", *leaves[altered + 1 :]]
    forged_growth = merkle.consistency_path(old, size, merkle.range_hash_of(hashed(forged)))
    assert not merkle.verify_consistency(old, size, forged_growth, old_root, naive_root(forged))
    assert not merkle.verify_consistency(old, size, growth, naive_root(forged[:old]), root)
    assert not merkle.verify_consistency(old, size, growth, old_root, naive_root(forged))
    assert not merkle.verify_consistency(old, size, [*growth, root], old_root, root)
    assert not merkle.verify_consistency(size + 1, size, growth, old_root, root)


@given(st.lists(st.integers(0, 600), max_size=6))
def test_a_tree_that_grows_in_steps_is_the_tree_that_grew_at_once(steps: list[int]) -> None:
    leaves = hashed(made_up(sum(steps)))
    frontier, levels = Frontier(), [b"", b""]
    for step in steps:
        at = frontier.size
        added = frontier.extend(b"".join(leaves[at : at + step]))
        levels = [before + (added[place] if place < len(added) else b"") for place, before in enumerate(levels)]
        frontier = Frontier.read(frontier.size, frontier.write())
    assert frontier.root() == merkle.root(leaves)
    assert levels[0] == b"".join(leaves)
    full = [leaves[at : at + 256] for at in range(0, len(leaves) - 255, 256)]
    assert levels[1] == b"".join(merkle.root(tile) for tile in full)


def test_the_third_level_begins_after_65536_leaves() -> None:
    leaves = [sha256(str(number).encode()).digest() for number in range(65_536)]
    frontier = Frontier()
    frontier.extend(b"".join(leaves[:100]))
    added = frontier.extend(b"".join(leaves[100:]))
    assert [len(level) // 32 for level in added] == [65_436, 256, 1]
    assert added[2] == frontier.root() == merkle.full_root(b"".join(leaves))


def test_a_frontier_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="has 2 peaks"):
        Frontier.read(3, b"\0" * 32)


@pytest.mark.parametrize(("number", "size"), [(3, 3), (-1, 3), (0, 0)])
def test_there_is_no_path_to_a_leaf_that_is_not_there(number: int, size: int) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        merkle.inclusion_path(number, size, merkle.range_hash_of([]))


def test_a_tree_never_had_more_leaves_than_it_has() -> None:
    with pytest.raises(ValueError, match="never had 4"):
        merkle.consistency_path(4, 3, merkle.range_hash_of(HASHES))
