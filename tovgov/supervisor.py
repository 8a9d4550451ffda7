"""Keep a few processes running: web and workers for ``up``, the demo's own for ``demo``.

Each service has a session of its own, because Ctrl-C in a terminal goes to the whole foreground group and a cluster of
workers that gets it in every process hangs. The supervisor signals only each service's first process and waits; what
is left of a session when that one is gone is killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import psutil

from tovgov.environment import BASE_DIR

LOOK_SECONDS = 0.2
ALSO_SECONDS = 1.0
CHECK_SECONDS = 10.0
FIRST_CHECK_SECONDS = 45.0
BAD_CHECKS = 3
STEADY_SECONDS = 60.0  # a service that ran so long starts again without a pause
LONGEST_PAUSE = 30.0
PATIENCE_SECONDS = 3.0  # then a person is told what is waited for


@dataclass(frozen=True)
class Service:
    """A command that is to run. ``grace`` seconds pass between SIGTERM and SIGKILL; ``is_well(pid)`` is asked now and
    then, and a service that is not well three times in a row is started again; ``log`` takes its output."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    grace: float = 20.0
    is_well: Callable[[int], bool] | None = None
    log: Path | None = None


class Running:
    """One service's process and its history. Used by the supervisor's thread only."""

    def __init__(self, service: Service, say: Callable[[str], None]) -> None:
        self.service = service
        self._say = say
        self.process: subprocess.Popen[bytes] | None = None
        self._began = self._next_start = self._next_check = 0.0
        self._pause = self._bad = 0

    def look(self) -> None:
        """Start it, notice that it ended, or ask how it is."""
        now = time.monotonic()
        if self.process is None:
            if now >= self._next_start:
                self._start(now)
        elif self.process.poll() is not None:
            self._ended(now)
        elif self.service.is_well and now >= self._next_check:
            self._check(now)

    def _start(self, now: float) -> None:
        log = self.service.log.open("ab") if self.service.log else None
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tovgov.supervised", str(os.getpid()), *self.service.command],
                cwd=BASE_DIR,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | dict(self.service.environment),
                start_new_session=True,
            )
        finally:
            if log:
                log.close()
        self._began, self._next_check, self._bad = now, now + FIRST_CHECK_SECONDS, 0

    def _ended(self, now: float) -> None:
        assert self.process is not None
        clear_session(self.process.pid)
        self._pause = 0 if now - self._began > STEADY_SECONDS else self._pause + 1
        wait = min(LONGEST_PAUSE, 2.0 ** (self._pause - 1)) if self._pause else 0.0
        self._say(f"{self.service.name} ended ({_ending(self.process.returncode)}); it starts again in {wait:.0f} s.")
        self.process, self._next_start = None, now + wait

    def _check(self, now: float) -> None:
        assert self.process is not None
        assert self.service.is_well is not None
        self._next_check = now + CHECK_SECONDS
        self._bad = 0 if self.service.is_well(self.process.pid) else self._bad + 1
        if self._bad >= BAD_CHECKS:
            self._say(f"{self.service.name} does not answer and is ended.")
            clear_session(self.process.pid)
            self.process.wait()

    def ask_to_end(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def end(self) -> None:
        """Kill what is left of it."""
        if self.process:
            clear_session(self.process.pid)
            self.process.wait()


class Supervisor:
    """Starts services, keeps them running and ends them; a context manager.

    ``say`` gets one sentence for what a person should know. ``also`` is called every second, to keep up what is no
    child of ours. The services are watched in a thread, so that the caller may do something else meanwhile.
    """

    def __init__(
        self,
        services: Sequence[Service],
        *,
        say: Callable[[str], None] = print,
        also: Callable[[], None] = lambda: None,
    ) -> None:
        self._also = also
        self._all = [Running(service, say) for service in services]
        self._say = say
        self._stopping = self._hurry = False  # plain: a signal handler sets them, and no lock may be in its way
        self._ended = True
        self._thread = threading.Thread(target=self._watch, name="supervisor")

    def __enter__(self) -> Supervisor:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Start all services; returns at once."""
        self._ended = False
        self._thread.start()

    def pid(self, name: str) -> int | None:
        """The process of the service ``name``; None while it is down."""
        for running in self._all:
            process = running.process
            if running.service.name == name and process is not None and process.poll() is None:
                return process.pid
        return None

    def request_stop(self) -> None:
        """Begin to stop, from a signal handler too; asked a second time, waiting for running work ends at once."""
        self._hurry = self._stopping
        self._stopping = True

    def is_stopping(self) -> bool:
        return self._stopping

    def wait(self) -> None:
        """Until somebody asked to stop and all services have ended."""
        # Not by join(): a Ctrl-C that interrupts it makes Python 3.11 take the running thread for ended.
        while not self._ended:
            time.sleep(0.05)

    def stop(self) -> None:
        """End all services: SIGTERM to each first process, SIGKILL to what is left after its grace."""
        self._stopping = True
        self.wait()

    def _watch(self) -> None:
        # All children are made by this thread: the system ties them to the thread that made them.
        try:
            next_also = 0.0
            while not self._stopping:
                if time.monotonic() >= next_also:
                    self._also()
                    next_also = time.monotonic() + ALSO_SECONDS
                for running in self._all:
                    running.look()
                time.sleep(LOOK_SECONDS)
        finally:
            try:
                self._end_all()
            finally:
                self._ended = True

    def _end_all(self) -> None:
        began = time.monotonic()
        for running in self._all:
            running.ask_to_end()
        waiting = [running for running in self._all if not running.has_ended()]
        told = False
        while waiting and not self._hurry:
            time.sleep(0.05)
            seconds = time.monotonic() - began
            waiting = [one for one in waiting if not one.has_ended() and seconds < one.service.grace]
            if waiting and not told and seconds > PATIENCE_SECONDS:
                told = True
                names = ", ".join(one.service.name for one in waiting)
                self._say(f"Waiting for running work of {names}. Press Ctrl-C again to end it now.")
        for running in self._all:
            running.end()


def clear_session(leader: int) -> None:
    """Kill every process of the session that ``leader`` began, and their descendants, and wait until they are gone."""
    members: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, PermissionError, psutil.Error):
            if os.getsid(process.pid) == leader:
                members[process.pid] = process
                members.update({child.pid: child for child in process.children(recursive=True)})
    for process in members.values():
        with suppress(psutil.Error):
            process.kill()
    deadline = time.monotonic() + 5
    while any(_is_alive(process) for process in members.values()) and time.monotonic() < deadline:
        time.sleep(0.02)


def _is_alive(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False


def _ending(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
