"""What a test run stands on: a temporary folder, ports, passwords and keys.

The controlling pytest process makes them before settings load; xdist workers and child processes find them in
environment variables. Nothing of the developer's own ``.env`` or shell gets in.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import signal
import tempfile
from pathlib import Path
from types import FrameType

import psutil
from cryptography.fernet import Fernet

from tests import clusters

FOLDER = "TOVGOV_TESTS"
CONTROLLER = "TOVGOV_TESTS_CONTROLLER"
PREFIX = "tovgov-tests-"
ROOM = 6 * 1024**3  # bytes: a whole run leaves about a tenth of that


def prepare() -> None:
    """Fill ``os.environ``; does nothing in a process that inherited it."""
    if (
        signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    ):  # begun in the background of a shell: children would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if FOLDER in os.environ:
        return
    _remove_what_killed_runs_left()
    for name in [name for name in os.environ if name.startswith(("TOVGOV_", "PG")) and name != "TOVGOV_CI"]:
        del os.environ[name]
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_ground()))
    folder.chmod(0o711)  # under root the servers run as another user, who must get through
    (folder / "controller").write_text(_identity(psutil.Process()))
    os.environ |= {
        FOLDER: str(folder),
        CONTROLLER: str(os.getpid()),
        "TOVGOV_ENV_FILE": str(folder / "no.env"),
        "TOVGOV_VAR": str(folder / "var"),
        "TOVGOV_DJANGO_KEY": secrets.token_hex(32),
        "TOVGOV_SECRET_KEYS": Fernet.generate_key().decode(),
        **clusters.environment(),
    }
    os.environ["DATABASE_URL"] = clusters.by_major()[18].uri("tovgov")
    atexit.register(remove)
    signal.signal(signal.SIGTERM, _end_in_order)


def is_controller() -> bool:
    """Whether this process began the run; workers and child processes did not."""
    return os.environ.get(CONTROLLER) == str(os.getpid())


def folder() -> Path:
    """The run's own folder, removed at its end."""
    return Path(os.environ[FOLDER])


def remove() -> None:
    """Stop every server of this run and remove its folder, however it ended."""
    if is_controller():
        clusters.stop_all()
        shutil.rmtree(folder(), ignore_errors=True)


def _end_in_order(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt  # pytest ends the session in order


def _ground() -> Path:
    """In memory where there is room: on a disk's file system, databases that come and go cost ten times as much."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM
    return memory if roomy else Path(tempfile.gettempdir())


def _identity(process: psutil.Process) -> str:
    return f"{process.pid} {process.create_time()}"


def _remove_what_killed_runs_left() -> None:
    """A run that was killed hard could not clean up; the next one does."""
    alive = {_identity(process) for process in psutil.process_iter()}
    for mark in _ground().glob(f"{PREFIX}*/controller"):
        if mark.read_text() in alive:
            continue
        for data in mark.parent.glob("pg*"):
            clusters.stop_abandoned(data)
        shutil.rmtree(mark.parent, ignore_errors=True)
