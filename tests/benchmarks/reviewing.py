"""The lists of deletes, with ten million deleted rows: every page, filter and search; bulk reviews; exports."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

from django.contrib.auth.models import User

from audit import reviews
from audit.actors import Actor
from audit.exports import request as exports
from audit.lists.deletions import ROWS
from audit.models import LIST_FORMATS, DeleteAuditLog, DeleteAuditTransaction
from tests.benchmarks import pages
from tests.benchmarks.measuring import Claim, seconds
from tests.benchmarks.pages import DAYS
from tests.benchmarks.tovgov_under_test import Peak, finished, seconds_of

TRANSACTION_PAGES = {
    "newest": "",
    "target": "target={big}",
    "target, rare": "target={rare}",
    "table": "table=public.Message",
    "table, rare": "table=public.Invoice",
    "role": "role=tovplay_app",
    "role, rare": "role=stray_script",
    "user": "user=user17",
    "user, rare": "user=user999",
    "user and state": "user=user17&state=suspicious",
    "address": "address=10.0.0.7",
    "address, rare": "address=10.9.9.9",
    "state": "state=unreviewed",
    "state, rare": "state=suspicious",
    "in hands": "assignee=bench",
    "waiting": "state=waiting&target={big}",
    "nothing fits": "address=10.0.0.7&state=accepted",
    "days": DAYS,
    "search, common": "q=delete",
    "search, common pair": "q=delete message",
    "search, rare": "q=stray_script",
    "search, nothing": "q=nosuchwordatall",
}
ROW_PAGES = {
    "newest": "",
    "target": "target={big}",
    "target, rare": "target={rare}",
    "table": "table=public.Message",
    "table, rare": "table=Invoice",
    "role": "role=tovplay_app",
    "role, rare": "role=stray_script",
    "user": "user=user17",
    "address, rare": "address=10.9.9.9",
    "state": "state=unreviewed",
    "state, rare": "state=suspicious",
    "days": DAYS,
    "search, common": "q=message",
    "search, common pair": "q=friday user17",
    "search, one in a thousand": "q=word517",
    "search, one": "q=player4711@example.org",
    "search, common and role": "q=friday&role=stray_script",
    "search, nothing": "q=nosuchwordatall",
}


def lists(names: dict[str, int], rounds: int) -> Iterator[Claim]:
    """Every page of the two lists of what ``filling`` made, and what stands beside them."""
    large = DeleteAuditTransaction.objects.filter(row_count=2000).order_by("-at", "-id").first()
    last = DeleteAuditLog.objects.order_by("-at", "-id").first()
    assert large is not None
    assert last is not None
    wanted = pages.of_list("deleteaudittransaction", "deletes", TRANSACTION_PAGES)
    wanted |= pages.of_list("deleteauditlog", "deleted rows", ROW_PAGES)
    wanted |= {
        "a transaction of 2,000 rows": f"/admin/audit/deleteaudittransaction/{large.pk}/change/",
        "a deleted row": f"/admin/audit/deleteauditlog/{last.pk}/change/",
        "review queue": "/admin/reviews/",
        "dashboard": "/admin/",
        "a target": "/admin/audit/target/{big}/change/",
    }
    yield from pages.timed(wanted, names, rounds)


def exporting(rows: int) -> Iterator[Claim]:
    """The newest rows as each format, by a worker: its time and the peak of its memory."""
    actor = Actor.person(User.objects.get(username="bench"), "benchmark")
    newest = DeleteAuditLog.objects.order_by("-at", "-id").values_list("at", flat=True)
    peak = Peak(finished(exports.start(ROWS, urlencode({"from": newest[100].isoformat()}), "xlsx", actor=actor)))
    query = urlencode({"from": newest[rows - 1].isoformat()})
    for kind in LIST_FORMATS:
        peak.reset()
        job = finished(exports.start(ROWS, query, kind, actor=actor))
        assert peak.is_of(job), "the worker was started anew"
        what = f"export of {job.rows:,} rows as {kind}"
        yield Claim(f"{what}: peak memory", value=peak.megabytes(), goal=200, unit="MB")
        yield Claim(f"{what}: time", value=seconds_of(job), goal=max(10, rows / 5_000), unit="s")


def bulk(count: int) -> Iterator[Claim]:
    """One act on as many as one act reviews."""
    user = User.objects.get(username="bench")
    rows = list(DeleteAuditTransaction.objects.filter(state="unreviewed").order_by("-at", "-id")[:count])
    took = seconds(lambda: reviews.accept(rows, actor=Actor.person(user, "benchmark")))
    yield Claim(f"review of {len(rows):,} at once", value=took, goal=10, unit="s")
