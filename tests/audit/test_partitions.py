"""tovgov's own large logs: partitioned, with room ahead, and once-ness proved on each partition."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import IntegrityError, connection, models, transaction

from audit import partitions
from audit.exceptions import PartitionBusy
from audit.models import DeleteAuditLog, ServerLogEntry
from tests import factories
from tests.conftest import MakeDatabase
from tovgov.embedded import Cluster

ROOT = Path(__file__).resolve().parents[2]
EACH = pytest.mark.parametrize("model", partitions.LOGS, ids=lambda model: model._meta.model_name)


def other_session() -> psycopg.Connection:
    own = connection.settings_dict
    keywords = {"host": own["HOST"], "port": own["PORT"], "user": own["USER"], "password": own["PASSWORD"]}
    return psycopg.connect(**keywords, dbname=own["NAME"])


Jump = Callable[[type[models.Model], int], None]


@pytest.fixture
def jump() -> Iterator[Jump]:
    """The next row gets this id. A sequence is not rolled back: it is set back when the test ends."""
    stood: dict[str, int] = {}

    def to(model: type[models.Model], number: int) -> None:
        table = model._meta.db_table
        with connection.cursor() as cursor:
            if table not in stood:
                cursor.execute(f"SELECT last_value FROM {table}_id_seq")
                stood[table] = cursor.fetchone()[0]
            cursor.execute(f"SELECT setval('{table}_id_seq', %s, false)", [number])

    yield to
    with other_session() as other:
        for table, number in stood.items():
            other.execute("SELECT setval(%s::regclass, %s)", [f"{table}_id_seq", number])


def partition_of(row: models.Model) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT tableoid::regclass::text FROM {row._meta.db_table} WHERE id = %s", [row.pk])
        return str(cursor.fetchone()[0])


@EACH
def test_every_log_has_room_ahead(db: None, model: type[models.Model]) -> None:
    partitions.make_ahead(model)
    ranges = partitions.partitions_of(model)
    assert [one.first for one in ranges[1:]] == [one.below for one in ranges[:-1]]
    assert ranges[-1].below >= partitions.AHEAD * partitions.SIZE
    assert partitions.make_ahead(model) == []


@EACH
def test_the_key_stands_on_the_whole_and_indexes_on_each_partition(db: None, model: type[models.Model]) -> None:
    partitions.make_ahead(model)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT indrelid), count(*) FILTER (WHERE indisprimary) FROM pg_index WHERE indrelid IN"
            " (SELECT inhrelid FROM pg_inherits WHERE inhparent = %s::regclass)",
            [model._meta.db_table],
        )
        tables, keys = cursor.fetchone()
    assert tables == keys == len(partitions.partitions_of(model))


def test_rows_go_on_in_the_next_partition(db: None, jump: Jump) -> None:
    partitions.make_ahead(DeleteAuditLog)
    jump(DeleteAuditLog, partitions.SIZE - 1)
    first, second = factories.DeleteAuditLogFactory(), factories.DeleteAuditLogFactory()
    assert [partition_of(row) for row in (first, second)] == [
        "audit_deleteauditlog_from_0",
        f"audit_deleteauditlog_from_{partitions.SIZE}",
    ]
    assert DeleteAuditLog.objects.filter(pk__in=[first.pk, second.pk]).count() == 2


def test_a_deleted_row_is_refused_the_second_time_on_every_partition(db: None, jump: Jump) -> None:
    partitions.make_ahead(DeleteAuditLog)
    for one in [*partitions.partitions_of(DeleteAuditLog)]:
        jump(DeleteAuditLog, one.first + 100_000)
        twice(factories.DeleteAuditLogFactory())


def twice(row: models.Model) -> None:
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


@pytest.mark.django_db(transaction=True)
def test_making_room_waits_for_no_reader_and_no_writer_of_the_log(jump: Jump) -> None:
    partitions.make_ahead(ServerLogEntry)
    jump(ServerLogEntry, partitions.partitions_of(ServerLogEntry)[-1].below - 10)
    with other_session() as other:
        other.execute("SELECT count(*) FROM audit_serverlogentry")
        other.execute("DELETE FROM audit_serverlogentry")
        assert partitions.make_ahead(ServerLogEntry)
        other.rollback()


@pytest.mark.django_db(transaction=True)
def test_a_log_that_is_held_is_named_and_tried_again(jump: Jump, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "LOCK_MILLISECONDS", 50)
    jump(ServerLogEntry, partitions.partitions_of(ServerLogEntry)[-1].below - 10)
    with other_session() as other:
        other.execute("LOCK TABLE audit_serverlogentry IN SHARE ROW EXCLUSIVE MODE")
        with pytest.raises(PartitionBusy):
            partitions.make_ahead(ServerLogEntry)
        other.rollback()
    assert partitions.make_ahead(ServerLogEntry)


def test_a_dropped_partition_takes_its_rows_along_and_no_others(db: None, jump: Jump) -> None:
    partitions.make_ahead(DeleteAuditLog)
    first = partitions.partitions_of(DeleteAuditLog)[0]
    jump(DeleteAuditLog, first.below - 1)
    gone, kept = factories.DeleteAuditLogFactory(), factories.DeleteAuditLogFactory()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    partitions.drop(DeleteAuditLog, first)
    assert list(DeleteAuditLog.objects.filter(pk__in=[gone.pk, kept.pk])) == [kept]


# --- a database that has rows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("cluster", [15, 18], indirect=True)
def test_tables_with_rows_become_the_first_partition(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    uri = f"postgres://{info.user}:{info.password}@{info.host}:{info.port}/{info.database}"
    migrate(uri, "auth")
    migrate(uri, "audit", "0004")
    with psycopg.connect(uri) as own:
        own.execute(
            "INSERT INTO audit_connectionauditlog (target_id, at, seen_at, source, pid, session, role, database,"
            " client_host, application_name, method, outcome, reason)"
            " SELECT 1, now() + i * interval '1 s', now(), 'sample', i, '', 'clerk', 'club', '', 'psql', '',"
            " 'accepted', '' FROM generate_series(1, 1000) i"
        )
        own.execute("DELETE FROM audit_connectionauditlog WHERE id > 990")
    migrate(uri, "audit")
    with psycopg.connect(uri) as own:
        new = own.execute(
            "INSERT INTO audit_connectionauditlog (target_id, at, seen_at, source, pid, session, role, database,"
            " client_host, application_name, method, outcome, reason)"
            " VALUES (1, now(), now(), 'sample', 0, '', 'clerk', 'club', '', 'psql', '', 'accepted', '') RETURNING id"
        ).fetchone()
        assert new == (1001,)
        found = own.execute("SELECT tableoid::regclass::text, count(*) FROM audit_connectionauditlog GROUP BY 1")
        assert found.fetchall() == [("audit_connectionauditlog_from_0", 991)]
        keys = "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conrelid = 'audit_deleteauditlog'::regclass"
        assert own.execute(keys).fetchone() == (2,)
        words = "SELECT count(*) FROM pg_indexes WHERE indexname = 'deleted_rows_words'"
        assert own.execute(words).fetchone() == (1,)


def migrate(uri: str, *to: str) -> None:
    command = [sys.executable, "manage.py", "migrate", *to, "--skip-checks", "-v", "0"]
    environment = os.environ | {"DATABASE_URL": uri, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=120)
