"""What a dump's stream does when something goes wrong: the child is dead, no part of a file is left."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from audit.exceptions import ConnectionLost, JobCancelled
from audit.postgres.connect import ConnInfo
from backups.exceptions import DiskFull, Stalled, ToolFailed
from backups.tools.encryption import Recipient
from backups.tools.pg_dump import dump
from backups.tools.pipeline import encode, whole_file
from backups.tools.process import Child
from tests.backups.tools.conftest import FullDisk, shell, tool
from tovgov.embedded import Cluster

SLOW = "while :; do head -c 100000 /dev/urandom; sleep 0.05; done"


def nothing_left(folder: Path, child: Child) -> bool:
    return not list(folder.iterdir()) and not psutil.pid_exists(child.pid)


def test_what_is_told_is_what_is_stored(tmp_path: Path, recipients: list[Recipient]) -> None:
    told: list[int] = []
    with shell("head -c 3000000 /dev/urandom") as child:
        encoded = encode(child, tmp_path / "copy", recipients=recipients, on_bytes=told.append)
    stored = (tmp_path / "copy").read_bytes()
    assert encoded.dump_bytes == told[-1] == 3_000_000
    assert (encoded.stored_bytes, encoded.sha256) == (len(stored), hashlib.sha256(stored).hexdigest())
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


def test_an_empty_dump_is_a_whole_copy_too(tmp_path: Path) -> None:
    with shell("true") as child:
        assert encode(child, tmp_path / "copy", recipients=[]).dump_bytes == 0


@pytest.mark.parametrize("sealed", [True, False])
def test_a_child_that_fails_at_the_very_end_leaves_no_copy(
    tmp_path: Path, recipients: list[Recipient], sealed: bool
) -> None:
    with (
        shell("head -c 500000 /dev/urandom; echo 'pg_dump: error: all for nothing' >&2; exit 1") as child,
        pytest.raises(ToolFailed, match="all for nothing"),
    ):
        encode(child, tmp_path / "copy", recipients=recipients if sealed else [])
    assert nothing_left(tmp_path, child)


def test_a_child_that_is_killed_leaves_no_copy(tmp_path: Path) -> None:
    with shell("head -c 500000 /dev/urandom; kill -9 $$") as child, pytest.raises(ToolFailed, match="signal 9"):
        encode(child, tmp_path / "copy", recipients=[])
    assert nothing_left(tmp_path, child)


def test_a_former_copy_survives_a_failed_one(tmp_path: Path) -> None:
    (tmp_path / "copy").write_text("former")
    with shell("echo data; exit 1") as child, pytest.raises(ToolFailed):
        encode(child, tmp_path / "copy", recipients=[])
    assert (tmp_path / "copy").read_text() == "former"


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize("script", [SLOW, "sleep 60"])
def test_a_cancel_ends_the_child_at_once(
    tmp_path: Path, recipients: list[Recipient], sealed: bool, script: str
) -> None:
    begun = time.monotonic()
    with shell(script) as child, pytest.raises(JobCancelled):
        encode(
            child,
            tmp_path / "copy",
            recipients=recipients if sealed else [],
            cancelled=lambda: time.monotonic() - begun > 0.3,
        )
    assert time.monotonic() - begun < 20
    assert nothing_left(tmp_path, child)


def test_a_stall_is_told(tmp_path: Path, recipients: list[Recipient]) -> None:
    with shell("head -c 5000 /dev/urandom; sleep 60") as child, pytest.raises(Stalled, match=r"0\.5 seconds") as caught:
        encode(child, tmp_path / "copy", recipients=recipients, stall_seconds=0.5)
    assert caught.value.detail["bytes"] == 5000
    assert nothing_left(tmp_path, child)


def test_a_child_that_closes_its_output_and_stays_is_a_stall(tmp_path: Path) -> None:
    with shell("exec >&-; sleep 60") as child, pytest.raises(Stalled):
        encode(child, tmp_path / "copy", recipients=[], stall_seconds=0.5)
    assert nothing_left(tmp_path, child)


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize("room", [0, 300_000, 3_000_000])
def test_a_full_disk_is_told_and_leaves_no_part(
    full_disk: FullDisk, recipients: list[Recipient], sealed: bool, room: int
) -> None:
    folder = full_disk.with_room(room)
    with shell("head -c 5000000 /dev/urandom") as child, pytest.raises(DiskFull, match="no space left"):
        encode(child, folder / "copy", recipients=recipients if sealed else [])
    assert nothing_left(folder, child)


def test_a_missing_folder_ends_the_child(tmp_path: Path) -> None:
    with shell(SLOW) as child, pytest.raises(FileNotFoundError):
        encode(child, tmp_path / "nowhere" / "copy", recipients=[])
    assert nothing_left(tmp_path, child)


def test_an_interrupt_comes_through_the_encryption_as_it_is(tmp_path: Path, recipients: list[Recipient]) -> None:
    """Ctrl-C and a worker's timeout raise inside the stream, where foreign code would swallow what they are."""

    def interrupt(count: int) -> None:
        raise KeyboardInterrupt

    with shell(SLOW) as child, pytest.raises(KeyboardInterrupt):
        encode(child, tmp_path / "copy", recipients=recipients, on_bytes=interrupt)
    assert nothing_left(tmp_path, child)


# --- pg_dump itself --------------------------------------------------------------------------------------------------


def test_a_stopped_pg_dump_is_a_stall(bulk: ConnInfo, cluster: Cluster, tmp_path: Path) -> None:
    with dump(bulk, tool("pg_dump", cluster)) as child:
        os.kill(child.pid, signal.SIGSTOP)
        with pytest.raises(Stalled):
            encode(child, tmp_path / "copy", recipients=[], stall_seconds=0.5)
    assert nothing_left(tmp_path, child)


def test_a_cancelled_pg_dump_ends_at_once(
    bulk: ConnInfo, cluster: Cluster, tmp_path: Path, recipients: list[Recipient]
) -> None:
    with psycopg.connect(**bulk.keywords()) as holder:  # type: ignore[arg-type]
        holder.execute("LOCK TABLE bulk IN ACCESS EXCLUSIVE MODE")
        begun = time.monotonic()
        with dump(bulk, tool("pg_dump", cluster)) as child, pytest.raises(JobCancelled):
            encode(
                child,
                tmp_path / "copy",
                recipients=recipients,
                cancelled=lambda: time.monotonic() - begun > 0.5,
            )
    assert time.monotonic() - begun < 20
    assert nothing_left(tmp_path, child)


def test_a_session_ended_in_mid_dump_is_a_lost_connection(bulk: ConnInfo, cluster: Cluster, tmp_path: Path) -> None:
    ended = threading.Event()

    def end_it(count: int) -> None:
        if ended.is_set():
            return
        ended.set()
        with psycopg.connect(**cluster.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tovgov pg_dump' "
                "AND datname = %s",
                [bulk.database],
            )

    with psycopg.connect(**bulk.keywords()) as holder:  # type: ignore[arg-type]
        holder.execute("LOCK TABLE bulk IN ACCESS EXCLUSIVE MODE")
        with dump(bulk, tool("pg_dump", cluster)) as child, pytest.raises(ConnectionLost, match=r"terminating|closed"):
            encode(child, tmp_path / "copy", recipients=[], on_bytes=end_it)
    assert ended.is_set()
    assert nothing_left(tmp_path, child)


MEMORY = """
import io, re, sys
from contextlib import nullcontext
from pathlib import Path
from backups.tools.decoding import decode_to_file
from backups.tools.encryption import create_identity, load_identities, load_recipients
from backups.tools.pipeline import encode, whole_file
from backups.tools.process import Child
folder, size = Path(sys.argv[1]), sys.argv[2]
recipients = load_recipients([create_identity(folder / "key")])
script = f"seq 1 {size} | sed 's/$/ calm and glad/'"
with Child(["/bin/sh", "-c", script], environment=nullcontext({"PATH": "/usr/bin:/bin"})) as child:
    encoded = encode(child, folder / "copy", recipients=recipients)
with (folder / "copy").open("rb") as file:
    decode_to_file(file, folder / "plain", identities=load_identities(folder / "key"), sha256=encoded.sha256)
status = Path("/proc/self/status").read_text()  # ru_maxrss would count the process we were forked from
print(encoded.dump_bytes, re.search(r"VmHWM:\\s+(\\d+)", status).group(1))
"""


def peak(folder: Path, lines: int) -> tuple[int, int]:
    """Bytes that went through a backup and back, and the most memory it took, in KiB."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(folder), str(lines)], capture_output=True, text=True, check=True
    )
    size, memory = done.stdout.split()
    return int(size), int(memory)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak of one process")
def test_memory_is_small_and_does_not_grow_with_the_size(tmp_path: Path) -> None:
    size, small = peak(tmp_path / "small", 1_000_000)
    ten_times, large = peak(tmp_path / "large", 10_000_000)
    assert ten_times > 9 * size > 180_000_000
    assert large < 200_000
    assert large < small * 1.5


def test_a_file_that_cannot_fit_does_not_fill_the_disk_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    monkeypatch.setattr(os, "posix_fallocate", lambda handle, start, count: taken.append(count))
    with pytest.raises(DiskFull), whole_file(tmp_path / "archive", expected_bytes=10**15):
        raise AssertionError("never entered")
    assert taken == []
    assert list(tmp_path.iterdir()) == []
