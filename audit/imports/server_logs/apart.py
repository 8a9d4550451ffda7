"""Reading a long file in a process of its own, so that one core reads while another stores: both want Python, and a
thread would wait for the other at every step.

The process gets text on its standard input and writes chunks to its standard output, each as a pickle. It opens no
file, asks no database and knows no password: its environment is where to find this code. It ends with its input, and so
with the worker, however that ends.
"""

from __future__ import annotations

import fcntl
import gc
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from itertools import chain, islice
from pathlib import Path
from threading import Thread
from typing import IO, Any

from audit.exceptions import LogReaderLost
from audit.imports.server_logs import chunks as made_of
from audit.imports.server_logs.chunk import Chunk
from audit.imports.server_logs.filling import Ways
from audit.postgres.logs.opening import open_parser
from audit.postgres.logs.reading import Reader
from audit.postgres.logs.record import Fault, Parser

PIECES = 6
"""A text of fewer pieces (megabytes) is read here: starting a process takes as long as reading about two."""
GRACE_SECONDS = 5.0
"""Between the end of its output and its own."""
PIPE = 1024 * 1024
"""Bytes that a pipe holds: a thread that hands over little at a time waits each time for its turn at the interpreter,
and the process for it."""
HERE = Path(__file__).resolve().parents[3]
COMMAND = (sys.executable, "-m", "audit.imports.server_logs.apart")
Text = Iterator[bytes | Fault]
Ends = Callable[[], bool | None]


def chunks(text: Text, parser: Parser, ways: Ways, *, ends: Ends) -> Generator[Chunk, None, None]:
    """As ``chunks.chunks``, for a long text by a process of its own. Raises what ``text`` raises, and
    ``LogReaderLost``."""
    head = list(islice(text, PIECES))
    whole = chain(head, text)
    if len(head) < PIECES:
        yield from made_of.chunks(whole, parser, ways, ends=ends)
        return
    with closing(_Apart(whole, parser, ways, ends)) as process:
        yield from process.chunks()


class _Apart:
    """The process as its worker sees it: a thread hands it the text, the caller takes the chunks."""

    def __init__(self, text: Text, parser: Parser, ways: Ways, ends: Ends) -> None:
        self._text, self._ends = text, ends
        self._error: BaseException | None = None
        self._process = subprocess.Popen(
            COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/", env={"PYTHONPATH": str(HERE)}
        )
        for pipe in (self._process.stdin, self._process.stdout):
            _widen(pipe)
        known = (ways.target_id, ways.file_id, ways.roles, ways.former, ways.own)
        begin = (parser.state, known, ways.reader.masking, made_of.ROWS)
        self._feeder = Thread(target=self._feed, args=(begin,), name="feeding a reader", daemon=True)
        self._feeder.start()

    def chunks(self) -> Iterator[Chunk]:
        assert self._process.stdout is not None
        while True:
            found = _receive(self._process.stdout)
            if isinstance(found, Chunk):
                yield found
                if found.is_last:
                    return
                continue
            if isinstance(found, BaseException):
                raise found
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE_SECONDS)
            self._process.kill()
            self._feeder.join()
            raise self._error or LogReaderLost(f"It ended with status {self._process.wait()}.")

    def _feed(self, begin: Any) -> None:
        assert self._process.stdin is not None
        try:
            with self._process.stdin as out:
                _send(out, begin)
                for piece in self._text:
                    _send(out, piece)
                _send(out, (self._ends(),))
        except BrokenPipeError:
            pass  # it has ended, and who takes the chunks says why
        except BaseException as error:  # noqa: BLE001 - it is raised in the other thread
            self._error = error

    def close(self) -> None:
        """Nothing of it is left behind."""
        self._process.kill()
        self._process.wait()
        self._feeder.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


def _widen(pipe: IO[bytes] | None) -> None:
    """Where the system knows how and allows it."""
    with suppress(OSError, AttributeError):
        assert pipe is not None
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE)


def _send(out: IO[bytes], what: Any) -> None:
    pickle.dump(what, out, protocol=pickle.HIGHEST_PROTOCOL)
    out.flush()


def _receive(source: IO[bytes]) -> Any:
    """What the other side sent next; None when it has ended."""
    try:
        return pickle.load(source)  # noqa: S301  # our own process wrote it
    except (EOFError, pickle.UnpicklingError):
        return None


# --- the process -----------------------------------------------------------------------------------------------------


def main() -> None:
    """Read what comes in, write chunks, end."""
    source = sys.stdin.buffer
    with os.fdopen(os.dup(1), "wb") as out, suppress(BrokenPipeError):
        try:
            _work(source, out)
        except BrokenPipeError:
            raise
        except Exception as error:  # noqa: BLE001 - it is raised by the worker
            _send(out, error)


def _work(source: IO[bytes], out: IO[bytes]) -> None:
    state, (target_id, file_id, roles, former, own), masking, made_of.ROWS = _receive(source)
    ways = Ways(target_id, file_id, roles, Reader(masking), former, own)
    verdict: list[bool | None] = []

    def text() -> Text:
        while not isinstance(piece := _receive(source), tuple) or isinstance(piece, Fault):
            if piece is None:
                raise SystemExit  # the worker is gone, or has no more use for it
            yield piece
        verdict.append(piece[0])

    gc.disable()  # hardly anything of it is a cycle: what is, goes after each chunk
    gc.freeze()
    for chunk in made_of.chunks(text(), open_parser(state=state), ways, ends=lambda: verdict[0]):
        _send(out, chunk)
        gc.collect()


if __name__ == "__main__":
    main()
