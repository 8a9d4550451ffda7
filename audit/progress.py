"""What a running job tells about itself, and how it hears that it must stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils import timezone

from audit.exceptions import JobCancelled, TovgovError, WorkerDied
from audit.models import Job, JobState
from audit.models.jobs import LOG_LIMIT


class Progress:
    """What a running verb tells about itself: its phase, how far it is, log lines; and whether it must stop.

    ``advance`` and ``log`` may be called from any thread and as often as one likes; the row is written once a second.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.stop = threading.Event()
        self.why: TovgovError | None = None
        self._lock = threading.Lock()
        self._writing = threading.Lock()  # an older state never overwrites a newer one
        self._done = 0
        self._dirty = False
        self._lines: list[str] = []
        self._on_cancel: list[Callable[[], None]] = []
        self._is_concluded = False

    def phase(self, name: str, *, total: int | None = None, unit: str = "") -> None:
        """Begin a phase: closes the one before it, keeps its seconds, sets the bar to zero."""
        self.check()
        name = name[:60]
        with self._lock:
            self._close_phase()
            self.job.phases.append({"name": name, "started": timezone.now().isoformat(), "seconds": None})
            self.job.phase, self.job.total, self.job.unit, self._done = name, total, unit, 0
            self._dirty = True
        self.log(name)
        self.flush()

    def advance(self, count: int) -> None:
        """So many bytes, rows, tables or steps more are done."""
        with self._lock:
            self._done += count
            self._dirty = True

    def at(self, done: int) -> None:
        """So many are done in all."""
        with self._lock:
            self._done = done
            self._dirty = True

    def log(self, line: str) -> None:
        """Add a line to the job's log; it must hold no secret."""
        with self._lock:
            self._lines.append(f"{timezone.now():%H:%M:%S} {line}".replace("\0", ""))
            self._dirty = True

    def on_cancel(self, act: Callable[[], None]) -> None:
        """``act`` is called, from another thread, the moment the job must stop: end child processes there."""
        self._on_cancel.append(act)
        if self.stop.is_set():
            act()

    @property
    def is_dirty(self) -> bool:
        """Whether there is something that the row does not say yet."""
        return self._dirty

    def must_stop(self) -> bool:
        return self.stop.is_set()

    def check(self) -> None:
        """Raise ``JobCancelled`` (or why else the job must stop) once a cancel was asked for."""
        if self.stop.is_set():
            raise self.why or JobCancelled()

    def conclude(self) -> None:
        """What follows takes a moment and cannot be taken back: a cancel from here on comes too late and is not heard.
        Raises as ``check`` when one came before, and ``WorkerDied`` when the job was given up meanwhile: the row is
        asked, not the last heartbeat."""
        if not self.flush():
            self.end(WorkerDied("This worker was taken for dead; it changes nothing any more."))
        with self._lock:
            self.check()
            self._is_concluded = True

    def end(self, why: TovgovError) -> None:
        """Ask the verb to stop, because of ``why``."""
        with self._lock:
            if self._is_concluded:
                return
            self.why = self.why or why
            self.stop.set()
        for act in self._on_cancel:
            act()

    def flush(self, **more: Any) -> bool:
        """Write what has changed, if the row is still ours; whether it is."""
        with self._writing:
            return self._write(more)

    def _write(self, more: dict[str, Any]) -> bool:
        with self._lock:
            lines, self._lines = self._lines, []
            self.job.log = ("\n".join([self.job.log, *lines]) if self.job.log else "\n".join(lines))[-LOG_LIMIT:]
            self.job.done = self._done
            fields = {name: getattr(self.job, name) for name in ("log", "done", "phase", "phases", "total", "unit")}
            self._dirty = False
        rows = type(self.job)._default_manager.filter(pk=self.job.pk, claim=self.job.claim, state=JobState.RUNNING)
        return rows.update(**fields, heartbeat_at=timezone.now(), **more) == 1

    def close(self, last_line: str = "") -> None:
        """The verb is over: its last phase gets its seconds, the log its last line. Follow it with ``flush``."""
        with self._lock:
            self._close_phase()
        if last_line:
            self.log(last_line)

    def _close_phase(self) -> None:
        if self.job.phases and self.job.phases[-1]["seconds"] is None:
            started = datetime.fromisoformat(self.job.phases[-1]["started"])
            self.job.phases[-1]["seconds"] = round((timezone.now() - started).total_seconds(), 3)
