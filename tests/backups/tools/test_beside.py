"""What is written from another thread: all of it, in order; and what goes wrong there comes out here."""

from __future__ import annotations

import threading

import pytest

from backups.tools.beside import beside
from backups.tools.checksums import CHUNK


class Sink:
    def __init__(self, fails_after: int | None = None) -> None:
        self.pieces: list[bytes] = []
        self.fails_after = fails_after

    def write(self, data: bytes, /) -> int:
        if self.fails_after is not None and len(self.pieces) >= self.fails_after:
            raise OSError("the disk is full")
        self.pieces.append(bytes(data))
        return len(data)


def beside_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "beside"]


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 30 * CHUNK + 7])
def test_all_arrives_in_order(size: int) -> None:
    wanted, sink = bytes(i % 251 for i in range(1000)) * (size // 1000 + 1), Sink()
    with beside(sink) as writer:
        for start in range(0, size, 70_000):
            writer.write(wanted[start : min(start + 70_000, size)])
    assert b"".join(sink.pieces) == wanted[:size]
    assert beside_threads() == []


@pytest.mark.parametrize("fails_after", [0, 3])
def test_an_error_of_the_sink_comes_out_and_nobody_waits(fails_after: int) -> None:
    def write_much() -> None:
        with beside(Sink(fails_after)) as writer:
            for _ in range(200):
                writer.write(b"x" * CHUNK)

    with pytest.raises(OSError, match="the disk is full"):
        write_much()
    assert beside_threads() == []


def test_an_error_at_the_last_piece_comes_out_too() -> None:
    with pytest.raises(OSError, match="the disk is full"), beside(Sink(0)) as writer:
        writer.write(b"x")


def test_an_error_of_the_block_ends_the_thread() -> None:
    def stop_in_the_midst() -> None:
        with beside(Sink()) as writer:
            writer.write(b"x" * CHUNK)
            raise ValueError("cancelled")

    with pytest.raises(ValueError, match="cancelled"):
        stop_in_the_midst()
    assert beside_threads() == []
