"""The rows of a source against the leaf hashes of its tree: altered, gone, put in, in another's place."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import IO

from audit.models import ImportSource
from audit.seals.entries import Sealed, copied, tables_of
from audit.seals.merkle import HASH
from audit.seals.retirement import Retired, runs_of
from audit.seals.told import leaves as words
from audit.seals.told import ranges, some

EVERY = 10_000
"""``tell`` is called after so many rows."""
REMEMBERED = 10_000
"""Of so many rows that are not their leaf, it is found out whether they are another's."""


@dataclass(slots=True)
class Found:
    """How many rows are their leaf, how many leaves are retired, and what is wrong."""

    sound: int = 0
    retired: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Wrong:
    altered: list[tuple[int, bytes, int]] = field(default_factory=list)  # leaf, hash, id
    put_in: list[str] = field(default_factory=list)


def verify(
    source: ImportSource, size: int, file: IO[bytes], retired: Sequence[Retired], tell: Callable[[int], None]
) -> Found:
    """Compare every row of ``source`` with its hash in ``file``."""
    count = min(size, file.seek(0, 2) // HASH)
    seen, wrong, found = bytearray(count), _Wrong(), Found()
    with _mapped(file) as expected:
        for table in tables_of(source):
            _compare(source, table, count, expected, seen, wrong, tell)
        found.sound = count - seen.count(0) - len(wrong.altered)
        found.faults += some(list(_altered(wrong.altered, seen, expected)))
    found.faults += some(wrong.put_in)
    for first, last in runs_of(retired):
        part = seen[first : last + 1]
        found.retired += part.count(0)
        seen[first : last + 1] = b"\x01" * len(part)
    gone = list(ranges(_unseen(seen)))
    found.faults += some([f"{words(*one)} {'is' if one[0] == one[1] else 'are'} gone." for one in gone])
    return found


def _mapped(file: IO[bytes]) -> mmap.mmap:
    if file.seek(0, 2) == 0:
        return mmap.mmap(-1, 1)
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _compare(source: ImportSource, table: Sealed, count: int, expected: mmap.mmap, seen: bytearray, wrong: _Wrong,
             tell: Callable[[int], None]) -> None:  # fmt: skip
    read = 0
    with copied(table.select(table.of(source), "e.leaf", "e.id")) as lines:
        for line in lines:
            leaf, key, text = line.split(b"\t", 2)
            number = -1 if leaf == b"\\N" else int(leaf)
            if not 0 <= number < count or seen[number]:
                wrong.put_in.append(f"entry {int(key)} was put in{_claim(number)}.")
            else:
                seen[number] = 1
                found = sha256(b"\x00" + text).digest()
                if found != expected[number * HASH : number * HASH + HASH]:
                    wrong.altered.append((number, found, int(key)))
            read += 1
            if read % EVERY == 0:
                tell(EVERY)
    tell(read % EVERY)


def _claim(number: int) -> str:
    return "" if number < 0 else f" (it says that it is leaf {number:,})"


def _altered(altered: list[tuple[int, bytes, int]], seen: bytearray, expected: mmap.mmap) -> Iterator[str]:
    """Rows that are not their leaf: those of another, then those of none."""
    places = [leaf for leaf, _, _ in altered[:REMEMBERED]]
    by_hash = {expected[leaf * HASH : leaf * HASH + HASH]: leaf for leaf in [*places, *_first(_unseen(seen))]}
    changed = []
    for leaf, found, key in sorted(altered):
        if found in by_hash:
            yield f"entry {key} stands as leaf {leaf:,} and was sealed as leaf {by_hash[found]:,}."
        else:
            changed.append((leaf, key))
    if len(changed) == 1:
        yield f"leaf {changed[0][0]:,} (entry {changed[0][1]}) was altered."
    else:
        yield from (f"{words(*one)} {'was' if one[0] == one[1] else 'were'} altered." for one in
                    ranges(leaf for leaf, _ in changed))  # fmt: skip


def _first(numbers: Iterator[int]) -> Iterator[int]:
    for _, number in zip(range(REMEMBERED), numbers, strict=False):
        yield number


def _unseen(seen: bytearray) -> Iterator[int]:
    at = seen.find(0)
    while at >= 0:
        yield at
        at = seen.find(0, at + 1)
