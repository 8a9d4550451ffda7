"""The pulse of a running stream: progress, cancel and stall, without a thread of its own."""

from __future__ import annotations

import time
from collections.abc import Callable

from audit.exceptions import JobCancelled
from backups.exceptions import Stalled

INTERVAL = 0.25  # seconds between two calls of on_bytes and cancelled


class Watch:
    """Counts the bytes of one stream. About four times a second it tells ``on_bytes`` how many have passed so far and
    asks ``cancelled``. ``moved`` and ``idle`` raise ``JobCancelled``; ``idle`` raises ``Stalled`` after
    ``stall_seconds`` without a byte (0 waits for ever). Both callbacks run in the caller's thread."""

    def __init__(
        self,
        *,
        on_bytes: Callable[[int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        stall_seconds: float = 0,
    ) -> None:
        self.total = 0
        self._on_bytes = on_bytes
        self._cancelled = cancelled
        self._stall_seconds = stall_seconds
        self._moved_at = self._told_at = time.monotonic()

    def moved(self, count: int) -> None:
        """``count`` bytes have come."""
        self.total += count
        self._moved_at = time.monotonic()
        self._beat(self._moved_at)

    def idle(self) -> None:
        """No byte has come for a moment."""
        now = time.monotonic()
        self._beat(now)
        if self._stall_seconds and now - self._moved_at > self._stall_seconds:
            raise Stalled(f"No byte came for {self._stall_seconds:g} seconds; the tool was ended.", bytes=self.total)

    def finish(self) -> None:
        """Tell the last count."""
        if self._on_bytes:
            self._on_bytes(self.total)

    def _beat(self, now: float) -> None:
        if now - self._told_at < INTERVAL:
            return
        self._told_at = now
        self.finish()
        if self._cancelled and self._cancelled():
            raise JobCancelled()
