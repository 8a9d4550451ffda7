"""Names that a whole server has once: one test at a time has them, over all workers of a run."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock

from tests import environment

_held: Counter[str] = Counter()


@contextmanager
def to_ourselves(name: str) -> Iterator[None]:
    """Wait until no other worker has this name; a test that has it already goes on."""
    if _held[name]:
        yield
        return
    file = environment.folder() / f"{hashlib.sha256(name.encode()).hexdigest()}.lock"
    with file.open("w") as lock:
        flock(lock, LOCK_EX)
        _held[name] += 1
        try:
            yield
        finally:
            _held[name] -= 1
