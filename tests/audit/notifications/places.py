"""Real servers on loopback that messages arrive at: a web server that takes JSON, a mail server that speaks SMTP."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from aiosmtpd.smtp import SMTP


@dataclass
class Hook:
    """A webhook: what it took, and what it answers."""

    port: int = 0
    status: int = 200
    taken: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0

    @property
    def url(self) -> str:
        return f"json://miriam:open-sesame@127.0.0.1:{self.port}/hooks/sekrit-token"

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.taken]


@contextmanager
def webhook() -> Iterator[Hook]:
    """A web server within this block."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.asked += 1
            if hook.status == 200:
                hook.taken.append(json.loads(body))
            self.send_response(hook.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hook.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Mailbox:
    """A mail server: what it took. ``refuses`` is an answer to every recipient."""

    port: int = 0
    refuses: str = ""
    mails: list[EmailMessage] = field(default_factory=list)

    @property
    def url(self) -> str:
        to = "to=night@example.org&from=tovgov@example.org"
        return f"mailto://127.0.0.1:{self.port}?smtp=127.0.0.1&mode=insecure&{to}"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if self.refuses:
            return self.refuses
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        mail = message_from_bytes(envelope.content, policy=policy.default)
        self.mails.append(cast(EmailMessage, mail))
        return "250 OK"


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """A mail server within this block."""
    box, loop = Mailbox(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)  # this one may have a browser's loop
    thread.start()
    listen = loop.create_server(lambda: SMTP(box, hostname="mail.example.org"), "127.0.0.1", 0)
    server = asyncio.run_coroutine_threadsafe(listen, loop).result(60)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
