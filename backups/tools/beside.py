"""Work in a thread beside ours: two cores decode a copy, one decrypts and hashes, the other decompresses and writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from queue import Queue
from threading import Thread

from backups.tools.checksums import CHUNK, Writer

AHEAD = 8  # pieces of CHUNK bytes that may wait: memory stays flat


@contextmanager
def beside(sink: Writer) -> Iterator[Writer]:
    """A writer whose bytes reach ``sink`` in order, from another thread. What ``sink`` raises comes out at a later
    write, or at the end of the block, where everything has been written. A block that fails writes no more."""
    worker = _Beside(sink)
    try:
        yield worker
        worker.flush()
    except BaseException:
        worker.give_up()
        raise
    finally:
        worker.end()
    worker.check()


class _Beside:
    def __init__(self, sink: Writer) -> None:
        self._sink = sink
        self._error: BaseException | None = None
        self._given_up = False
        self._piece = bytearray()
        self._queue: Queue[bytes | None] = Queue(AHEAD)
        self._thread = Thread(target=self._work, name="beside", daemon=True)
        self._thread.start()

    def write(self, data: bytes, /) -> int:
        self.check()
        self._piece += data
        if len(self._piece) >= CHUNK:
            self.flush()
        return len(data)

    def flush(self) -> None:
        if self._piece:
            self._queue.put(bytes(self._piece))
            self._piece.clear()

    def give_up(self) -> None:
        self._given_up = True

    def end(self) -> None:
        self._queue.put(None)
        self._thread.join()

    def check(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        """Goes on taking after an error, so that nobody waits for room in the queue."""
        while (data := self._queue.get()) is not None:
            if self._error is None and not self._given_up:
                try:
                    self._sink.write(data)
                except BaseException as error:  # noqa: BLE001 - it is raised in the other thread
                    self._error = error
