"""Real destinations on loopback for the tests: an S3 server, an ssh server, a folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.waiting import wait_until

SSHD = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
BUCKET = "tovgov-backups"


@dataclass(frozen=True)
class Place:
    """What a destination's row holds."""

    kind: str
    settings: dict[str, Any]
    secrets: dict[str, Any]


@contextmanager
def s3_place() -> Iterator[Place]:
    """An empty bucket on a moto server of its own."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    secrets = {"access_key": "test", "secret_key": "test"}
    url = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=url, region_name="eu-central-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    settings = {"bucket": BUCKET, "prefix": "nightly", "endpoint_url": url, "region": "eu-central-1"}
    try:
        yield Place("s3", settings, secrets)
    finally:
        server.stop()


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _keygen(path: Path) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path.with_suffix(".pub").read_text()


@dataclass(frozen=True)
class SshServer:
    """A running sshd and the folder that the copies go to."""

    place: Place
    folder: Path


@contextmanager
def ssh_server(home: Path) -> Iterator[SshServer]:
    """A real sshd on loopback with keys of its own; only SFTP, only our key. Skips where sshd is not installed."""
    if SSHD is None or os.geteuid() != 0:
        pytest.skip("no sshd that we may start")
    _keygen(home / "host_key")
    (home / "authorized_keys").write_text(_keygen(home / "user_key"))
    folder, port = home / "copies", _free_port()
    folder.mkdir()
    (home / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {home}/host_key\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {home}/authorized_keys\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
        "Subsystem sftp internal-sftp\nForceCommand internal-sftp\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    with subprocess.Popen([SSHD, "-D", "-e", "-f", home / "sshd_config"], stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            settings = {
                "host": "127.0.0.1",
                "port": port,
                "user": "root",
                "folder": str(folder),
                "host_key": " ".join((home / "host_key.pub").read_text().split()[:2]),
            }
            secrets = {"private_key": (home / "user_key").read_text()}
            yield SshServer(Place("sftp", settings, secrets), folder)
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    def answers() -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", port)) == 0

    wait_until(answers)
