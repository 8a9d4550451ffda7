"""The spool: a folder lives as long as its process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from backups import spool


@pytest.fixture(autouse=True)
def own_spool(settings: Any, tmp_path: Path) -> Path:
    settings.TOVGOV_SPOOL = tmp_path / "spool"
    return tmp_path / "spool"


def test_a_folder_is_private_and_goes_with_its_block(own_spool: Path) -> None:
    with spool.folder("backup") as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "dump").write_bytes(b"x")
    assert list(own_spool.iterdir()) == []


def test_a_folder_goes_with_a_failing_block(own_spool: Path) -> None:
    with pytest.raises(RuntimeError), spool.folder("backup"):
        raise RuntimeError
    assert list(own_spool.iterdir()) == []


def test_a_sweep_leaves_alone_what_is_in_use(own_spool: Path) -> None:
    with spool.folder("backup") as folder:
        assert spool.sweep() == []
        assert folder.is_dir()


def test_a_sweep_removes_what_a_killed_process_left(own_spool: Path) -> None:
    script = (
        "import sys, time; from fcntl import *; from pathlib import Path\n"
        "p = Path(sys.argv[1]) / 'backup-1'; p.mkdir(parents=True); f = (p / '.lock').open('w'); flock(f, LOCK_EX)\n"
        "(p / 'dump').write_text('x'); print('ready', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, own_spool], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert spool.sweep() == []
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert spool.sweep() == [own_spool / "backup-1"]
    assert list(own_spool.iterdir()) == []


def test_a_folder_that_is_just_being_made_is_left_alone(own_spool: Path) -> None:
    young = own_spool / "backup-1"
    young.mkdir(parents=True)
    assert spool.sweep() == []
    os.utime(young, (0, 0))
    assert spool.sweep() == [young]


def test_no_spool_yet_is_nothing_to_sweep() -> None:
    assert spool.sweep() == []
