"""A target with a delete log, and imports of it without a queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from audit import targets, tasks
from audit.actors import Actor
from audit.imports import deletions
from audit.models import AuditImport, DeleteAuditLog, Protection, ProtectionPolicy, Purpose, Target
from audit.postgres.connect import ConnInfo, connect
from audit.protection import policies
from tests.audit.protection.steps import install
from tests.audit.servers import register
from tests.cast import Cast
from tests.conftest import MakeDatabase
from tests.horizon import others_have_ended
from tovgov.embedded import Cluster

SCHEMA = """
CREATE SCHEMA shop;
CREATE TABLE shop."Order" ("Id" int PRIMARY KEY, note text);
CREATE TABLE shop.line ("Order" int REFERENCES shop."Order" ON DELETE CASCADE, place int, PRIMARY KEY ("Order", place));
CREATE TABLE shop.keyless (word text);
INSERT INTO shop."Order" SELECT i, 'note ' || i FROM generate_series(1, 5000) i;
INSERT INTO shop.line SELECT i, j FROM generate_series(1, 5000) i, generate_series(1, 2) j;
INSERT INTO shop.keyless SELECT 'word' FROM generate_series(1, 3000);
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is queued, and an import that has caught up does not wait for more."""
    monkeypatch.setattr("audit.jobs.enqueue", lambda *a, **k: None)
    monkeypatch.setattr(deletions, "FOLLOW_SECONDS", 0)


@pytest.fixture
def info(cluster: Cluster, make_database: MakeDatabase) -> ConnInfo:
    return make_shop(make_database(cluster))


def make_shop(info: ConnInfo, schema: str = SCHEMA) -> ConnInfo:
    with connect(info) as connection:
        connection.execute(schema.encode())
    install(info, policy())
    return info


def policy(**settings: Any) -> ProtectionPolicy:
    rules = policies.complete([{"rule": "delete_audit", "settings": settings}])
    return ProtectionPolicy(name="made up", version=1, rules=rules, created_by="tests")


def protect(target: Target, **settings: Any) -> Protection:
    """What an installation leaves in tovgov's own database."""
    made = policy(**settings)
    made.version = ProtectionPolicy.objects.count() + 1
    made.save()
    return Protection.objects.update_or_create(target=target, defaults={"policy": made, "installed_by": "tests"})[0]


@pytest.fixture
def target(info: ConnInfo, cast: Cast) -> Target:
    return registered(info)


def registered(info: ConnInfo, **more: Any) -> Target:
    target = register(info, credentials={Purpose.OPERATE: (info.user, info.password)}, **more)
    protect(target)
    return target


def run_import(target: Target) -> AuditImport:
    """An import as the minute queues it, run here."""
    run = deletions.request(target, actor=Actor.system("tests"))
    tasks.run_import(run.pk)
    run.refresh_from_db()
    return run


def imported(target: Target) -> AuditImport:
    others_have_ended(targets.conninfo(target, Purpose.OPERATE))
    run = run_import(target)
    assert run.state == "succeeded", (run.error_code, run.error)
    return run


def execute(info: ConnInfo, *statements: str) -> None:
    """Each statement as a transaction of its own, on one connection; what it counted is told before it ends."""
    with psycopg.connect(**info.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
        for statement in statements:
            connection.execute(statement.encode())
        connection.execute("SELECT pg_stat_force_next_flush()")
    others_have_ended(info)


def captured(info: ConnInfo) -> list[tuple[Any, ...]]:
    """What the target's own view shows: transaction, record, position, table and the row's text."""
    with connect(info) as connection:
        return connection.execute(
            "SELECT transaction_id::text::bigint, record, position, table_name::text, row::text"
            ' FROM tovgov."DeleteAuditLog" ORDER BY 1, 2, 3'
        ).fetchall()


def stored(target: Target) -> list[tuple[Any, ...]]:
    """The same of what was imported, in the order of its storing."""
    rows = DeleteAuditLog.objects.filter(target=target).order_by("of_transaction__transaction", "record", "position")
    return list(rows.values_list("of_transaction__transaction", "record", "position", "table_name", "row"))


Keep = Callable[[], None]
