"""An iterator that runs in a thread beside ours: one core reads and classifies while another stores."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from queue import Queue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")
AHEAD = 1  # chunks that may wait: memory stays flat


@contextmanager
def ahead(of: Generator[T, None, None]) -> Iterator[Iterator[T]]:
    """What ``of`` yields, made ahead. What it raises comes out where it would have come. It has ended, or was closed
    at its next step, when the block is left."""
    made: Queue[tuple[str, T | BaseException | None]] = Queue(AHEAD)
    stop = Event()

    def work() -> None:
        try:
            with closing(of):
                for one in of:
                    made.put(("one", one))
                    if stop.is_set():
                        return
            made.put(("end", None))
        except BaseException as error:  # noqa: BLE001 - it is raised in the other thread
            made.put(("error", error))

    def taken() -> Iterator[T]:
        while True:
            what, one = made.get()
            if what == "end":
                return
            if what == "error":
                assert isinstance(one, BaseException)
                raise one
            yield one  # type: ignore[misc]

    thread = Thread(target=work, name="ahead", daemon=True)
    thread.start()
    try:
        yield taken()
    finally:
        stop.set()
        while thread.is_alive():
            while not made.empty():
                made.get()
            thread.join(0.01)
