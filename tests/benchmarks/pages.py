"""Pages as a browser asks for them: through every layer of Django, with nothing cached but what a server keeps."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import psutil
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, override_settings

from tests.benchmarks.measuring import Claim, median, seconds

PAGE_GOAL = 0.3
PLAIN = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
MIDDLE = "older=2026-02-15T00:00:00%2B00:00~1"
"""Halfway down a list."""
OLDEST = "newer=2026-01-01T00:00:01%2B00:00~1"
"""The last page but one, walked upwards."""
DAYS = "from=2026-03-01&to=2026-03-02"


def timed(pages: Mapping[str, str], names: Mapping[str, int], rounds: int) -> Iterator[Claim]:
    """The slowest of ``rounds`` of each page, the first one included; ``names`` fill the addresses."""
    user, _ = User.objects.get_or_create(username="bench", defaults={"is_superuser": True, "is_staff": True})
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    with override_settings(STORAGES=PLAIN):
        for address in {url.split("?")[0] for url in pages.values()}:
            client.get(address, {"older": "1990-01-01T00:00:00+00:00~1"})  # templates are read once
        for what, url in pages.items():
            yield _page(client, what, url.format(**names), rounds)


def of_list(model: str, label: str, queries: Mapping[str, str]) -> dict[str, str]:
    """The pages of one change list: these, and deep ones."""
    deep = {"halfway": MIDDLE, "from the end, upwards": OLDEST}
    return {f"{label}, {what}": f"/admin/audit/{model}/?{query}" for what, query in (queries | deep).items()}


def _page(client: Client, what: str, url: str, rounds: int) -> Claim:
    """By the wall clock; ``how`` has the seconds of processor that tovgov and its server took too, which a busy
    machine changes less."""
    shown = b""

    def ask() -> None:
        nonlocal shown
        answer = client.get(url)
        assert answer.status_code == 200, (url, answer.status_code)
        shown = answer.content

    before = _processor()
    took = [seconds(ask) for _ in range(rounds)]
    how = {
        "median": median(took),
        "processor": (_processor() - before) / rounds,
        "rows": shown.count(b"<tr"),
        "in_parts": b"Go on to" in shown,
    }
    return Claim(f"page: {what}", value=max(took), goal=PAGE_GOAL, unit="s", how=how)


def _processor() -> float:
    """Seconds of processor that this process and its session on the server have taken."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        times = psutil.Process(cursor.fetchone()[0]).cpu_times()
    return time.process_time() + times.user + times.system
