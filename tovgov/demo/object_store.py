"""An S3 server on loopback for ``make demo ARGS=--s3``: moto's, a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError

from tovgov.demo.exceptions import ObjectStoreMissing, StorySpoiled
from tovgov.embedded import free_port

START_SECONDS = 30


@contextmanager
def object_store(log: Path) -> Iterator[str]:
    """The address of an S3 server that lives as long as the block. Raises ``ObjectStoreMissing``."""
    if find_spec("moto") is None:
        raise ObjectStoreMissing
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with log.open("w") as file:
        # A session of its own: Ctrl-C reaches only the demo, which then ends it in order.
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(address, server)
        yield address
    finally:
        server.terminate()
        server.wait(10)


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(URLError, ConnectionError), urllib.request.urlopen(address, timeout=2):  # noqa: S310
            return
        time.sleep(0.1)
    raise StorySpoiled("The S3 server did not start; its log is beside the demo's.")
