"""Retention: a million log lines retired, in batches and with their partition; how long, in how much memory, and what
a list of the same log waits meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import psutil
from django.db import connection, connections, transaction
from django.utils import timezone

from audit import partitions
from audit.imports.retention import work
from audit.imports.server_logs import words
from audit.lists import keyset
from audit.lists.server_logs import ENTRIES
from audit.models import ImportKind, ImportSource, LogFile, ServerLogEntry, Target
from audit.seals import checkpoints, tree
from tests.benchmarks.filling import told
from tests.benchmarks.measuring import Claim, median, seconds

CHUNK = 20_000
DAYS = 30
LATER = timedelta(days=100)
SQL = Path(__file__).with_suffix(".sql").read_text()


def retired(*, rows: int) -> Iterator[Claim]:
    """``rows`` lines of one source, sealed and noted, of which a twentieth waits for a review, and then everything that
    is free of them is retired."""
    source = build(rows)
    waits = Waits()
    memory = psutil.Process().memory_info().rss
    with waits:
        took = seconds(lambda: _until_done(source))
    more = (psutil.Process().memory_info().rss - memory) / 1e6
    left = ServerLogEntry.objects.filter(source=source).count()
    how = {"retired": rows - left, "held": left, "pages": len(waits.took)}
    yield Claim(f"{rows - left:,} lines retired one by one", took, "s", 120, how)
    yield Claim("the same: memory of the worker", more, "MB", 100)
    how = {"median": median(waits.took)}
    yield Claim("the same: the slowest page of the list meanwhile", max(waits.took), "s", 1, how)


def build(rows: int) -> ImportSource:
    """A source that is kept for thirty days, and its lines of three months before."""
    target = Target.objects.create(name="retention", environment="scratch", database="shop")
    source = ImportSource.objects.create(target=target, kind=ImportKind.FOLDER, name="retention", keep_days=DAYS)
    file = LogFile.objects.create(source=source, identity="retention", head="", head_bytes=0, name="retention.csv")
    names = {"target": target.pk, "source": source.pk, "file": file.pk, "rows": rows}
    with connection.cursor() as cursor:
        partitions.make_ahead(ServerLogEntry, for_rows=rows)
        for statement in SQL.split(";\n"):
            cursor.execute(statement, names)
        cursor.execute("ANALYZE audit_serverlogentry")
    for at in range(0, rows, CHUNK):
        with transaction.atomic():
            tree.append(source, [sha256(str(n).encode()).digest() for n in range(at, min(at + CHUNK, rows))])
    checkpoints.watch()
    with told("words noted"):
        words.note(seconds=24 * 3600.0)
    return source


def _until_done(source: ImportSource) -> None:
    """As the worker does it: some seconds a minute, until the source was looked through."""
    now = timezone.now() + LATER
    while "done_at" not in ImportSource.objects.get(pk=source.pk).retention:
        work.retire_due(now=now)


class Waits:
    """Asks for a page of the list again and again, beside what the block does; how long each took."""

    def __init__(self) -> None:
        self.took: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        wanted = ENTRIES.read("")
        while not self._over.is_set():
            began = time.perf_counter()
            keyset.page(ENTRIES, wanted)
            self.took.append(time.perf_counter() - began)
            time.sleep(0.05)
        connections.close_all()
