"""The supervisor: services run, come back, and leave nothing behind."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.tovgov.processes import is_alive, marked
from tests.waiting import wait_until
from tovgov import supervisor
from tovgov.supervisor import Service, Supervisor

ROOT = Path(__file__).resolve().parents[2]
NOTE = """
import os, signal, sys, time
def note(number, frame):
    print(signal.Signals(number).name, flush=True)
    if number == signal.SIGTERM and "deaf" not in sys.argv: sys.exit()
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP): signal.signal(number, note)
print("up", os.getpid(), flush=True)
time.sleep(60)
"""


@pytest.fixture
def mark() -> Iterator[str]:
    """A word in the environment of everything a test starts; none of it may live on."""
    word = f"mark-{secrets.token_hex(8)}"
    yield word
    left = marked(word)
    for process in left:
        process.kill()
    assert left == []


@pytest.fixture
def said() -> list[str]:
    return []


def note(tmp_path: Path, mark: str, *words: str, name: str = "note", **more: object) -> Service:
    """A service that writes the signals it gets to ``<name>.log``."""
    command = [sys.executable, "-c", NOTE, *words]
    return Service(name, command, {"MARK": mark}, log=tmp_path / f"{name}.log", **more)  # type: ignore[arg-type]


def lines(tmp_path: Path, name: str = "note") -> list[str]:
    file = tmp_path / f"{name}.log"
    return [line.split()[0] for line in file.read_text().splitlines()] if file.exists() else []


def test_services_start_and_end(tmp_path: Path, mark: str, said: list[str]) -> None:
    both = [note(tmp_path, mark, name="one"), note(tmp_path, mark, name="two")]
    with Supervisor(both, say=said.append):
        wait_until(lambda: lines(tmp_path, "one") == lines(tmp_path, "two") == ["up"])
    assert lines(tmp_path, "one") == lines(tmp_path, "two") == ["up", "SIGTERM"]
    assert said == []


def test_killed_service_comes_back(tmp_path: Path, mark: str, said: list[str]) -> None:
    with Supervisor([note(tmp_path, mark)], say=said.append) as running:
        wait_until(lambda: lines(tmp_path) == ["up"])
        first = running.pid("note")
        assert first is not None
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: lines(tmp_path) == ["up", "up"])
        assert running.pid("note") not in {None, first}
    assert said == ["note ended (signal SIGKILL); it starts again in 1 s."]


def test_pauses_grow_when_a_service_keeps_failing(
    tmp_path: Path, mark: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE", 2.0)
    failing = Service("failing", [sys.executable, "-c", "raise SystemExit(7)"], {"MARK": mark})
    with Supervisor([failing], say=said.append):
        wait_until(lambda: len(said) >= 3)
    assert said[:3] == [f"failing ended (status 7); it starts again in {seconds} s." for seconds in (1, 2, 2)]


def test_ctrl_c_of_a_terminal_reaches_the_supervisor_alone(tmp_path: Path, mark: str) -> None:
    """A terminal signals the whole foreground group; services must hear one SIGTERM, and no SIGINT."""
    code = f"""
import signal, sys; from pathlib import Path
from tovgov.supervisor import Service, Supervisor
services = [Service("note", [sys.executable, "-c", {NOTE!r}], log=Path({str(tmp_path / "note.log")!r}))]
it = Supervisor(services)
signal.signal(signal.SIGINT, lambda *_: it.request_stop())
with it: it.wait()
"""
    whole = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | {"MARK": mark}, start_new_session=True
    )
    wait_until(lambda: lines(tmp_path) == ["up"])
    os.killpg(whole.pid, signal.SIGINT)
    assert whole.wait(60) == 0
    assert lines(tmp_path) == ["up", "SIGTERM"]


def test_service_that_ignores_sigterm_is_killed_after_its_grace(tmp_path: Path, mark: str, said: list[str]) -> None:
    with Supervisor([note(tmp_path, mark, "deaf", grace=0.5)], say=said.append):
        wait_until(lambda: lines(tmp_path) == ["up"])
        began = time.monotonic()
    assert 0.4 < time.monotonic() - began < 50
    assert lines(tmp_path) == ["up", "SIGTERM"]


def test_asked_twice_it_does_not_wait(tmp_path: Path, mark: str, said: list[str]) -> None:
    with Supervisor([note(tmp_path, mark, "deaf", grace=60)], say=said.append) as running:
        wait_until(lambda: lines(tmp_path) == ["up"])
        running.request_stop()
        wait_until(lambda: said)
        running.request_stop()
        began = time.monotonic()
    assert time.monotonic() - began < 50
    assert said == ["Waiting for running work of note. Press Ctrl-C again to end it now."]


def test_what_a_dead_service_began_ends_with_it(tmp_path: Path, mark: str, said: list[str]) -> None:
    code = "import subprocess, sys; subprocess.Popen(['sleep', '60']); print('up', flush=True); sys.stdin.read(); "
    code += "import time; time.sleep(60)"
    parent = Service("parent", [sys.executable, "-c", code], {"MARK": mark}, log=tmp_path / "parent.log")
    with Supervisor([parent], say=said.append) as running:
        wait_until(lambda: lines(tmp_path, "parent") == ["up"])
        children = psutil.Process(running.pid("parent")).children()
        assert [child.name() for child in children] == ["sleep"]
        os.kill(running.pid("parent") or 0, signal.SIGKILL)
        wait_until(lambda: said)
        assert not any(is_alive(child) for child in children)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a process to its parent")
def test_services_end_when_the_supervisor_is_killed(tmp_path: Path, mark: str) -> None:
    code = f"""
import sys, time; from pathlib import Path
from tovgov.supervisor import Service, Supervisor
log = Path({str(tmp_path / "note.log")!r})
Supervisor([Service("note", [sys.executable, "-c", {NOTE!r}], log=log)]).start()
time.sleep(60)
"""
    whole = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=os.environ | {"MARK": mark})
    wait_until(lambda: lines(tmp_path) == ["up"])
    whole.kill()
    whole.wait()
    wait_until(lambda: marked(mark) == [])
    assert lines(tmp_path) == ["up", "SIGTERM"]


def test_service_that_is_not_well_starts_again(
    tmp_path: Path, mark: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_CHECK_SECONDS", 0.0)
    monkeypatch.setattr(supervisor, "CHECK_SECONDS", 0.1)
    sick: list[int] = []

    def is_well(pid: int) -> bool:
        if lines(tmp_path) and not sick:
            sick.append(pid)
        return pid not in sick

    with Supervisor([note(tmp_path, mark, is_well=is_well)], say=said.append) as running:
        wait_until(lambda: running.pid("note") not in {None, *sick} and lines(tmp_path) == ["up", "up"])
    assert said[0] == "note does not answer and is ended."


def test_one_bad_answer_is_forgiven(
    tmp_path: Path, mark: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_CHECK_SECONDS", 0.0)
    monkeypatch.setattr(supervisor, "CHECK_SECONDS", 0.05)
    answers = iter([False, False, True] * 4)
    asked: list[bool] = []

    def is_well(pid: int) -> bool:
        asked.append(next(answers, True))
        return asked[-1]

    with Supervisor([note(tmp_path, mark, is_well=is_well)], say=said.append):
        wait_until(lambda: len(asked) > 12)
    assert said == []


def test_services_are_told_apart_by_their_session(tmp_path: Path, mark: str, said: list[str]) -> None:
    with Supervisor([note(tmp_path, mark)], say=said.append) as running:
        wait_until(lambda: lines(tmp_path) == ["up"])
        pid = running.pid("note") or 0
        assert os.getsid(pid) == pid != os.getsid(0)


def test_program_that_is_missing_is_said_and_tried_again(tmp_path: Path, mark: str, said: list[str]) -> None:
    with Supervisor([Service("gone", ["/no/such/program"], log=tmp_path / "gone.log")], say=said.append):
        wait_until(lambda: said)
    assert said[0].startswith("gone ended (status 1)")
    assert "FileNotFoundError" in (tmp_path / "gone.log").read_text()


def test_an_interrupted_wait_does_not_forget_the_services(tmp_path: Path, mark: str, said: list[str]) -> None:
    """A signal handler that raises in the middle of ``wait`` must not make the later ``stop`` return too early."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with Supervisor([note(tmp_path, mark)], say=said.append) as running:
            wait_until(lambda: "up" in lines(tmp_path))
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGUSR1)).start()
            with pytest.raises(KeyboardInterrupt):
                running.wait()
    finally:
        signal.signal(signal.SIGUSR1, former)
    assert marked(mark) == []
    assert lines(tmp_path) == ["up", "SIGTERM"]


def test_what_is_no_child_is_looked_after_every_second(
    tmp_path: Path, mark: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "ALSO_SECONDS", 0.3)
    times: list[float] = []
    with Supervisor([note(tmp_path, mark)], say=said.append, also=lambda: times.append(time.monotonic())):
        wait_until(lambda: len(times) >= 4 and lines(tmp_path) == ["up"])
    assert times[3] - times[0] >= 0.9
