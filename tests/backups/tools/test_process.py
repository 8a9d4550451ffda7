"""No tool outlives its block or its parent; its words arrive, without secrets."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from audit.exceptions import TovgovError
from backups.exceptions import ToolFailed, ToolMissing
from backups.tools.process import Child, no_connection, without_secrets
from tests.backups.tools.conftest import shell

PARENT = """
import sys
from backups.tools.process import Child, no_connection
with Child(["/bin/sh", "-c", "sleep 1000 & echo $! $$; wait"], environment=no_connection()) as child:
    print(child.stdout.readline().decode(), flush=True)
    child.wait()
"""


def until(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_leaving_the_block_ends_the_tool_and_what_it_started() -> None:
    with shell("sleep 1000 & echo $!; wait") as child:
        grandchild = int(child.stdout.readline())
        assert not is_gone(grandchild)
    assert not psutil.pid_exists(child.pid)
    assert until(lambda: is_gone(grandchild))


def test_an_error_in_the_block_ends_the_tool() -> None:
    with pytest.raises(ZeroDivisionError), shell("sleep 1000") as child:
        raise ZeroDivisionError
    assert not psutil.pid_exists(child.pid)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_parent_leaves_neither_tool_nor_worker(number: signal.Signals) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(word) for word in parent.stdout.readline().split()]
    assert len(pids) == 2
    assert not any(is_gone(pid) for pid in pids)
    parent.send_signal(number)
    parent.wait()
    assert until(lambda: all(is_gone(pid) for pid in pids)), "a tool outlived its parent"


def test_a_child_started_in_a_thread_outlives_the_thread() -> None:
    started: list[Child] = []
    thread = threading.Thread(target=lambda: started.append(shell("sleep 1000").__enter__()))
    thread.start()
    thread.join()
    child = started[0]
    time.sleep(0.1)
    try:
        assert psutil.pid_exists(child.pid)
    finally:
        child.__exit__(None, None, None)


def test_no_process_and_no_descriptor_is_left() -> None:
    process = psutil.Process()
    gc.collect()  # what earlier tests have left open closes now, not meanwhile
    before = process.num_fds()
    for _ in range(20):
        with shell("echo out; echo err >&2", stdin=True) as child:
            child.wait()
    assert process.num_fds() == before
    assert not [found for found in process.children() if found.name() in ("sh", "dash", "cat")]


def test_lines_arrive_in_the_thread_that_waits() -> None:
    lines: list[tuple[str, int]] = []
    with shell(
        "echo one >&2; echo two >&2; sleep 0.3; printf three >&2",
        on_line=lambda line: lines.append((line, threading.get_ident())),
    ) as child:
        assert child.wait() == 0
    assert lines == [(word, threading.get_ident()) for word in ("one", "two", "three")]


def test_a_flood_of_words_neither_blocks_nor_fills_memory() -> None:
    with shell("yes 'a long line of words' | head -n 200000 >&2; head -c 9000000 /dev/zero >&2") as child:
        child.wait()
    assert len(child.tail) == 200
    assert max(map(len, child.tail)) <= 4096


def test_a_wait_can_be_given_up() -> None:
    def give_up() -> None:
        raise KeyboardInterrupt

    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt), shell("sleep 1000") as child:
        child.wait(give_up)
    assert time.monotonic() - begun < 20


def test_a_failure_says_the_tools_own_sentence() -> None:
    script = "echo 'x: error: could not do it' >&2; echo 'x: detail: because' >&2; exit 3"
    with shell(script) as child, pytest.raises(ToolFailed, match="could not do it"):
        child.check()


def test_a_failure_without_words_says_its_status() -> None:
    with shell("exit 3") as child, pytest.raises(ToolFailed, match="status 3"):
        child.check()


def test_a_signal_is_named() -> None:
    with shell("kill -SEGV $$") as child, pytest.raises(ToolFailed, match="signal 11"):
        child.check()


def test_an_explanation_of_ones_own_is_raised() -> None:
    class OwnError(TovgovError):
        pass

    with shell("exit 1", explain=lambda status, lines: OwnError("mine")) as child, pytest.raises(OwnError):
        child.check()


def test_a_tool_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ToolMissing, match="No such file"), Child([tmp_path / "pg_dump"], environment=no_connection()):
        pass


def test_the_environment_is_left_after_the_end(tmp_path: Path) -> None:
    from contextlib import contextmanager

    @contextmanager
    def environment():  # type: ignore[no-untyped-def]
        (tmp_path / "secret").touch()
        yield {"PATH": os.environ["PATH"]}
        (tmp_path / "secret").unlink()

    with Child(["sleep", "1000"], environment=environment()):
        assert (tmp_path / "secret").exists()
    assert not (tmp_path / "secret").exists()


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("OPTIONS (user 'x', password 'open sesame')", "OPTIONS (user 'x', password '***')"),
        ("CONNECTION 'host=h password=sesame dbname=d'", "CONNECTION 'host=h password=*** dbname=d'"),
        ("ALTER ROLE a PASSWORD 'SCRAM-SHA-256$x'", "ALTER ROLE a PASSWORD '***'"),
        ('password authentication failed for user "x"', 'password authentication failed for user "x"'),
        ("fe_sendauth: no password supplied", "fe_sendauth: no password supplied"),
    ],
)
def test_passwords_are_blotted_out(line: str, shown: str) -> None:
    assert without_secrets(line) == shown
