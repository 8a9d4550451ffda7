"""The disk of pg_wal is full: a small one of its own, mounted where only this server sees it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.audit.postgres.logs.conftest import Writer, writing
from tests.audit.postgres.logs.provoking import PERSON, PREFIX, alike
from tests.waiting import wait_until
from tovgov.binaries import binaries, majors, runnable
from tovgov.server_user import server_user

SETTINGS = {"log_line_prefix": PREFIX, "log_min_messages": "warning", "restart_after_crash": "off"}
SIZE = 40 * 1024 * 1024
"""Bytes: two segments of the write-ahead log, and no third one."""
START = """
mkdir "$1" && mount -t tmpfs -o size="$2",mode=0700,uid="$3",gid="$4" none "$1" && cp -a pg_wal/. "$1" || exit
mount --bind "$1" pg_wal && shift 4 && exec setpriv "$@"
"""


def may_mount() -> bool:
    """Whether we may mount a disk where nobody else sees it."""
    command = ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0


def start_on_small_disk(writer: Writer) -> None:
    """Start the stopped server in a mount namespace: it goes away with the server."""
    cluster = writer.cluster
    user = server_user(cluster.folder)
    owner = (str(user.uid), str(user.gid))
    program = runnable(binaries(cluster.major), user) / "pg_ctl"
    script = ["unshare", "-m", "sh", "-c", START, "sh", str(cluster.folder / "small"), str(SIZE), *owner]
    become = ["--reuid", owner[0], "--regid", owner[1], "--clear-groups"]
    run = [str(program), "start", "-w", "-D", str(cluster.folder), "-l", "start.log"]
    subprocess.run([*script, *become, *run], check=True, capture_output=True, cwd=cluster.folder, timeout=60)


@pytest.mark.skipif(not may_mount(), reason="only root can mount a small disk")
@pytest.mark.parametrize("major", sorted(majors()))
def test_the_disk_of_pg_wal_is_full(major: int, tmp_path: Path) -> None:
    with writing(tmp_path, major, SETTINGS) as writer:
        writer.cluster.stop()
        before = writer.sizes()
        start_on_small_disk(writer)
        for _ in range(4):
            writer.execute("CREATE TABLE IF NOT EXISTS written (n int); INSERT INTO written VALUES (1)")
            writer.execute(f"SELECT pg_switch_wal(), '{PERSON}'")
        wait_until(lambda: writer.cluster.process() is None)
        writer.cluster.start()  # on the disk below, as it was
        with writer.marked():
            found = alike(writer.since(before))
    (full,) = found["disk-full"]
    assert (full.level, full.sqlstate) == ("PANIC", "53100")
    assert full.query == "SELECT pg_switch_wal(), ?"
    assert full.message.startswith('could not write to file "pg_wal/xlogtemp.')
    assert {"crash", "shutdown", "recovery"} <= set(found)
