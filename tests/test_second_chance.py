"""CI tells an unsteady test from a broken one: real runs of pytest over small projects, with workers as in CI."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.house.documented import ROOT
from tests.outcome import plain

ONCE = """
import pathlib, pytest

@pytest.mark.xdist_group("shared")
@pytest.mark.parametrize("name", ["a@b", "[c] d"])
def test_once(name):
    mark = pathlib.Path(f"{len(name)}.mark")
    seen = mark.exists()
    mark.touch()
    assert seen

def test_steady():
    pass
"""
TEARDOWN = """
import pathlib, pytest

@pytest.fixture
def room():
    yield
    mark = pathlib.Path("teardown.mark")
    seen = mark.exists()
    mark.touch()
    assert seen

def test_clean_up(room):
    pass
"""
IN_CI = ("-n", "2", "--dist", "loadgroup", "--max-worker-restart", "0")
Chance = Callable[..., tuple[int, str]]


@pytest.fixture
def chance(tmp_path: Path) -> Chance:
    """``chance(text) -> status, output``: a run over a file of tests, which fails, and the second chance."""

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "DJANGO_"))}
        env |= {"PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": "-p tests.strictness -p tests.outcome"}
        env |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        return subprocess.run(
            [sys.executable, "-m", *command],
            cwd=tmp_path,
            env=env | {"TOVGOV_CI": "1"},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=200,
        )

    def make(text: str, *options: str, **more: str) -> tuple[int, str]:
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        for name, content in ({"test_it": text} | more).items():
            (tmp_path / f"{name}.py").write_text(content)
        first = run("pytest", "-p", "xdist", *IN_CI, *options)
        assert first.returncode != 0, first.stdout
        second = run("tests.second_chance")
        return second.returncode, second.stdout

    return make


def test_one_that_fails_once_is_named_and_counted_among_the_passed(chance: Chance) -> None:
    status, words = chance(ONCE)
    assert status == 0, words
    assert "UNSTEADY: test_it.py::test_once[a@b] failed once" in words
    assert "UNSTEADY: test_it.py::test_once[[c] d] failed once" in words
    assert words.splitlines()[-1].startswith("===== 3 passed, 2 rerun in ")


def test_one_that_fails_at_its_end_gets_a_second_chance_too(chance: Chance) -> None:
    status, words = chance(TEARDOWN)
    assert status == 0, words
    assert words.splitlines()[-1].startswith("===== 1 passed, 1 rerun in ")


def test_one_that_fails_again_is_broken(chance: Chance) -> None:
    status, words = chance(ONCE + "\ndef test_always():\n    assert False\n")
    assert status == 1
    assert words.splitlines()[-1] == "BROKEN: test_it.py::test_always did not pass alone either."


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import os\n\ndef test_crash():\n    os._exit(3)\n", "a worker that died"),
        ("import nothing_of_this_name\n", "a file that cannot be read"),
        ("def helper():\n    pass\n", "status 5"),
        ("import pytest\n\n@pytest.mark.parametrize('n', range(6))\ndef test_no(n):\n    assert False\n", "6 tests"),
    ],
    ids=["crash", "collection", "nothing", "many"],
)
def test_what_breaks_otherwise_gets_no_second_chance(chance: Chance, text: str, why: str) -> None:
    status, words = chance(text)
    assert status == 1
    assert words.startswith("No second chance: ")
    assert why in words


def test_a_crash_beside_an_unsteady_test_gets_none(chance: Chance) -> None:
    status, words = chance(ONCE, test_crash="import os\n\ndef test_crash():\n    os._exit(3)\n")
    assert status == 1
    assert "a worker that died" in words


def test_a_file_that_cannot_be_read_beside_an_unsteady_test_gets_none(chance: Chance) -> None:
    status, words = chance(ONCE, "--continue-on-collection-errors", test_broken="import nothing_of_this_name\n")
    assert status == 1
    assert "a file that cannot be read" in words


def test_a_skip_that_ci_forbids_fails_again(chance: Chance) -> None:
    status, words = chance("import pytest\n\ndef test_skipped():\n    pytest.skip('no browser')\n")
    assert status == 1
    assert "BROKEN: test_it.py::test_skipped" in words


def test_a_skip_the_second_time_has_not_passed(chance: Chance) -> None:
    status, words = chance(ONCE.replace("assert seen", "assert seen, 'first'\n    pytest.skip('only root')"))
    assert status == 1
    assert "BROKEN" in words


def test_the_makefile_runs_them_so() -> None:
    assert f"pytest {' '.join(IN_CI)} " in (ROOT / "Makefile").read_text()


def test_no_run_no_chance(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.second_chance"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        text=True,
        stdout=subprocess.PIPE,
    )
    assert (done.returncode, done.stdout) == (1, "No second chance: the run left no outcome.\n")


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("test_a.py::test_b@club", "test_a.py::test_b"),
        ("test_a.py::test_b[c@d]@club", "test_a.py::test_b[c@d]"),
        ("test_a.py::test_b[c@d]", "test_a.py::test_b[c@d]"),
        ("a@b/test_a.py::test_b", "a@b/test_a.py::test_b"),
    ],
)
def test_the_group_is_taken_off_a_name(name: str, known: str) -> None:
    assert plain(name) == known
