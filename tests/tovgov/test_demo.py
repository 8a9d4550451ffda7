"""The whole demo as a person runs it: it proves what it says, runs again, and leaves no process behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.exceptions import ExitStatus
from tests.tovgov.processes import marked
from tests.tovgov.test_embedded import room
from tests.waiting import wait_until
from tovgov.embedded import free_port
from tovgov.environment import BASE_DIR

__all__ = ["room"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
SECONDS = 240


class Demo:
    """One run of ``manage.py demo`` in a folder of its own; what it prints is read as it comes."""

    def __init__(self, var: Path, *arguments: str) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("TOVGOV_", "DATABASE_URL", "DJANGO"))}
        self.folder = var / "demo"
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "demo", "--port", str(free_port()), *arguments],
            cwd=BASE_DIR,
            env=environment | {"TOVGOV_VAR": str(var)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(iter(self.process.stdout.readline, ""))

    @property
    def text(self) -> str:
        return "".join(self.lines)

    def wait_for(self, words: str) -> None:
        """Until it has printed ``words``; fails when it ends without them."""
        wait_until(lambda: words in self.text or self.process.poll() is not None, SECONDS)
        assert words in self.text, self.text

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.status()

    def status(self) -> int:
        status = self.process.wait(SECONDS)
        self._reader.join(60)
        return status


@pytest.fixture
def var(room: Path) -> Iterator[Path]:
    folder = room / "var"
    yield folder
    for process in marked(str(folder)):
        process.kill()


def test_the_story_is_proved_and_can_be_told_again(var: Path) -> None:
    for scale, arguments in ((1, ("--s3",)), (3, ("--scale", "3"))):
        demo = Demo(var, "--once", *arguments)
        assert demo.status() == ExitStatus.OK, demo.text
        report = json.loads((demo.folder / "report.json").read_text())
        assert report["succeeded"]
        wiped, dropped, damaged = report["recoveries"]
        assert wiped["rows_before"] == wiped["rows_after"] == 542 * scale
        assert dropped["rows_before"] == dropped["rows_after"] == 542 * scale
        assert damaged["rows_before"] == damaged["rows_after"] == (542 + 23) * scale
        assert damaged["rows_damaged"] < damaged["rows_before"]
        assert dropped["rows_damaged"] == 0
        assert (demo.folder / "post-mortem-INC-1.pdf").read_bytes().startswith(b"%PDF-")
        assert all(recovery["rto_seconds"] > 0 for recovery in report["recoveries"])
        _has_told_everything(demo.text)
        assert marked(str(var)) == []
    assert "Bucket" not in demo.text


def _has_told_everything(text: str) -> None:
    for words in (
        '"database"',
        '"tovplay"',
        "[target.database_missing]",
        "[restore.would_lose_rows]",
        "Alarm: TovPlay production: public.User has 0 rows",
        "is gone: it was dropped",
        "Undone: the emptied database is back",
        "new ones were kept",
        "rules are INSTALLED",
        "DROP DATABASE WITH (FORCE) by the superuser: refused",
        "attempts, and the policy keeps every promise it makes",
        "staff finds it suspicious; an incident is open",
        "rows are back, and equal to those deleted",
        "Closed and locked again",
        "entries of the server's own log are sealed",
        "DELETE without WHERE",
        "DROP DATABASE",
        "Found by the seals",
        "staff opens INC-1 A sync script emptied the database",
        "The owner dropped the database",
        "A clean-up deleted too much",
        "has a reviewed post-mortem, filled from the record",
        "Verified by a bare Python, without tovgov",
        "With one byte changed it is refused: NOT AS SIGNED",
        "all is proved",
    ):
        assert words in " ".join(text.split()), words
    for group in ("manager", "staff", "auditor", "approver"):
        assert re.search(rf"^ *{group} +\w{{4}}(-\w{{4}}){{3}} *$", text, re.MULTILINE), group


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("Bringing tovgov's own database", signal.SIGINT),
        ("2  Back it up", signal.SIGINT),
        ("Safety backup", signal.SIGTERM),
        ("tovgov serves until Ctrl-C", signal.SIGINT),
    ],
)
def test_an_interrupted_demo_leaves_no_process(var: Path, words: str, number: signal.Signals) -> None:
    demo = Demo(var)
    demo.wait_for(words)
    status = demo.end(number)
    assert status == (ExitStatus.OK if "serves" in words else ExitStatus.CANCELLED), demo.text
    assert marked(str(var)) == []
    assert "Traceback" not in demo.text


def test_a_second_demo_is_refused_while_one_runs_and_cleans_up_after_a_killed_one(var: Path) -> None:
    first = Demo(var, "--once")
    first.wait_for("Bringing tovgov's own database")
    second = Demo(var, "--once")
    assert second.status() == ExitStatus.REFUSED
    assert "A demo runs already" in second.text
    first.wait_for("1  Register")
    first.end(signal.SIGKILL)
    third = Demo(var, "--once")
    assert third.status() == ExitStatus.OK, third.text
    assert marked(str(var)) == []
