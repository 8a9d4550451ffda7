"""A skipped test fails where everything is installed, and is a visible skip elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SKIPS = {
    "in the test": "import pytest\ndef test_a(): pytest.skip('no browser')",
    "by a mark": "import pytest\n@pytest.mark.skipif(True, reason='no browser')\ndef test_a(): pass",
    "of the module": "import pytest\npytest.skip('no browser', allow_module_level=True)",
}


def outcome(tmp_path: Path, text: str, **environment: str) -> tuple[int, str]:
    """Exit status and output of a pytest of its own, with the plugin alone."""
    (tmp_path / "test_made_up.py").write_text(text)
    plugins = ["-p", "tests.strictness", "-p", "no:django", "-p", "no:xdist", "-p", "no:cacheprovider"]
    clean = {name: value for name, value in os.environ.items() if name != "TOVGOV_CI"}
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, f"--rootdir={tmp_path}", *plugins, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=clean | environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize("where", SKIPS)
def test_skip_fails_in_ci(tmp_path: Path, where: str) -> None:
    status, out = outcome(tmp_path, SKIPS[where], TOVGOV_CI="1")
    assert status != 0
    assert "must not be skipped here: no browser" in out


def test_skip_is_a_skip_elsewhere(tmp_path: Path) -> None:
    status, out = outcome(tmp_path, SKIPS["in the test"])
    assert status == 0
    assert "1 skipped" in out


def test_what_only_another_machine_could_do_may_be_skipped(tmp_path: Path) -> None:
    status, out = outcome(tmp_path, SKIPS["in the test"].replace("no browser", "only root can"), TOVGOV_CI="1")
    assert status == 0
    assert "1 skipped" in out
