"""Locks by name: one holder, gone with its connection."""

from __future__ import annotations

import threading

import pytest

from audit import locks

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_holds_it_and_the_next_does_not() -> None:
    with locks.held("backup 1") as first, locks.held("backup 1") as second, locks.held("backup 2") as other:
        assert (first, second, other) == (True, False, True)
    with locks.held("backup 1") as again:
        assert again


def test_one_of_several_is_taken_until_none_is_left() -> None:
    names = ["slot 0", "slot 1"]
    with locks.one_of(names) as one, locks.one_of(names) as two, locks.one_of(names) as three:
        assert (one, two, three) == ("slot 0", "slot 1", None)


def test_it_can_be_waited_for() -> None:
    taken, free = threading.Event(), threading.Event()

    def hold() -> None:
        with locks.held("backup 1"):
            taken.set()
            free.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    assert taken.wait(60)
    threading.Timer(0.3, free.set).start()
    with locks.held("backup 1", wait_seconds=60) as got:
        assert got
    holder.join()


def test_it_ends_with_a_failing_block() -> None:
    with pytest.raises(RuntimeError), locks.held("backup 1"):
        raise RuntimeError
    with locks.held("backup 1") as got:
        assert got
