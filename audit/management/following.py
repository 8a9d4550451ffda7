"""Follow a job on a terminal: a bar for its phase, its log as it grows, Ctrl-C to cancel it."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType
from typing import Any, TextIO

from django.db import connections
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from audit import jobs
from audit.actors import Actor
from audit.exceptions import JobCancelled, JobNotOpen, TovgovError
from audit.models import Job, JobState

LOOK_SECONDS = 0.3
AGAIN_SECONDS = 2.0  # a job that must wait for its turn is tried again so often


class JobFailed(TovgovError):
    code = "job.failed"
    sentence = "The job failed."


def follow(job: Job, *, here: Callable[[int], None] | None, actor: Actor, err: Any, quiet: bool = False) -> Job:
    """Show ``job`` until it is over and return it. ``here`` is the task that runs it in this process (None when a
    worker does). Ctrl-C and SIGTERM cancel a job that runs here and leave alone one that a worker runs.

    Raises the error that the job ended with.
    """
    runner = _Runner(job, here) if here else None
    with _screen(err, quiet=quiet) as screen, _terminable():
        try:
            _watch(job, screen, runner)
        except KeyboardInterrupt:
            if runner is None:
                raise
            screen.say("Cancelling …")
            _cancel(job, actor)
            _watch(job, screen, runner)
    if runner is not None:
        runner.finish()
    if job.state != JobState.SUCCEEDED:
        raise error_of(job)
    return job


def error_of(job: Job) -> TovgovError:
    """The error that a job ended with, as the class that its code names."""
    if job.state == JobState.CANCELLED:
        return JobCancelled(job.error or None)
    kind = _by_code(TovgovError).get(job.error_code, JobFailed)
    return kind(job.error or None, hint=job.hint or None)


def _by_code(kind: type[TovgovError]) -> dict[str, type[TovgovError]]:
    found = {kind.code: kind}
    for sub in kind.__subclasses__():
        found = _by_code(sub) | found if sub.code in found else found | _by_code(sub)
    return found


def _cancel(job: Job, actor: Actor) -> None:
    """Cancel what runs in this very process: whoever started it may end it, whatever else they may do."""
    if not jobs.may_cancel(job, actor):
        actor = Actor.system(actor.source)
    try:
        jobs.cancel(job, actor=actor, reason="Interrupted on the command line.")
    except JobNotOpen:
        return


def _watch(job: Job, screen: _Screen, runner: _Runner | None) -> None:
    while True:
        job.refresh_from_db()
        screen.show(job)
        if not job.is_open or (runner is not None and runner.is_over() and runner.future.exception() is not None):
            return
        time.sleep(LOOK_SECONDS)


class _Runner:
    """The job's task in a thread of its own, so that this one can show it and hear Ctrl-C. A job that waits for its
    turn stays queued and is tried again."""

    def __init__(self, job: Job, task: Callable[[int], None]) -> None:
        self.rows = type(job)._default_manager.filter(pk=job.pk, state=JobState.QUEUED)
        self.pk, self.task = job.pk, task
        self.pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"job-{job.pk}")
        self.future = self.pool.submit(self._run)

    def _run(self) -> None:
        try:
            while self.rows.exists():
                self.task(self.pk)
                if self.rows.exists():
                    time.sleep(AGAIN_SECONDS)
        finally:
            connections.close_all()

    def is_over(self) -> bool:
        return self.future.done()

    def finish(self) -> None:
        """Wait for the thread; a bug that it met is raised here."""
        self.pool.shutdown()
        self.future.result()


class _Screen:
    """What is shown of a job: nothing when quiet."""

    def show(self, job: Job) -> None:
        return

    def say(self, line: str) -> None:
        return


class _LogScreen(_Screen):
    """Without a terminal: the log's lines as they come."""

    def __init__(self, err: Any) -> None:
        self.err = err
        self.shown = ""

    def show(self, job: Job) -> None:
        log = job.log
        new = log[len(self.shown) :] if log.startswith(self.shown) else log
        self.shown = log
        for line in new.splitlines():
            if line:
                self.say(line)

    def say(self, line: str) -> None:
        self.err.write(line)


class _BarScreen(_LogScreen):
    """On a terminal: a bar for the running phase below the log."""

    def __init__(self, err: Any, progress: Progress) -> None:
        super().__init__(err)
        self.progress = progress
        self.task: TaskID | None = None
        self.phase = ""

    def show(self, job: Job) -> None:
        super().show(job)
        if job.phase != self.phase and job.phase:
            self.phase = job.phase
            if self.task is not None:
                self.progress.remove_task(self.task)
            self.task = self.progress.add_task(job.phase, total=job.total, amount="")
        if self.task is not None:
            self.progress.update(self.task, completed=job.done, total=job.total, amount=amount(job.done, job.unit))

    def say(self, line: str) -> None:
        self.progress.console.print(Text(line, style="dim"))


def amount(count: int, unit: str) -> str:
    """A count with its unit, bytes in MB: ``12.3 MB``, ``1,200 rows``."""
    if unit == "bytes":
        return f"{count / 1e6:,.1f} MB"
    return f"{count:,} {unit}" if unit else ""


@contextmanager
def _screen(err: Any, *, quiet: bool) -> Iterator[_Screen]:
    raw: TextIO = getattr(err, "_out", sys.stderr)
    if quiet:
        yield _Screen()
    elif not raw.isatty():
        yield _LogScreen(err)
    else:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[amount]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(file=raw), transient=True) as progress:
            yield _BarScreen(err, progress)


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM acts as Ctrl-C here, so that ``kill`` ends a job in order and leaves nothing behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
