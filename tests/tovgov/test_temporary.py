"""Temporary folders of the tests: reachable for a server that is not root, and gone with the run."""

from __future__ import annotations

from pathlib import Path

from tests import environment
from tovgov.embedded import Cluster
from tovgov.server_user import is_open


def test_they_lie_in_the_folder_of_the_run(tmp_path: Path) -> None:
    assert tmp_path.is_relative_to(environment.folder())


def test_a_server_in_one_stays_in_it(tmp_path: Path) -> None:
    assert is_open(tmp_path / "data")
    assert Cluster(tmp_path / "data", 18).folder == tmp_path / "data"
