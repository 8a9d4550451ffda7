"""How to run a client tool of PostgreSQL without ever leaving it behind."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, cast

from audit.exceptions import TovgovError
from backups.exceptions import ToolFailed, ToolMissing

PIPE_BYTES = 1 << 20  # a megabyte in the pipe keeps pg_dump busy while we compress
TAIL_LINES = 200
LINE_BYTES = 4096
GRACE_SECONDS = 10.0  # for the kernel to hand over a killed process
BEAT_SECONDS = 0.2

_PREFIX = re.compile(r"^(pg_\w+: )+((error|detail|hint): )?")
_QUOTED_PASSWORD = re.compile(r"(?i)(passw(?:or)?d\s*=?\s*')[^']*")
_BARE_PASSWORD = re.compile(r"(?i)(passw(?:or)?d\s*=\s*)[^\s']+")

Explain = Callable[[int, Sequence[str]], TovgovError]
Environment = AbstractContextManager[Mapping[str, str]]

_GUARD = ("/bin/sh", "-c", "read _; kill -9 0")


class Child:
    """One running tool. Use it in a ``with``: however the block is left, the tool and all it started are dead then.

    They are also when this process is killed: a guard (a shell that waits for the end of a pipe only we hold) leads
    their process group and then kills it. PR_SET_PDEATHSIG would not reach the workers of pg_restore, and would fire
    when a mere thread of ours ends. A process that is forked meanwhile, and not executed, must close what it inherits.

    ``environment`` is entered with the child and left after its end (it may hold a password file). ``explain``
    turns exit status and last lines into the error a person reads. What the tool says on stderr is kept as a
    bounded tail; ``on_line`` gets each line in the caller's own thread, whenever ``deliver`` is called.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        environment: Environment,
        explain: Explain | None = None,
        on_line: Callable[[str], None] | None = None,
        stdin: bool = False,
    ) -> None:
        self.argv = [str(word) for word in argv]
        self.name = Path(self.argv[0]).name
        self._environment = environment
        self._explain = explain or self._plain_failure
        self._on_line = on_line
        self._wants_stdin = stdin
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._fresh: deque[str] = deque()
        self._stack = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Child:
        with ExitStack() as stack:
            environment = stack.enter_context(self._environment)
            self._guard = stack.enter_context(_guard())
            self._process = self._start(environment)
            self._stack = stack.pop_all()
        for pipe in (self._process.stdin, self._process.stdout):
            _widen(pipe)
        self._drain = threading.Thread(target=self._read_stderr, name=f"{self.name} stderr", daemon=True)
        self._drain.start()
        return self

    def _start(self, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                self.argv,
                env=dict(environment),
                stdin=subprocess.PIPE if self._wants_stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                process_group=self._guard.pid,
            )
        except (FileNotFoundError, PermissionError) as error:
            raise ToolMissing(f"{self.argv[0]} cannot be run: {error.strerror}.", tool=self.name) from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            self.kill()
            for pipe in (self._running.stdin, self._running.stdout):
                if pipe:
                    pipe.close()

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("a Child runs only inside its with block")
        return self._process

    @property
    def pid(self) -> int:
        return self._running.pid

    @property
    def stdout(self) -> IO[bytes]:
        """The tool's output, unbuffered."""
        pipe = self._running.stdout
        assert pipe is not None
        return pipe

    @property
    def stdin(self) -> IO[bytes]:
        """The tool's input, unbuffered; only when it was asked for."""
        pipe = self._running.stdin
        assert pipe is not None
        return pipe

    @property
    def tail(self) -> list[str]:
        """The last lines of stderr."""
        return list(self._tail)

    def deliver(self) -> None:
        """Hand the new lines of stderr to ``on_line``, in the caller's thread."""
        while self._fresh:
            line = self._fresh.popleft()
            if self._on_line:
                self._on_line(line)

    def kill(self) -> None:
        """End the tool and all it started, at once, and wait until it is gone."""
        if self._guard.returncode is None:  # its number is ours until it is reaped
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._guard.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):  # it hangs in the kernel, and dies when it comes back
            self._running.wait(GRACE_SECONDS)
        self._drain.join(GRACE_SECONDS)

    def wait(self, beat: Callable[[], None] | None = None) -> int:
        """Wait for the end and return the exit status (-n for signal n). ``beat`` is called about five times a
        second and may raise to give up. The last line of stderr is delivered before this returns."""
        while self._running.poll() is None:
            self._drain.join(BEAT_SECONDS)  # returns with the tool's last word
            with suppress(subprocess.TimeoutExpired):
                self._running.wait(0.005 if self._drain.is_alive() else BEAT_SECONDS)
            self.deliver()
            if beat:
                beat()
        self.kill()  # what a leader that crashed has left of its workers
        self.deliver()
        return self._running.returncode

    def check(self, beat: Callable[[], None] | None = None) -> None:
        """``wait``, and raise what ``explain`` makes of an exit status that is not 0."""
        status = self.wait(beat)
        if status != 0:
            raise self._explain(status, self.tail)

    def _plain_failure(self, status: int, lines: Sequence[str]) -> TovgovError:
        return failure(self.name, status, lines)

    def _read_stderr(self) -> None:
        pipe = self._running.stderr
        assert pipe is not None
        with io.BufferedReader(cast(io.RawIOBase, pipe), LINE_BYTES) as file:
            while raw := file.readline(LINE_BYTES):
                line = without_secrets(raw.decode("utf-8", "replace").rstrip())
                self._tail.append(line)
                if self._on_line:
                    self._fresh.append(line)


def failure(name: str, status: int, lines: Sequence[str]) -> ToolFailed:
    """The error for a tool that ended with ``status``, with the sentence the server or the tool gave."""
    if status < 0:
        return ToolFailed(f"{name} was ended by signal {-status}.", signal=-status)
    return ToolFailed(f"{name}: {last_words(lines) or f'it ended with status {status} and said nothing.'}")


def without_secrets(line: str) -> str:
    """``line`` with passwords blotted out: a failed CREATE USER MAPPING or SUBSCRIPTION is quoted with its own."""
    return _BARE_PASSWORD.sub(r"\1***", _QUOTED_PASSWORD.sub(r"\1***", line))


def last_words(lines: Sequence[str]) -> str:
    """The error among the lines of a tool, with its details, in one line of at most 600 characters."""
    first = next((i for i, line in enumerate(lines) if "error:" in line or "ERROR:" in line or "FATAL:" in line), None)
    told = lines[first:] if first is not None else lines[-3:]
    return " ".join(" ".join(_PREFIX.sub("", line) for line in told).split())[:600]


def no_connection() -> Environment:
    """The environment of a tool that speaks to no server."""
    return nullcontext({"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"})


def run_quietly(argv: Sequence[str | Path], seconds: float = 20.0) -> str:
    """The output of a tool that needs no connection (``--version``); empty when it cannot be run."""
    try:
        result = subprocess.run([str(word) for word in argv], capture_output=True, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.decode("utf-8", "replace").strip() if result.returncode == 0 else ""


@contextmanager
def _guard() -> Iterator[subprocess.Popen[bytes]]:
    """The leader of a process group that dies as a whole when the block is left, or we are gone."""
    guard = subprocess.Popen(
        _GUARD, env={}, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0
    )
    with guard:
        try:
            yield guard
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(guard.pid, signal.SIGKILL)


def _widen(pipe: IO[bytes] | None) -> None:
    if pipe is None or sys.platform != "linux":
        return
    import fcntl

    with suppress(OSError):  # a user's pipe quota is spent: the small pipe works too
        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
