"""The lists of deletes, with ten million deleted rows: every page, filter and search; bulk reviews; exports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, override_settings

from audit import partitions, reviews
from audit.actors import Actor
from audit.exports import request as exports
from audit.lists.deletions import ROWS
from audit.models import LIST_FORMATS, DeleteAuditLog, DeleteAuditTransaction, Environment, Target
from tests.benchmarks.filling import without_indexes
from tests.benchmarks.measuring import Claim, median, seconds
from tests.benchmarks.tovgov_under_test import Peak, finished, seconds_of

PAGE_GOAL = 0.3
ROWS_A_TRANSACTION = 5
TABLES = ("audit_deleteaudittransaction", "audit_deleteauditlog")
SQL = Path(__file__).with_suffix(".sql").read_text()

TRANSACTION_PAGES = {
    "newest": "",
    "target": "target={target}",
    "target, rare": "target={rare}",
    "table": "table=public.Message",
    "table, rare": "table=public.Invoice",
    "role": "role=tovplay_app",
    "role, rare": "role=stray_script",
    "user": "user=user17",
    "user and state": "user=user17&state=suspicious",
    "address": "address=10.0.0.7",
    "address, rare": "address=10.9.9.9",
    "state": "state=unreviewed",
    "waiting": "state=waiting&target={target}",
    "nothing fits": "address=10.0.0.7&state=accepted",
    "days": "from=2026-03-01&to=2026-03-02",
    "search, common": "q=delete",
    "search, common pair": "q=delete message",
    "search, rare": "q=stray_script",
    "search, nothing": "q=nosuchwordatall",
}
ROW_PAGES = {
    "newest": "",
    "target": "target={target}",
    "target, rare": "target={rare}",
    "table": "table=public.Message",
    "table, rare": "table=Invoice",
    "role": "role=tovplay_app",
    "role, rare": "role=stray_script",
    "user": "user=user17",
    "address, rare": "address=10.9.9.9",
    "state": "state=unreviewed",
    "state, rare": "state=suspicious",
    "days": "from=2026-03-01&to=2026-03-02",
    "search, common": "q=message",
    "search, common pair": "q=friday user17",
    "search, one in a thousand": "q=word517",
    "search, one": "q=player4711@example.org",
    "search, common and role": "q=friday&role=stray_script",
    "search, nothing": "q=nosuchwordatall",
}


def build(rows: int) -> dict[str, int]:
    """Fill the lists with ``rows`` rows of two targets, a fifth as many transactions; indexes are made afterwards."""
    targets = [
        Target.objects.create(name=name, environment=Environment.SCRATCH, host="db.example.org", database=name)
        for name in ("big", "small")
    ]
    partitions.AHEAD = 2 + rows // partitions.SIZE
    partitions.make_ahead(DeleteAuditLog)
    with without_indexes(TABLES), connection.cursor() as cursor:
        for statement in SQL.split(";\n"):
            if statement.strip():
                numbers = {"transactions": rows // ROWS_A_TRANSACTION, "each": ROWS_A_TRANSACTION}
                cursor.execute(statement, numbers | {"big": targets[0].pk, "small": targets[1].pk})
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM ANALYZE {', '.join(TABLES)}")
    return {"target": targets[0].pk, "rare": targets[1].pk}


def lists(rows: int, rounds: int) -> Iterator[Claim]:
    """Every page of the two lists, as a browser asks for it, and one act on as many rows as one act reviews."""
    names = build(rows)
    plain = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    with override_settings(STORAGES=plain):
        yield from pages(names, rounds)
    yield from bulk(min(reviews.CAP, rows // ROWS_A_TRANSACTION // 4))


def pages(names: dict[str, int], rounds: int) -> Iterator[Claim]:
    """The median of ``rounds`` for each page."""
    user = User.objects.create_superuser("bench", "bench@example.org", "not for real use")
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    places = {"deletes": ("deleteaudittransaction", TRANSACTION_PAGES), "deleted rows": ("deleteauditlog", ROW_PAGES)}
    for label, (model, kinds) in places.items():
        for kind, query in kinds.items():
            url = f"/admin/audit/{model}/?{query.format(**names)}"
            yield _page(client, f"{label}, {kind}", url, rounds)
        deep = _deep(client, f"/admin/audit/{model}/")
        yield _page(client, f"{label}, halfway", deep, rounds)
    big = DeleteAuditTransaction.objects.order_by("-row_count", "-at").first()
    assert big is not None
    last = DeleteAuditLog.objects.order_by("-at", "-id").first()
    assert last is not None
    yield _page(client, "a transaction", f"/admin/audit/deleteaudittransaction/{big.pk}/change/", rounds)
    yield _page(client, "a row", f"/admin/audit/deleteauditlog/{last.pk}/change/", rounds)
    yield _page(client, "review queue", "/admin/reviews/", rounds)
    yield _page(client, "dashboard", "/admin/", rounds)


def _deep(client: Client, url: str) -> str:
    """The page in the middle of the whole list."""
    return f"{url}?older=2026-04-01T00:00:00%2B00:00~1"


def _page(client: Client, what: str, url: str, rounds: int) -> Claim:
    def ask() -> None:
        answer = client.get(url)
        assert answer.status_code == 200, (url, answer.status_code)
        answer.content  # noqa: B018

    ask()  # templates are read once
    took = median([seconds(ask) for _ in range(rounds)])
    return Claim(f"page: {what}", value=took, goal=PAGE_GOAL, unit="s")


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
