"""From a database under a strict policy, through the import that workers do, to the rows put back."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

import pytest

from audit import ledger, tasks
from audit.actors import Actor
from audit.imports import deletions
from audit.models import DeleteAuditTransaction, Purpose, Target
from audit.postgres.connect import connect
from tests.audit.protection.steps import attempt, install, policy, uninstall
from tests.audit.servers import register
from tests.audit.undelete.steps import put_back, rows
from tests.cast import Cast
from tests.conftest import MakeDatabase
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)

SCHEMA = """
CREATE SCHEMA farm;
CREATE TABLE farm.field (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, crop text, size numeric DEFAULT 1.50);
CREATE TABLE farm.row_of (field int REFERENCES farm.field ON DELETE CASCADE, place int, PRIMARY KEY (field, place));
CREATE TABLE farm.season (year int, crop text) PARTITION BY LIST (year);
CREATE TABLE farm.season_2026 PARTITION OF farm.season FOR VALUES IN (2026);
INSERT INTO farm.field (crop) SELECT 'crop ' || i FROM generate_series(1, 1500) i;
INSERT INTO farm.row_of SELECT i, 1 FROM generate_series(1, 1500) i;
INSERT INTO farm.season VALUES (2026, 'wheat'), (2026, 'wheat');
"""
TABLES = ("farm.field", "farm.row_of", "farm.season")
STRICT = policy(
    "delete_audit", "ownership", "protection_status", truncate_guard={"mode": "capture"}, ddl_guard={"alter": True}
)


def content(info: object) -> list[list[tuple]]:
    return [rows(info, f"SELECT * FROM {name} ORDER BY 1, 2") for name in TABLES]  # type: ignore[arg-type]


def bring(target: Target, count: int) -> list[DeleteAuditTransaction]:
    """Import until so many transactions are there: other tests' open transactions on the server hold it back."""
    until = time.monotonic() + 60
    while DeleteAuditTransaction.objects.count() < count and time.monotonic() < until:
        run = deletions.request(target, actor=Actor.system("tests"))
        tasks.run_import(run.pk)
    return list(DeleteAuditTransaction.objects.order_by("at"))


def test_deletes_and_a_truncate_under_a_strict_policy_come_back(
    any_cluster: Cluster, make_database: MakeDatabase, cast: Cast, asker: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.jobs.enqueue", lambda *a, **k: None)
    monkeypatch.setattr("audit.imports.deletions.FOLLOW_SECONDS", 0.0)
    info = make_database(any_cluster)
    with connect(info) as connection:
        connection.execute(SCHEMA.encode())
    install(info, STRICT)
    try:
        target = register(info, credentials={Purpose.OPERATE: (info.user, info.password)})
        before = content(info)
        assert attempt(info, "DELETE FROM farm.field WHERE id > 100", "TRUNCATE farm.season") is None
        lost = bring(target, 2)
        assert [sum(one.tables.values()) for one in lost] == [2800, 2]
        done = put_back(lost, asker)
        assert (done.state, done.plan["put"], done.plan["refusals"]) == ("succeeded", 2802, [])
        assert content(info) == before
        assert ledger.verify().is_sound
    finally:
        uninstall(info, STRICT)


def test_the_ledgers_sha256_can_be_computed_again(cluster: Cluster, place: Callable[..., object], asker: Actor) -> None:
    """Over the SHA-256 of each row's text as it was deleted, in order."""
    farm = place(cluster, SCHEMA)
    lost = farm.delete("DELETE FROM farm.row_of WHERE field <= 7")  # type: ignore[attr-defined]
    done = put_back(lost, asker)
    texts = lost[0].deleted_rows.order_by("at", "record", "position").values_list("row", flat=True)
    each = b"".join(hashlib.sha256(text.encode()).digest() for text in texts)
    assert done.plan["tables"][0]["sha256"] == hashlib.sha256(each).hexdigest()
