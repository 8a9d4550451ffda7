"""PostgreSQL servers for tests: one of each major version on this machine, started once a run.

Ports and the password are chosen before anything starts and stand in the environment, so that every process of the
run names the same servers. ``Cluster.start`` waits for whoever starts it already.
"""

from __future__ import annotations

import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from tovgov.embedded import Cluster, free_port, majors

PORT = "TOVGOV_TESTS_PORT_{}"
PASSWORD = "TOVGOV_TESTS_PASSWORD"
# Autovacuum comes by the clock, into any test. audit/postgres/test_drop.py has a server where it always is.
SETTINGS = {
    "max_connections": "200",
    "max_prepared_transactions": "5",
    "shared_buffers": "64MB",
    "autovacuum": "off",
}

_starting = ThreadPoolExecutor(max_workers=4)


def environment() -> dict[str, str]:
    """Variables that say where the servers will be."""
    ports: set[int] = set()
    while len(ports) < len(majors()):
        ports.add(free_port())
    chosen = {PORT.format(major): str(port) for major, port in zip(majors(), ports, strict=True)}
    return chosen | {PASSWORD: secrets.token_urlsafe(24)}


@cache
def by_major() -> dict[int, Cluster]:
    """The run's servers; those that are not started yet start with ``.start()``."""
    return {major: _cluster(major) for major in majors() if PORT.format(major) in os.environ}


def _cluster(major: int) -> Cluster:
    return Cluster(
        data=Path(os.environ["TOVGOV_TESTS"]) / f"pg{major}",
        major=major,
        port=int(os.environ[PORT.format(major)]),
        tcp=True,
        password=os.environ[PASSWORD],
        settings=SETTINGS,
        durable=False,
    )


def start_all() -> None:
    """Begin to start all servers in the background; who needs one calls its ``start()`` and waits."""
    for cluster in by_major().values():
        _starting.submit(cluster.start)


def stop_all() -> None:
    """Stop all servers of this run without a last checkpoint: their data go away."""
    _starting.shutdown(wait=True)
    for cluster in by_major().values():
        cluster.stop(immediately=True)


def stop_abandoned(data: Path) -> None:
    """Stop the server that a killed run left in ``data``."""
    if data.is_dir() and (data / "PG_VERSION").exists():
        Cluster(data=data, major=int((data / "PG_VERSION").read_text())).stop(immediately=True)
