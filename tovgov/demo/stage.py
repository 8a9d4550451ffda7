"""How the demo shows itself: steps with their times, jobs with their bars, tables; plain lines without a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from audit.actors import Actor
from audit.exceptions import TovgovError
from audit.management.following import follow
from audit.models import Job

J = TypeVar("J", bound=Job)
INDENT = 4
WIDTH = 100  # columns when there is no terminal


class Stage:
    """Where the story is told. ``out`` is the command's stdout."""

    def __init__(self, out: Any) -> None:
        self.out = out
        raw = getattr(out, "_out", out)
        is_terminal = bool(raw.isatty())
        self.console = Console(file=raw, markup=False, highlight=False, width=None if is_terminal else WIDTH)
        self.began = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the demo began."""
        return time.monotonic() - self.began

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """A step of the story; its seconds stand at its end."""
        began = time.monotonic()
        self.console.print()
        self.console.print(Text(title, style="bold"))
        yield
        self.console.print(Text(f"    took {time.monotonic() - began:.1f} s", style="dim"))

    def tell(self, sentence: str) -> None:
        """One sentence of the story."""
        self._say("", "", sentence)

    def good(self, sentence: str) -> None:
        """Something was checked and is as it must be."""
        self._say("✓", "bold green", sentence)

    def bad(self, sentence: str) -> None:
        """Something bad happens to the database, as the story wants it."""
        self._say("✗", "bold red", sentence)

    def asked(self, sentence: str) -> None:
        """Somebody asked for something, and somebody else agreed."""
        self._say("→", "bold", sentence)

    def refused(self, error: TovgovError) -> None:
        """tovgov refused something, as it must: its sentence, as people read it."""
        self._say("⊘", "bold yellow", f"Refused: {error.message} [{error.code}]")

    def alarm(self, title: str) -> None:
        """tovgov raised an alarm."""
        self._say("!", "bold red", f"Alarm: {title}")

    def _say(self, mark: str, style: str, sentence: str) -> None:
        line = Table.grid(padding=(0, 1))
        line.add_column(width=INDENT - 1, justify="right")
        line.add_column(overflow="fold")
        line.add_row(Text(mark, style=style), Text(sentence))
        self.console.print(line)

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """A table; numbers stand to the right, grouped in threes."""
        rows = [list(row) for row in rows]
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2))
        for place, header in enumerate(headers):
            numbers = any(isinstance(row[place], int | float) for row in rows)
            table.add_column(header, justify="right" if numbers else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(_shown(cell)) for cell in row))
        self.console.print(Padding(table, (0, 0, 0, INDENT)))

    def follow(self, job: J, *, actor: Actor, lines: int | None = None) -> J:
        """Show ``job``, which a worker runs, until it is over; raises the error that it ended with. Of a long log only
        the first ``lines`` are shown."""
        shown = _Indented(self.out, lines)
        follow(job, here=None, actor=actor, err=shown)
        if shown.kept_back:
            self.tell(f"… and {shown.kept_back} lines more, on the job's page.")
        return job


class _Indented:
    """Lines of a job's log stand under the sentence that began it."""

    def __init__(self, out: Any, limit: int | None) -> None:
        self._stdout, self._limit, self._count = out, limit, 0
        self._out = getattr(out, "_out", out)

    @property
    def kept_back(self) -> int:
        """Lines that were not shown."""
        return 0 if self._limit is None else max(0, self._count - self._limit)

    def write(self, line: str) -> None:
        self._count += 1
        if self._limit is None or self._count <= self._limit:
            self._stdout.write(" " * (INDENT + 1) + line)


def _shown(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:,.1f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
