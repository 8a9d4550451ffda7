"""The lists of connections and server logs, a day and a moment, with ten million rows in each log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, override_settings

from audit import partitions
from audit.models import ConnectionAuditLog, Environment, ServerLogEntry, Target
from tests.benchmarks.filling import without_indexes
from tests.benchmarks.measuring import Claim, median, seconds

PAGE_GOAL = 0.3
EACH = 10
"""Entries of a group."""
TABLES = ("audit_connectiongroup", "audit_connectionauditlog", "audit_serverloggroup", "audit_serverlogentry")
SQL = Path(__file__).with_suffix(".sql").read_text()
DAYS = "from=2026-03-01&to=2026-03-02"
LISTS = {
    "connectiongroup": {
        "newest": "",
        "target": "target={big}",
        "with what is hidden": "noise=shown",
        "role, rare": "role=stray_script",
        "address": "address=10.0.0.7",
        "refused": "outcome=failed+password",
        "new": "new=any",
        "waiting": "state=waiting",
        "application": "application=app1-8",
        "days": DAYS,
        "search": "q=stray_script",
        "search, nothing": "q=nosuchword",
    },
    "connectionauditlog": {
        "newest": "",
        "target": "target={big}",
        "role": "role=role7",
        "role, rare": "role=stray_script",
        "address": "address=10.0.0.7",
        "refused": "outcome=not+let+in",
        "without known clients": "noise=none",
        "application": "application=app1-8",
        "days": DAYS,
        "search, common": "q=TovPlay",
        "search, rare": "q=stray_script",
        "search, nothing": "q=nosuchword",
    },
    "serverloggroup": {
        "newest": "",
        "target": "target={big}",
        "with what is hidden": "noise=shown",
        "class": "class=failed-password",
        "class, rare": "class=drop-database",
        "severity": "severity=50",
        "role, rare": "role=stray_script",
        "waiting": "state=waiting",
        "days": DAYS,
        "search": "q=word517",
        "search, nothing": "q=nosuchword",
    },
    "serverlogentry": {
        "newest": "",
        "target": "target={big}",
        "class": "class=checkpoint",
        "class, rare": "class=drop-database",
        "severity": "severity=40%2B",
        "SQLSTATE": "sqlstate=28P01",
        "role, rare": "role=stray_script",
        "level": "level=FATAL",
        "address": "address=10.0.0.7",
        "session": "session=69b2.4711",
        "days": DAYS,
        "search, common": "q=buffers",
        "search, rare": "q=word517",
        "search, nothing": "q=nosuchword",
        "halfway": "older=2026-04-01T00:00:00%2B00:00~1",
    },
}
PAGES = {
    "review queue": "/admin/reviews/",
    "a day": "/admin/day/?target={big}&day=2026-05-05",
    "a day, with what is hidden": "/admin/day/?target={big}&day=2026-05-05&noise=1",
    "around a moment": "/admin/around/?target={big}&at=2026-05-05T06:00:00Z&minutes=15",
    "around a moment, six hours": "/admin/around/?target={big}&at=2026-05-05T06:00:00Z&minutes=360",
    "around a moment, with what is hidden": "/admin/around/?target={big}&at=2026-05-05T06:00:00Z&minutes=360&noise=1",
}


def build(rows: int) -> dict[str, int]:
    """Fill both logs with ``rows`` entries each, a tenth as many groups."""
    target = Target.objects.create(
        name="big logs", environment=Environment.SCRATCH, host="db.example.org", database="big"
    )
    partitions.AHEAD = 2 + rows // partitions.SIZE
    for model in (ConnectionAuditLog, ServerLogEntry):
        partitions.make_ahead(model)
    numbers = {"groups": rows // EACH, "each": EACH, "big": target.pk}
    with without_indexes(TABLES), connection.cursor() as cursor:
        for statement in SQL.split(";\n"):
            if statement.strip():
                began = time.perf_counter()
                cursor.execute(statement, numbers)
                print(f"  {statement.strip()[:60]} … {time.perf_counter() - began:.1f} s", file=sys.stderr)
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM ANALYZE {', '.join(TABLES)}")
    return {"big": target.pk}


def lists(rows: int, rounds: int) -> Iterator[Claim]:
    """Every page, as a browser asks for it: the median of ``rounds``."""
    names = build(rows)
    user, _ = User.objects.get_or_create(username="bench", defaults={"is_superuser": True, "is_staff": True})
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    plain = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    with override_settings(STORAGES=plain):
        for model, kinds in LISTS.items():
            for kind, query in kinds.items():
                yield _page(client, f"{model}, {kind}", f"/admin/audit/{model}/?{query.format(**names)}", rounds)
        for kind, path in PAGES.items():
            yield _page(client, kind, path.format(**names), rounds)


def _page(client: Client, what: str, url: str, rounds: int) -> Claim:
    def ask() -> None:
        answer = client.get(url)
        assert answer.status_code == 200, (url, answer.status_code)
        answer.content  # noqa: B018

    ask()  # templates are read once
    took = median([seconds(ask) for _ in range(rounds)])
    return Claim(f"page: {what}", value=took, goal=PAGE_GOAL, unit="s")
