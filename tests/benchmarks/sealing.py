"""Seals: what appending a leaf costs, how long verification of a million entries takes, how large a proof is."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from hashlib import sha256

from django.db import connection, transaction

from audit.actors import Actor
from audit.models import ImportKind, ImportSource, Target
from audit.seals import entries, merkle, tree, verify
from audit.seals.merkle import leaf_hash
from tests.benchmarks.measuring import Claim

ACTOR = Actor.system("benchmark")
CHUNK = 20_000
ROWS = """
INSERT INTO audit_connectionauditlog (target_id, import_source_id, leaf, at, seen_at, source, pid, session, role,
    database, client_address, client_host, application_name, tls, method, outcome, reason)
SELECT %s, %s, i, '2026-01-01'::timestamptz + i * interval '1 second', now(), 'login trigger', i, '',
    'role ' || i %% 50, 'shop', '10.0.0.1'::inet + i %% 200, '', 'web', true, 'scram-sha-256', 'accepted', ''
FROM generate_series(0, %s - 1) i
"""


def sealed(*, rows: int) -> Iterator[Claim]:
    """A source of so many connections in tovgov's own database, sealed, verified, and proved."""
    name = f"bench seals {uuid.uuid4().hex[:8]}"
    target = Target.objects.create(name=name, environment="scratch", database="shop")
    source = ImportSource.objects.create(target=target, kind=ImportKind.LOGINS)
    with connection.cursor() as cursor:
        cursor.execute(ROWS, [target.pk, source.pk, rows])
        cursor.execute("ANALYZE audit_connectionauditlog")
    try:
        yield from _measure(source, rows)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM audit_connectionauditlog WHERE target_id = %s", [target.pk])
        Target.objects.filter(pk=target.pk).update(is_active=False)  # its checkpoints are there to stay


def _measure(source: ImportSource, rows: int) -> Iterator[Claim]:
    hashes = [sha256(str(number).encode()).digest() for number in range(rows)]
    frontier = merkle.Frontier()
    began = time.perf_counter()
    frontier.extend(b"".join(hashes))
    pure = (time.perf_counter() - began) / rows * 1e6
    with transaction.atomic():
        known = entries.CONNECTIONS
        with entries.copied(f"{known.select(known.of(source))} ORDER BY e.leaf") as lines:
            hashes = [leaf_hash(line) for line in lines]
    began = time.perf_counter()
    for at in range(0, rows, CHUNK):
        with transaction.atomic():
            tree.append(source, hashes[at : at + CHUNK])
    took = (time.perf_counter() - began) / rows * 1e6
    how: dict[str, float] = {"rows": rows, "chunk": CHUNK, "without_database": pure}
    yield Claim("appending a leaf hash, in chunks of 20,000", took, "µs", 2, how)
    began, cpu = time.perf_counter(), time.process_time()
    verdict = verify.verify(source.target, actor=ACTOR)
    seconds, ours = time.perf_counter() - began, time.process_time() - cpu
    how = {"rows": verdict.rows, "cpu_seconds_of_this_process": ours}
    yield Claim(f"verification of {rows:,} sealed entries", seconds, "s", 10, how)
    yield Claim("entries that it did not find sound", rows - verdict.rows + len(verdict.faults), "entries", 0, {})
    path = tree.Tiles(tree.tree_of(source)).inclusion(rows // 3, rows)
    yield Claim(f"an inclusion proof among {rows:,}", len(b"".join(path)), "bytes", 1024, {"hashes": len(path)})
