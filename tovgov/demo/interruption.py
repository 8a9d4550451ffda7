"""Ctrl-C and SIGTERM: the first ends the demo in order, any further one hurries the ending and never breaks it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass
class Interruption:
    """``hurry`` is called for every signal after the first, and for the first while things end already."""

    hurry: Callable[[], None] = lambda: None
    is_ending: bool = False

    def begin(self) -> None:
        """From here on all is being ended, signal or not."""
        self.is_ending = True

    def heard(self, number: int, frame: FrameType | None) -> None:
        """The signal handler: raises ``KeyboardInterrupt`` once."""
        if self.is_ending:
            self.hurry()
            return
        self.is_ending = True
        raise KeyboardInterrupt


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Both signals are heard here; afterwards they do what they did before."""
    interruption = Interruption()
    former = {number: signal.signal(number, interruption.heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interruption
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
