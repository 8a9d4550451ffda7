"""Whom the embedded server runs as, and where its files may lie. PostgreSQL refuses to run as root; under root it
runs as a system user of its own, and parents of a checkout are never opened up for that user: files move instead."""

from __future__ import annotations

import hashlib
import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tovgov.exceptions import FolderRefused, ServerUserMissing

SYSTEM_USER = "tovgov-pg"
ELSEWHERE = Path("/var/lib")
"""Not /var/tmp: systemd empties that of what nobody touched for 30 days."""

SOCKET_LIMIT = 103  # bytes of a socket's path that every system takes (Linux 107, macOS 103)


@dataclass(frozen=True, slots=True)
class ServerUser:
    """The account the server runs as. ``switch`` is False when that is the account of this process."""

    name: str
    uid: int
    gid: int
    switch: bool

    def subprocess_arguments(self) -> dict[str, object]:
        """What ``subprocess.run`` needs to run as this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switch else {}

    def own(self, folder: Path) -> None:
        """Make ``folder`` (0700) this user's. Raises ``FolderRefused`` for a link or for someone else's folder: a
        stranger may have put it there first."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = folder.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid not in {self.uid, os.geteuid()}:
            raise FolderRefused(f"{folder} is not a folder of {self.name}.")
        if facts.st_uid != self.uid:
            os.chown(folder, self.uid, self.gid)
        folder.chmod(0o700)


def server_user(data: Path) -> ServerUser:
    """The owner of an existing data folder; else, under root, ``tovgov-pg`` (made when missing); else ourselves.

    Raises ``FolderRefused`` when the data belong to another user, ``ServerUserMissing`` when none can be made.
    """
    me = os.geteuid()
    owner = data.stat().st_uid if data.exists() else me
    if me != 0:
        if owner != me:
            raise FolderRefused(f"{data} belongs to the user with the number {owner}.")
        return _account(pwd.getpwuid(me), switch=False)
    return _account(pwd.getpwuid(owner) if owner else _ensure_system_user(), switch=True)


def _account(entry: pwd.struct_passwd, *, switch: bool) -> ServerUser:
    return ServerUser(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid, switch=switch)


def _ensure_system_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        pass
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ServerUserMissing("The command useradd is not on this machine.") from None
    if done.returncode not in {0, 9}:  # 9: another process made it meanwhile
        raise ServerUserMissing(f"useradd failed: {done.stderr.strip()[-200:]}")
    return pwd.getpwnam(SYSTEM_USER)


# --- where files lie (pure: looks, changes nothing) ------------------------------------------------------------------


def is_open(path: Path) -> bool:
    """Whether a user who is neither owner nor in the group can get to ``path``: every folder above lets others pass."""
    existing = (folder for folder in path.absolute().parents if folder.exists())
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in existing)


def elsewhere(path: Path) -> Path:
    """The folder outside a closed checkout that stands for ``path``; its name holds a hash of that path."""
    return ELSEWHERE / f"tovgov-{short_hash(path)}"


def place(data: Path) -> Path:
    """Where the data really lie: ``data`` itself or, under root in a closed folder, outside of it."""
    if data.exists():
        return data.resolve()
    parent = data.parent.resolve()
    if os.geteuid() != 0 or is_open(parent / data.name):
        return parent / data.name
    return elsewhere(parent / data.name) / data.name


def socket_folder(data: Path, port: int) -> Path:
    """The data folder itself (0700, so only its owner and root get to the socket), or a short one in /tmp when the
    socket's path would be too long, or a sign in it divides two folders for libpq or the server."""
    if len(os.fsencode(data / f".s.PGSQL.{port}")) <= SOCKET_LIMIT and not set(str(data)) & set(',"\n'):
        return data
    return Path("/tmp") / f"tovgov-{short_hash(data)}"  # noqa: S108 - made 0700 and its owner is checked


def short_hash(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
