"""``manage.py up`` as a person runs it: from nothing to a served admin, and back to nothing."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.tovgov.processes import is_alive, marked
from tests.tovgov.test_embedded import room
from tests.tovgov.test_own_database import ROOT, manage
from tests.waiting import wait_until
from tovgov.embedded import free_port
from tovgov.own_database import own_cluster

__all__ = ["room"]
Up = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def mark(room: Path) -> Iterator[str]:
    """A word in the environment of everything that ``up`` starts; none of it may live on."""
    word = f"mark-{secrets.token_hex(8)}"
    yield word
    left = marked(word) + marked(str(room))
    for process in left:
        process.kill()
    assert left == []


@pytest.fixture
def up(room: Path, mark: str) -> Up:
    def start(*words: str) -> subprocess.Popen[str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("TOVGOV_", "DJANGO_", "DATABASE_URL"))}
        clean |= {"TOVGOV_VAR": str(room), "TOVGOV_ENV_FILE": str(room / "none.env"), "MARK": mark}
        command = [sys.executable, "manage.py", "up", *words]
        out = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=ROOT, env=clean, stdout=out, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )

    return start


def get(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/admin/login/", timeout=60) as answer:
        return str(answer.read().decode())


def read_until(process: subprocess.Popen[str], *words: str) -> None:
    """Until it has said all of these, in any order."""
    assert process.stdout is not None
    missing = set(words)
    for line in process.stdout:
        missing -= {word for word in missing if word in line}
        if not missing:
            return
    raise AssertionError(f"it ended before it said {missing}")


def test_serves_from_nothing_and_leaves_nothing(up: Up, room: Path, mark: str) -> None:
    """Ctrl-C goes to the whole foreground group, as in a terminal."""
    port = free_port()
    process = up("--port", str(port))
    read_until(process, f"tovgov serves http://127.0.0.1:{port}/")
    assert "tovgov" in get(port)
    assert len(marked(mark)) >= 12  # up, gunicorn and its two, two clusters of six
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=120)[0]
    assert process.returncode == 0
    assert said.endswith("Everything has ended.\n")
    assert not own_cluster(room / "postgres").is_running()


def test_comes_up_again_with_what_it_had_and_mends_itself(up: Up, room: Path) -> None:
    port = free_port()
    process = up("--port", str(port))
    read_until(process, "tovgov serves")
    script = "from django.contrib.auth.models import User; User.objects.create_user('kept')"
    assert manage(room, "shell", "-c", script).returncode == 0
    children = psutil.Process(process.pid).children()
    assert len(children) == 3
    for child in children:
        child.kill()
    for _ in children:
        read_until(process, "it starts again")
    wait_until(lambda: not any(is_alive(child) for child in children))
    wait_until(lambda: _serves(port))
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0

    again = up("--port", str(port))
    read_until(again, "tovgov serves")
    done = manage(room, "dbshell", "--", "-tAc", "SELECT username FROM auth_user")
    again.send_signal(signal.SIGTERM)
    assert again.wait(120) == 0
    assert "kept" in done.stdout


def _serves(port: int) -> bool:
    try:
        return bool(get(port))
    except OSError:
        return False


def test_killed_database_comes_back_under_web_and_workers(up: Up, room: Path) -> None:
    port = free_port()
    process = up("--port", str(port))
    read_until(process, "tovgov serves", "Queue tovgov: 2 workers", "Queue long: 2 workers")
    postmaster = own_cluster(room / "postgres").process()
    assert postmaster is not None
    postmaster.kill()
    read_until(process, "it was started again")
    wait_until(lambda: _serves(port))
    queue = "from django_q.tasks import async_task, result; async_task('time.sleep', 0, task_name='after'); "
    queue += "from django_q.models import Success; import time\n"
    queue += "while not Success.objects.filter(name='after').exists(): time.sleep(0.1)"
    assert manage(room, "shell", "-c", queue).returncode == 0
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0


def test_port_of_another_program_is_refused(up: Up) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        process = up("--port", str(other.getsockname()[1]))
        said = process.communicate(timeout=120)[0]
    assert process.returncode == 4
    assert "embedded.port_taken" in said
