"""Evidence packs: how long one of ten thousand records takes to build, and to verify on a Python without packages."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from django.contrib.auth.models import User
from django.db import connection, transaction

from audit import ledger, tasks
from audit.actors import Actor
from audit.evidence import ask
from audit.models import EvidencePack, ImportKind, ImportSource, Target
from audit.seals import checkpoints, entries, tree
from audit.seals.merkle import leaf_hash
from tests.benchmarks.measuring import Claim
from tests.benchmarks.sealing import ROWS

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
PARTS = 40
"""The log grew in so many parts, each with its checkpoint."""


def packs(*, records: int) -> Iterator[Claim]:
    """A target with so many records: nine tenths are sealed sessions, one tenth ledger entries."""
    user, _ = User.objects.get_or_create(username="bench", is_superuser=True)
    actor = Actor.person(user, "benchmark")
    target = Target.objects.create(name=f"bench {uuid.uuid4().hex[:8]}", environment="scratch", database="shop")
    source = ImportSource.objects.create(target=target, kind=ImportKind.LOGINS)
    _fill(source, records * 9 // 10)
    for number in range(records // 10):
        ledger.append("bench.act", actor=actor, target=target, number=number)
    row = ask.ask(START, END, [target], actor=actor)
    began = time.perf_counter()
    tasks.run_evidence(row.pk)
    seconds = time.perf_counter() - began
    row.refresh_from_db()
    assert (row.state, row.faults) == ("succeeded", []), (row.error, row.faults)
    how = {"records": row.records, "files": row.files, "bytes": row.bytes, "phases": row.phases}
    yield Claim(f"an evidence pack of {row.records:,} records, built and verified once", seconds, "s", 60, how)
    yield _verified(row)


def _fill(source: ImportSource, rows: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(ROWS, [source.target_id, source.pk, rows])
    known = entries.CONNECTIONS
    with transaction.atomic(), entries.copied(f"{known.select(known.of(source))} ORDER BY e.leaf") as lines:
        hashes = [leaf_hash(line) for line in lines]
    step = -(-rows // PARTS)
    for at in range(0, rows, step):
        with transaction.atomic():
            tree.append(source, hashes[at : at + step])
        checkpoints.make(source.seal_tree)


def _verified(row: EvidencePack) -> Claim:
    with ask.usable() as folder:
        pack, alone = folder / row.path, folder / "alone"
    alone.mkdir(exist_ok=True)
    with zipfile.ZipFile(pack) as file:
        for name in ("verify.py", "verifier.py"):
            (alone / Path(name).name).write_bytes(file.read(name))
    words = [sys.executable, "-I", "-S", str(alone / "verify.py"), str(pack), "--signer", row.signer]
    began = time.perf_counter()
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    assert done.returncode == 0, done.stdout + done.stderr
    return Claim(f"verification of {row.records:,} records on a bare Python", seconds, "s", 10, {"bytes": row.bytes})
