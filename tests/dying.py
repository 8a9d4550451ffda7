"""A process whose children run a job and die by SIGKILL at the n-th thing they do: a statement, a commit, a row.

``python -m tests.dying MODULE FUNCTION`` reads lines ``pk n`` and answers each with ``killed`` or ``ended POINTS``. It
forks a child each time, so that a death costs milliseconds and not the start of an interpreter.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

NEVER = 10**9


class Mortals:
    """Speaks to such a process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def run(self, pk: int, *, at: int = NEVER) -> int | None:
        """Run the job; None when it was killed at its ``at``-th point, else how many points it had."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{pk} {at}\n")
        self.process.stdin.flush()
        words = self.process.stdout.readline().split()
        assert words, "the process that forks is gone"
        return None if words[0] == "killed" else int(words[1])


@contextmanager
def mortals(task: str, environment: dict[str, str]) -> Iterator[Mortals]:
    """A process that runs ``task`` (dotted path, called with a job's id) in children of its own."""
    command = [sys.executable, "-m", "tests.dying", *task.rsplit(".", 1)]
    process = subprocess.Popen(
        command, env=os.environ | environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Mortals(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(timeout=60)


def main() -> None:
    """Fork a child for each line."""
    import django

    django.setup()
    task = getattr(importlib.import_module(sys.argv[1]), sys.argv[2])
    for line in sys.stdin:
        pk, at = map(int, line.split())
        print(_outcome(task, pk, at), flush=True)


def _outcome(task: Callable[[int], None], pk: int, at: int) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        points = _mortal(at)
        task(pk)
        os.write(writing, str(points()).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        words = told.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return "killed"
    assert os.WEXITSTATUS(status) == 0, f"the child ended with status {status}"
    return f"ended {words}"


def _mortal(at: int) -> Callable[[], int]:
    """From now on this process counts what it does, and dies before or after the ``at``-th."""
    import psycopg

    count = 0

    def point() -> None:
        nonlocal count
        count += 1
        if count >= at:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            point()
            result = real(*args, **options)
            point()
            return result

        return call

    for owner, name in (
        (psycopg.Cursor, "execute"),
        (psycopg.Connection, "commit"),
        (psycopg.Copy, "write_row"),
        (psycopg.Copy, "__exit__"),
    ):
        setattr(owner, name, counted(getattr(owner, name)))
    return lambda: count


if __name__ == "__main__":
    main()
