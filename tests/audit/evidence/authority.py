"""A time-stamp authority of our own: openssl answers, behind a small web server."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CONFIG = """
[ tsa ]
default_tsa = here
[ here ]
dir = {folder}
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ordering = yes
ess_cert_id_alg = sha256
[ req ]
distinguished_name = name
[ name ]
[ stamping ]
extendedKeyUsage = critical, timeStamping
basicConstraints = CA:FALSE
[ root ]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
"""


class Authority:
    """``answer`` is what comes back; None makes openssl answer for real."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.answer = folder, None  # type: tuple[Path, tuple[int, bytes] | None]
        self.release = threading.Event()
        self.is_silent = False
        self.url = ""
        (folder / "config").write_text(CONFIG.format(folder=folder))
        (folder / "serial").write_text("01\n")
        self._run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "9",
                  "-subj", "/CN=Time Root example.org", "-config", "config", "-extensions", "root")  # fmt: skip
        self._run("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.csr",
                  "-subj", "/CN=Time Authority example.org", "-config", "config")  # fmt: skip
        self._run("x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "7", "-days",
                  "9", "-out", "tsa.pem", "-extfile", "config", "-extensions", "stamping")  # fmt: skip

    def _run(self, *words: str) -> None:
        done = subprocess.run(["openssl", *words], cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def stamp(self, query: bytes) -> bytes:
        (self.folder / "query").write_bytes(query)
        self._run("ts", "-reply", "-config", "config", "-queryfile", "query", "-out", "reply")
        return (self.folder / "reply").read_bytes()

    def verifies(self, data: Path, answer: Path) -> bool:
        """What ``openssl ts -verify`` says with the root that is trusted."""
        words = ["openssl", "ts", "-verify", "-data", str(data), "-in", str(answer), "-CAfile", "ca.pem"]
        return subprocess.run(words, cwd=self.folder, capture_output=True, check=False).returncode == 0


@contextmanager
def serving(folder: Path) -> Iterator[Authority]:
    """An authority that listens."""
    authority = Authority(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            if authority.is_silent:
                authority.release.wait()
                return
            status, body = authority.answer or (200, authority.stamp(query))
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    authority.url = f"http://127.0.0.1:{server.server_address[1]}/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield authority
    finally:
        authority.release.set()
        server.shutdown()
        server.server_close()
