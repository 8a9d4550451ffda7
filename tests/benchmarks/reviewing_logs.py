"""The lists of connections and server logs, a day and a moment, with ten million rows in each log."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection

from audit.imports.server_logs import words
from audit.models import LogWords
from tests.benchmarks import pages
from tests.benchmarks.measuring import Claim, seconds
from tests.benchmarks.pages import DAYS

LISTS = {
    "connectiongroup": {
        "newest": "",
        "target": "target={big}",
        "target, rare": "target={rare}",
        "with what is hidden": "noise=shown",
        "hidden alone": "noise=only",
        "role": "role=role7",
        "role, rare": "role=stray_script",
        "database, none": "database=other",
        "address": "address=10.0.0.7",
        "address, local": "address=local",
        "refused": "outcome=failed+password",
        "new": "new=any",
        "new address": "new=address",
        "waiting": "state=waiting",
        "in hands": "assignee=bench",
        "application": "application=app1-8",
        "days": DAYS,
        "search": "q=stray_script",
        "search, nothing": "q=nosuchword",
        "target, rare, and new": "target={rare}&new=any",
    },
    "connectionauditlog": {
        "newest": "",
        "target": "target={big}",
        "target, rare": "target={rare}",
        "role": "role=role7",
        "role, rare": "role=stray_script",
        "role, none": "role=nobody",
        "address": "address=10.0.0.7",
        "address, local": "address=local",
        "host, none": "host=app7.example.org",
        "refused": "outcome=not+let+in",
        "refused for one reason": "outcome=unknown+database",
        "refused, of a rare target": "outcome=not+let+in&target={rare}",
        "without known clients": "noise=none",
        "known clients alone": "noise=only",
        "application": "application=app1-8",
        "method, none": "method=md5",
        "told twice": "rows=others",
        "days": DAYS,
        "search, common": "q=TovPlay",
        "search, middling": "q=role7",
        "search, rare": "q=stray_script",
        "search, rare, of a target": "q=stray_script&target={second}",
        "search, nothing": "q=nosuchword",
    },
    "serverloggroup": {
        "newest": "",
        "target": "target={big}",
        "target, rare": "target={rare}",
        "with what is hidden": "noise=shown",
        "hidden alone": "noise=only",
        "class": "class=failed-password",
        "class, hidden": "class=checkpoint",
        "class, rare": "class=drop-database",
        "severity": "severity=50",
        "severity and above": "severity=30%2B",
        "role, rare": "role=stray_script",
        "waiting": "state=waiting",
        "in hands": "assignee=bench",
        "days": DAYS,
        "search": "q=topic517",
        "search, nothing": "q=nosuchword",
    },
    "serverlogentry": {
        "newest": "",
        "target": "target={big}",
        "target, rare": "target={rare}",
        "class": "class=checkpoint",
        "class, rare": "class=drop-database",
        "severity": "severity=40%2B",
        "severity, rare": "severity=50",
        "level": "level=FATAL",
        "SQLSTATE": "sqlstate=28P01",
        "SQLSTATE, none": "sqlstate=XX000",
        "role": "role=role7",
        "role, rare": "role=stray_script",
        "database, none": "database=other",
        "address": "address=10.0.0.7",
        "application, none": "application=psql",
        "session": "session=1e240.6240",
        "group": "group=200001",
        "without noise": "noise=none",
        "noise alone": "noise=only",
        "days": DAYS,
        "days and class": DAYS + "&class=deadlock",
        "search, common": "q=relation",
        "search, common pair": "q=statement table17",
        "search, middling": "q=topic517",
        "search, in statements": "q=word517",
        "search, one": "q=request4711000",
        "search, one old": "q=request4711",
        "search, one in a detail": "q=player4711@example.org",
        "search, words side by side": "q=%22relation+table17+after%22",
        "search, without a word": "q=topic517+-failed",
        "search, one of two": "q=request4711+or+request4712",
        "search, middling, of a rare target": "q=topic517&target={rare}",
        "search, common, of a rare class": "q=relation&class=drop-database",
        "search, on days": DAYS + "&q=request6600000",
        "search, nothing": "q=nosuchword",
    },
}
PAGES = {
    "review queue": "/admin/reviews/",
    "a day": "/admin/day/?target={big}&day=2026-02-15",
    "a day, with what is hidden": "/admin/day/?target={big}&day=2026-02-15&noise=1",
    "around a moment": "/admin/around/?target={big}&at=2026-02-15T06:00:00Z&minutes=15",
    "around a moment, six hours": "/admin/around/?target={big}&at=2026-02-15T06:00:00Z&minutes=360",
    "around a moment, with what is hidden": "/admin/around/?target={big}&at=2026-02-15T06:00:00Z&minutes=360&noise=1",
}


def lists(names: dict[str, int], rounds: int) -> Iterator[Claim]:
    """Every page of the four lists of what ``filling`` made, and what stands beside them."""
    wanted = {}
    for model, queries in LISTS.items():
        wanted |= pages.of_list(model, model, queries)
    yield from pages.timed(wanted | PAGES, names, rounds)


def noting() -> Iterator[Claim]:
    """A worker notes the words of every line for the search, before anybody searches."""
    took = seconds(lambda: words.note(seconds=24 * 3600.0))
    lines = LogWords.objects.count() * LogWords.STRETCH
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE audit_logwords")
        cursor.execute("SELECT pg_total_relation_size('audit_logwords')")
        size = cursor.fetchone()[0]
    how = {"lines": lines, "bytes": size}
    yield Claim(f"words of {lines:,} log lines noted", value=took, goal=lines / 10_000, unit="s", how=how)
