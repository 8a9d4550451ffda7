"""All that runs while the demo plays: web, workers, the target's server and, when wanted, an object store.

Whatever happens, leaving the block ends every one of them.
"""

from __future__ import annotations

import secrets
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import psutil
from django.conf import settings

from tovgov import services
from tovgov.binaries import majors
from tovgov.demo.club import Club
from tovgov.demo.exceptions import StorySpoiled
from tovgov.demo.interruption import Interruption
from tovgov.demo.object_store import object_store
from tovgov.demo.people import Person, invite
from tovgov.demo.stage import Stage
from tovgov.embedded import Cluster, free_port
from tovgov.supervisor import Supervisor

HOST = "127.0.0.1"
PAGE_SECONDS = 60.0
OWN_MAJOR = 18
LOG = {
    "log_destination": "jsonlog",
    "log_connections": "on",
    "log_disconnections": "on",
    "log_statement": "mod",  # a DELETE too is told by who ran it
}
"""What the target's server is to write down, as docs/server-logs.md asks for."""


@dataclass(frozen=True)
class Theatre:
    """What the story needs. ``page_seconds`` passed from the start of this process to the first page."""

    url: str
    people: dict[str, Person]
    club: Club
    target_server: Cluster
    supervisor: Supervisor
    store_address: str
    page_seconds: float


@contextmanager
def theatre(stage: Stage, interruption: Interruption, *, port: int, scale: int, with_store: bool) -> Iterator[Theatre]:
    """Everything started and filled."""
    folder = Path(settings.VAR_DIR)
    with ExitStack() as stack:
        server = _target_server(folder / "target")
        stack.callback(server.stop, immediately=True)
        crew = stack.enter_context(ThreadPoolExecutor(max_workers=2))
        filled = crew.submit(_fill, server, scale)
        stage.tell("Bringing tovgov's own database up to date.")
        services.prepare()
        people = invite()
        supervisor = _supervisor(stage, folder / "log", port)
        interruption.hurry = supervisor.request_stop
        stack.enter_context(supervisor)
        url = f"http://{HOST}:{port}/admin/"
        page_seconds = _first_page(url, supervisor)
        stage.good(f"The admin answers at {url} {page_seconds:.1f} s after the start.")
        address = stack.enter_context(object_store(folder / "log" / "object-store.log")) if with_store else ""
        club = _wait_for(filled)
        rows = sum(club.counts().values())
        stage.good(f'PostgreSQL {server.major} runs as the target; "{club.database}" has {rows:,} rows.')
        try:
            yield Theatre(url, people, club, server, supervisor, address, page_seconds)
        finally:
            interruption.begin()


def _target_server(data: Path) -> Cluster:
    """A second server, of another major version than tovgov's own, as a stranger's would be."""
    major = max(major for major in majors() if major != OWN_MAJOR)
    password = secrets.token_urlsafe(24)
    return Cluster(data=data, major=major, port=free_port(), tcp=True, password=password, settings=LOG)


def _fill(server: Cluster, scale: int) -> Club:
    server.start()
    club = Club(server.conninfo())
    club.create(scale)
    return club


def _wait_for(filled: Future[Club]) -> Club:
    """In small waits: a signal is only heard between two of them."""
    while not filled.done():
        time.sleep(0.1)
    return filled.result()


def _supervisor(stage: Stage, logs: Path, port: int) -> Supervisor:
    services.require_free_port(HOST, port)
    logs.mkdir(exist_ok=True)
    return Supervisor(services.all_services(HOST, port, logs=logs), say=stage.tell)


def _first_page(url: str, supervisor: Supervisor) -> float:
    """Seconds from the start of this process to the first page that the admin served."""
    began = psutil.Process().create_time()
    deadline = time.monotonic() + PAGE_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own loopback address
                if answer.status == 200:
                    return time.time() - began
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise StorySpoiled(f"The admin did not answer at {url}; its log is in {settings.VAR_DIR}/log.")
