"""Waiting for what another process or thread does. A busy machine may take long: the time allowed is generous, and
nothing waits longer than it must."""

from __future__ import annotations

import time
from collections.abc import Callable

SECONDS = 60


def wait_until(true: Callable[[], object], seconds: float = SECONDS) -> None:
    """Fail when ``true`` does not come true in time."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
