"""From a file's text to what is stored: its records, chunk by chunk. Runs beside the thread that stores, or in a
process of its own: it asks the database nothing and knows no model."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from audit.imports.server_logs.chunk import Chunk
from audit.imports.server_logs.filling import Filling, Ways
from audit.postgres.logs.record import Fault, Parser

ROWS = 30_000
"""Records of a chunk, about: it is one transaction."""
FIRST_ROWS = 4_000
"""Of the first chunk; each is twice the one before. So storing begins soon."""
BYTES = 16 * 1024 * 1024
"""Of lines; a chunk of long records is shorter."""
PART = 128 * 1024
"""Bytes of text that are read at once: their records stay in the processor's cache until they are lines."""


def chunks(
    text: Iterator[bytes | Fault], parser: Parser, ways: Ways, *, ends: Callable[[], bool | None]
) -> Iterator[Chunk]:
    """Read ``text`` to its end. ``ends`` says there whether more may come (None: at any moment; False: not within
    seconds) or whether the file is over (True)."""
    chunk, is_broken, take = Chunk(), False, Filling(ways).take
    enough = min(FIRST_ROWS, ROWS)
    for piece in text:
        if isinstance(piece, Fault):
            chunk.blame(piece)
            is_broken = True
            continue
        for start in range(0, len(piece), PART):
            take(chunk, parser.feed(piece[start : start + PART]))
        if chunk.records >= enough or len(chunk.lines) >= BYTES:
            yield _closed(chunk, parser)
            chunk, enough = Chunk(), min(2 * enough, ROWS)
    is_over = True if is_broken else ends()
    if is_over is not None:
        take(chunk, parser.finish() if is_over else parser.settle())
    chunk.is_last, chunk.is_settled, chunk.is_over = True, is_over is not None, bool(is_over)
    yield _closed(chunk, parser)


def _closed(chunk: Chunk, parser: Parser) -> Chunk:
    chunk.offset, chunk.state, chunk.format = parser.consumed, parser.state, parser.format
    return chunk
