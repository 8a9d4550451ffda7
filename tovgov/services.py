"""What a running tovgov consists of: the web server and two clusters of workers."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from django.core.management import call_command
from django.db import connections

from audit.exceptions import TovgovError
from audit.groups import ensure_groups
from audit.protection.policies import ensure_policies
from tovgov import workers
from tovgov.environment import BASE_DIR, EMBEDDED, EMBEDDED_DATA
from tovgov.exceptions import PortTaken
from tovgov.own_database import own_cluster
from tovgov.supervisor import Service

MANAGE = str(BASE_DIR / "manage.py")
ALL = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - told apart, not bound


def prepare() -> None:
    """Bring the database, the cache table, the static files, the groups and the ready-made policies up to date."""
    call_command("migrate", interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    ensure_groups()
    ensure_policies()
    connections.close_all()


def web(host: str = "127.0.0.1", port: int = 8000, *, log: Path | None = None) -> Service:
    """The admin, by gunicorn; static files are whitenoise's."""
    options = {
        "--bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "--workers": "2",
        "--worker-class": "gthread",
        "--threads": "4",
        "--timeout": "60",
        "--graceful-timeout": "10",
        "--log-level": "warning",
    }
    words = [word for pair in options.items() for word in pair]
    command = [sys.executable, "-m", "gunicorn", "tovgov.wsgi:application", "--no-control-socket", *words]
    return Service("web", command, grace=15, log=log)


def worker(queue: str, *, log: Path | None = None) -> Service:
    """A cluster of workers on ``queue``, "short" or "long"."""
    command = [sys.executable, MANAGE, "worker", "--queue", queue]
    environment = {"Q_CLUSTER_NAME": workers.QUEUES[queue]}
    return Service(f"worker ({queue})", command, environment, grace=30, is_well=workers.is_well, log=log)


def all_services(host: str = "127.0.0.1", port: int = 8000, *, logs: Path | None = None) -> list[Service]:
    """Web and both workers; with ``logs``, a folder, each writes its output to a file there."""

    def log(name: str) -> Path | None:
        return logs / f"{name}.log" if logs else None

    return [
        web(host, port, log=log("web")),
        worker("short", log=log("worker-short")),
        worker("long", log=log("worker-long")),
    ]


def keep_database_up(say: Callable[[str], None]) -> Callable[[], None]:
    """For a supervisor's ``also``: start the embedded server again when it was killed. It is no child of anybody."""
    cluster = own_cluster(EMBEDDED_DATA)

    def look() -> None:
        try:
            if EMBEDDED and not cluster.is_running() and cluster.start():
                say("tovgov's own database had ended; it was started again.")
        except TovgovError as error:
            say(f"tovgov's own database does not start: {error.message}")

    return look


def answers(host: str, port: int) -> bool:
    """Whether something takes connections there; "all addresses" stands for this machine."""
    try:
        with socket.create_connection((ALL.get(host, host), port), timeout=1):
            return True
    except OSError:
        return False


def require_free_port(host: str, port: int) -> None:
    """Raise ``PortTaken`` when something answers on ``port`` already."""
    if answers(host, port):
        raise PortTaken(f"Something listens on port {port} already.", hint="End it, or choose another with --port.")


def wait_for_web(host: str, port: int, *, seconds: float = 60, unless: Callable[[], bool] = lambda: False) -> bool:
    """Wait until the web server takes connections; False when it does not, or when ``unless`` becomes true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not unless():
        if answers(host, port):
            return True
        time.sleep(0.1)
    return False
