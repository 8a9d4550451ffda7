"""How many records of server logs a second one core reads: ``python -m tests.benchmarks.parsing [records]``.

Made-up records of about 250 bytes, fed a megabyte at a time; CPU seconds, the best of three rounds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from audit.postgres.logs.opening import open_parser
from audit.postgres.logs.record import Found
from tests.audit.postgres.logs.writing import PREFIX, WRITERS, event

PIECE = 1024 * 1024
ROUNDS = 3
RECORDS = 200_000
QUERY = "SELECT * FROM orders WHERE id = 42 AND name = 'x'"


def text_of(write: Callable[..., str], records: int) -> bytes:
    """Records of every millisecond in turn, as a busy server writes them."""
    one = event(f"duration: 0.123 ms  statement: {QUERY}", pid=12345)
    return "".join(
        write(one, number).replace("10:40:01.123", f"10:40:{number // 1000 % 60:02}.{number % 1000:03}")
        for number in range(1, records + 1)
    ).encode()


def seconds(name: str, text: bytes, records: int) -> float:
    """CPU seconds to read all of it."""
    parser, found, start = open_parser(format=name, prefix=PREFIX), 0, time.process_time()
    for at in range(0, len(text), PIECE):
        found += sum(1 for one in parser.feed(text[at : at + PIECE]) if isinstance(one, Found))
    found += sum(1 for one in parser.finish() if isinstance(one, Found))
    took = time.process_time() - start
    if found != records:
        raise SystemExit(f"{name}: {found} of {records} records")
    return took


def main(records: int) -> None:
    """One line a format."""
    for name, write in WRITERS.items():
        text = text_of(write, records)
        best = min(seconds(name, text, records) for _ in range(ROUNDS))
        print(f"{name}: {records / best:,.0f} records/s, {len(text) / best / 1e6:.0f} MB/s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS)
