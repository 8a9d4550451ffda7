"""The demo's folder: only what a demo made is ever removed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tovgov.demo import surroundings
from tovgov.demo.exceptions import DemoRuns, FolderNotOurs


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever ``prepare`` does to the environment is undone, and locks are let go."""
    for name, value in os.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TOVGOV_VAR", str(tmp_path))
    held: list[object] = []
    monkeypatch.setattr(surroundings, "_held", held)


def test_nothing_of_the_shell_gets_into_the_demo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://somebody@production/tovgov")
    monkeypatch.setenv("TOVGOV_KEYS", "/etc/tovgov/keys")
    monkeypatch.setenv("PGHOST", "production")
    surroundings.prepare()
    assert "DATABASE_URL" not in os.environ
    assert "TOVGOV_KEYS" not in os.environ
    assert "PGHOST" not in os.environ
    assert os.environ["TOVGOV_VAR"] == str(tmp_path / "demo")
    assert not Path(os.environ["TOVGOV_ENV_FILE"]).exists()


def test_a_folder_that_no_demo_made_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    kept = tmp_path / "demo" / "thesis.txt"
    kept.write_text("years of work")
    with pytest.raises(FolderNotOurs):
        surroundings.prepare()
    assert kept.read_text() == "years of work"


def test_what_an_earlier_demo_left_is_removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    surroundings.prepare()
    left = tmp_path / "demo" / "report.json"
    left.write_text("{}")
    surroundings._held.clear()
    monkeypatch.setenv("TOVGOV_VAR", str(tmp_path))
    surroundings.prepare()
    assert not left.exists()


def test_two_demos_do_not_share_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    surroundings.prepare()
    monkeypatch.setenv("TOVGOV_VAR", str(tmp_path))
    with pytest.raises(DemoRuns):
        surroundings.prepare()
