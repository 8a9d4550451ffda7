"""A source's tree in the database: it grows in the caller's transaction, and its tiles prove every leaf."""

from __future__ import annotations

import threading
from hashlib import sha256

import pytest
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError

from audit.models import ImportSource, SealTile, SealTree
from audit.seals import merkle, tree
from tests.factories import ImportSourceFactory

pytestmark = pytest.mark.django_db


def made_up(size: int) -> list[bytes]:
    return [sha256(str(number).encode()).digest() for number in range(size)]


@pytest.fixture
def source() -> ImportSource:
    return ImportSourceFactory()


@pytest.mark.parametrize("steps", [[1], [256], [255, 1, 1], [3, 253, 300, 0, 7], [1000], [65_530, 20]])
def test_a_tree_grows(source: ImportSource, steps: list[int]) -> None:
    hashes, at = made_up(sum(steps)), 0
    for step in steps:
        assert tree.append(source, hashes[at : at + step]) == at
        at += step
    grown = SealTree.objects.get(source=source)
    assert (grown.size, tree.root(grown)) == (at, merkle.root(hashes))
    tiles = SealTile.objects.filter(tree=grown, level=0).order_by("number")
    assert b"".join(bytes(tile.hashes) for tile in tiles) == b"".join(hashes)
    assert all(len(tile.hashes) == 256 * 32 for tile in list(tiles)[:-1])


def test_its_tiles_prove_every_leaf_and_every_former_size(source: ImportSource) -> None:
    hashes = made_up(700)
    tree.append(source, hashes[:300])
    tree.append(source, hashes[300:])
    tiles = tree.Tiles(tree.tree_of(source))
    for size in (1, 2, 255, 256, 257, 511, 512, 600, 700):
        assert tiles.root(size) == merkle.root(hashes[:size])
        growth = tiles.consistency(size, 700)
        assert merkle.verify_consistency(size, 700, growth, tiles.root(size), tiles.root(700))
        for number in {0, size // 3, size - 1}:
            path = tiles.inclusion(number, size)
            assert merkle.verify_inclusion(hashes[number], number, size, path, merkle.root(hashes[:size]))
    assert (tiles.leaf(699), tiles.leaf(700)) == (hashes[699], b"")


def test_what_is_rolled_back_was_not_appended(source: ImportSource) -> None:
    hashes = made_up(300)
    tree.append(source, hashes[:10])
    with transaction.atomic():
        tree.append(source, hashes[10:])
        transaction.set_rollback(True)
    assert tree.append(source, hashes[10:20]) == 10
    assert tree.root(tree.tree_of(source)) == merkle.root(hashes[:20])


def test_trees_do_not_mix(source: ImportSource) -> None:
    other = ImportSourceFactory()
    tree.append(source, made_up(5))
    tree.append(other, made_up(3))
    assert (tree.tree_of(source).size, tree.tree_of(other).size) == (5, 3)


def test_a_proof_is_at_most_a_kilobyte_up_to_four_thousand_million_leaves() -> None:
    path = merkle.inclusion_path(2**31 + 5, 2**32 - 1, lambda first, end: b"\0" * 32)
    assert len(b"".join(path)) <= 1024


@pytest.mark.django_db(transaction=True)
def test_it_grows_inside_a_transaction_only(source: ImportSource) -> None:
    with pytest.raises(TransactionManagementError):
        tree.append(source, made_up(1))


@pytest.mark.django_db(transaction=True)
def test_two_who_append_at_once_get_numbers_of_their_own(source: ImportSource) -> None:
    firsts: list[int] = []
    start = threading.Barrier(4)

    def grow() -> None:
        try:
            start.wait()
            for _ in range(5):
                with transaction.atomic():
                    firsts.append(tree.append(source, made_up(100)))
        finally:
            connection.close()

    threads = [threading.Thread(target=grow) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(firsts) == [number * 100 for number in range(20)]
    tiles = tree.Tiles(tree.tree_of(source))
    assert tiles.root(2000) == tree.root(tree.tree_of(source)) == merkle.root(made_up(100) * 20)
