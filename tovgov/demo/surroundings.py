"""Where the demo plays: in a folder of its own, ``var/demo``, so that it never meets what ``make up`` keeps.

Each demo is a fresh story: what an earlier one left is removed first. Nothing of ``.env`` or the shell gets in.
"""

from __future__ import annotations

import os
import shutil
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import IO

from tovgov.demo.exceptions import DemoRuns, FolderNotOurs
from tovgov.embedded import Cluster

BASE_DIR = Path(__file__).resolve().parent.parent.parent
MARK = "this-is-a-demo"
SERVERS = ("postgres", "target")
_held: list[IO[str]] = []


def prepare() -> None:
    """Point tovgov at an empty demo folder; call it before settings are read.

    Raises ``DemoRuns`` while another demo lives there, ``FolderNotOurs`` when something else does.
    """
    folder = (BASE_DIR / os.environ.get("TOVGOV_VAR", "var")).resolve() / "demo"
    _lock(folder)
    _remove_earlier(folder)
    folder.mkdir(parents=True)
    (folder / MARK).write_text("make demo removes this folder when it starts again.\n")
    for name in [name for name in os.environ if name.startswith(("TOVGOV_", "PG")) or name == "DATABASE_URL"]:
        del os.environ[name]
    os.environ |= {
        "TOVGOV_VAR": str(folder),
        "TOVGOV_ENV_FILE": str(folder / "no.env"),
        "TOVGOV_LOG_LEVEL": "WARNING",
    }


def _lock(folder: Path) -> None:
    """Held until this process ends, however it ends."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    file = (folder.parent / ".demo.lock").open("w")
    try:
        flock(file, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        raise DemoRuns(f"A demo runs already in {folder}.") from None
    _held.append(file)


def _remove_earlier(folder: Path) -> None:
    if not folder.exists():
        return
    if not (folder / MARK).exists():
        raise FolderNotOurs(f"{folder} was not made by a demo.")
    for name in SERVERS:
        data = folder / name
        version = data / "PG_VERSION"
        if version.exists():  # a demo that was killed leaves its servers running
            server = Cluster(data=data, major=int(version.read_text()))
            server.stop(immediately=True)
            shutil.rmtree(server.folder)
    shutil.rmtree(folder)
