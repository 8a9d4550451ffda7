"""Deletes that PostgreSQL counted and nobody captured: the trigger was off, and the alarm says when."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from django.db.models import QuerySet
from django.utils import timezone

from audit import alerts
from audit.anomalies import run
from audit.imports import cross_check, rule, schedule
from audit.imports.cross_check import Counted
from audit.models import Alert, DeleteCount, ImportSource, Severity, Target
from audit.postgres.connect import ConnInfo
from tests.audit.imports.conftest import execute, imported, make_shop, protect, registered
from tests.cast import Cast
from tests.conftest import MakeDatabase
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)


def surplus() -> QuerySet[Alert]:
    """The open alerts, once the rules were run."""
    run.run_all()
    return Alert.objects.filter(kind__startswith="anomaly.surplus", resolved_at=None)


PARTED = """
CREATE SCHEMA shop;
CREATE TABLE shop.day (day date, hits int) PARTITION BY RANGE (day);
CREATE TABLE shop.day_one PARTITION OF shop.day FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE shop.day_two PARTITION OF shop.day FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
INSERT INTO shop.day SELECT '2026-01-05', i FROM generate_series(1, 50) i;
INSERT INTO shop.day SELECT '2026-02-05', i FROM generate_series(1, 50) i;
"""


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross_check, "LEAST_SECONDS", 0)
    monkeypatch.setattr(cross_check, "EVERY_SECONDS", 0)


def delete(info: ConnInfo, number: int) -> None:
    execute(info, f'DELETE FROM shop."Order" WHERE "Id" = {number}')


def settle(target: Target, info: ConnInfo) -> None:
    """Samples enough to know how counted and captured deletes stand to each other."""
    for number in (1, 2):
        delete(info, number)
        imported(target)
    schedule.watch()


def secretly(info: ConnInfo, table: str, *statements: str) -> None:
    """What a superuser can do: switch the capture off, delete, and switch it on again."""
    trigger, attaching = "TRIGGER tovgov_delete_audit", "ALTER EVENT TRIGGER tovgov_new_delete_audit"
    execute(
        info,
        f"{attaching} DISABLE",
        f"ALTER TABLE {table} DISABLE {trigger}",
        *statements,
        f"ALTER TABLE {table} ENABLE ALWAYS {trigger}",
        f"{attaching} ENABLE ALWAYS",
    )


def test_deletes_while_the_trigger_was_off_are_found_for_certain(target: Target, info: ConnInfo) -> None:
    settle(target, info)
    assert not surplus().exists()
    secretly(info, "shop.keyless", "DELETE FROM shop.keyless WHERE ctid IN (SELECT ctid FROM shop.keyless LIMIT 7)")
    delete(info, 3)
    imported(target)
    alert = surplus().get()
    assert alert.severity == Severity.CRITICAL
    assert "7 rows of shop.keyless were deleted after" in alert.title
    row = DeleteCount.objects.get(surplus__gt=0)
    assert (row.table, row.surplus, row.is_certain) == ("shop.keyless", 7, True)
    assert row.since is not None
    assert row.since < row.at
    schedule.watch()
    assert surplus().get().times == 1, "it is told once"


def test_without_any_import_it_is_found_too(target: Target, info: ConnInfo) -> None:
    settle(target, info)
    secretly(info, "shop.keyless", "DELETE FROM shop.keyless")
    schedule.watch()
    assert "3,000 rows of shop.keyless" in surplus().get().title


def test_a_second_time_is_told_again(target: Target, info: ConnInfo) -> None:
    settle(target, info)
    secretly(info, "shop.line", 'DELETE FROM shop.line WHERE "Order" = 11')
    schedule.watch()
    assert surplus().get().times == 1
    secretly(info, "shop.line", 'DELETE FROM shop.line WHERE "Order" BETWEEN 12 AND 14')
    schedule.watch()
    assert list(DeleteCount.objects.filter(surplus__gt=0).order_by("id").values_list("surplus", flat=True)) == [2, 6]
    assert surplus().get().times == 2


def test_deletes_that_were_rolled_back_are_only_possibly_missing(target: Target, info: ConnInfo) -> None:
    settle(target, info)
    with psycopg.connect(**info.keywords()) as app:
        app.execute('DELETE FROM shop."Order" WHERE "Id" = 20')
        app.rollback()
    schedule.watch()
    found = surplus()
    assert {alert.severity for alert in found} == {Severity.WARNING}
    assert any("1 row of shop.Order may have been deleted" in alert.title for alert in found)
    Alert.objects.update(seen_at=timezone.now() - timedelta(days=2))
    delete(info, 21)
    imported(target)
    assert not surplus().exists(), "what was only possible goes after a day"


def test_a_certain_one_stays_until_somebody_has_seen_it(target: Target, info: ConnInfo, cast: Cast) -> None:
    settle(target, info)
    secretly(info, "shop.keyless", "DELETE FROM shop.keyless")
    schedule.watch()
    assert surplus().exists()
    Alert.objects.update(seen_at=timezone.now() - timedelta(days=9))
    schedule.watch()
    alerts.acknowledge(surplus().get(), actor=cast.actor("bob"))
    schedule.watch()
    assert not surplus().exists()


def test_ordinary_work_is_no_surplus(target: Target, info: ConnInfo) -> None:
    """Many deletes, long transactions, sessions that tell their counts late: not one false word."""
    settle(target, info)
    with psycopg.connect(**info.keywords(), autocommit=True) as busy, psycopg.connect(**info.keywords()) as slow:
        for number in range(100, 160):
            busy.execute('DELETE FROM shop."Order" WHERE "Id" = %s', [number])
            if number % 20 == 0:
                imported(target)  # it has not told its counts yet
                busy.execute("SELECT pg_stat_force_next_flush()")  # as time does
        slow.execute('DELETE FROM shop."Order" WHERE "Id" = 4000')
        imported(target)
        busy.execute("SELECT pg_stat_force_next_flush()")
        slow.commit()
        imported(target)
        slow.execute("SELECT 1")  # and on into a long transaction, with counts it has not told
        for _ in range(3):
            schedule.watch()
        slow.commit()
    execute(info, "SELECT 1")
    imported(target)
    schedule.watch()
    assert not surplus().exists()
    secretly(info, "shop.line", 'DELETE FROM shop.line WHERE "Order" = 77')
    schedule.watch()
    assert "2 rows of shop.line" in surplus().get().title


def test_a_reset_of_the_counters_begins_anew(target: Target, info: ConnInfo) -> None:
    settle(target, info)
    execute(info, "SELECT pg_stat_reset()")
    delete(info, 5)
    imported(target)
    delete(info, 6)
    imported(target)
    assert not surplus().exists()
    secretly(info, "shop.keyless", "DELETE FROM shop.keyless")
    schedule.watch()
    assert surplus().count() == 1


def test_a_new_installation_begins_anew(target: Target, info: ConnInfo) -> None:
    settle(target, info)
    secretly(info, "shop.keyless", "DELETE FROM shop.keyless")
    row = protect(target)
    row.installed_at = timezone.now()
    row.save()
    schedule.watch()
    assert not surplus().exists()


def test_excluded_tables_are_left_out(target: Target, info: ConnInfo) -> None:
    protect(target, exclude=["shop.keyless"])
    settle(target, info)
    secretly(info, "shop.keyless", "DELETE FROM shop.keyless")
    schedule.watch()
    assert not surplus().exists()
    assert set(DeleteCount.objects.values_list("table", flat=True)) == {"shop.Order", "shop.line"}


def test_what_tovgov_prunes_is_no_surplus(target: Target, info: ConnInfo) -> None:
    protect(target, keep_days=0)
    settle(target, info)
    schedule.watch()
    assert ImportSource.objects.get().imports.first().pruned
    assert not surplus().exists()


def test_partitions_are_counted_together(cluster: Cluster, make_database: MakeDatabase, cast: Cast) -> None:
    info = make_shop(make_database(cluster), PARTED)
    target = registered(info)
    for statement in ("DELETE FROM shop.day WHERE hits = 1", "DELETE FROM shop.day_two WHERE hits = 2"):
        execute(info, statement)
        imported(target)
    execute(
        info,
        "CREATE TABLE shop.day_three PARTITION OF shop.day FOR VALUES FROM ('2026-03-01') TO ('2026-04-01')",
        "INSERT INTO shop.day SELECT '2026-03-05', i FROM generate_series(1, 50) i",
        "DELETE FROM shop.day WHERE hits = 4",
        "DELETE FROM shop.day_three WHERE hits = 5",
    )
    imported(target)
    schedule.watch()
    assert not surplus().exists()
    assert {row.table for row in DeleteCount.objects.all()} == {"shop.day"}
    execute(info, "UPDATE shop.day SET day = '2026-02-06' WHERE day = '2026-01-05' AND hits = 9")
    schedule.watch()
    alert = surplus().get()
    assert alert.severity == Severity.WARNING
    assert "another partition" in alert.hint


def test_a_table_in_which_nothing_happens_keeps_one_row(target: Target, info: ConnInfo) -> None:
    settle(target, info)
    for _ in range(3):
        schedule.watch()
    row = DeleteCount.objects.get(table="shop.keyless")
    assert row.at == ImportSource.objects.get().sampled_at, "it says until when"


def test_a_child_of_two_parents_joins_them() -> None:
    tables = [Counted(1, "a.one", 0, []), Counted(2, "a.two", 3, []), Counted(3, "a.both", 4, [1, 2])]
    found = cross_check.groups(tables, {"tables": ["*"], "exclude": []})
    assert [group.members for group in found] == [{"1": 0, "2": 3, "3": 4}]
    assert cross_check.groups(tables, {"tables": ["*"], "exclude": ["a.both"]}) == []


def test_without_a_policy_nothing_is_compared(target: Target, info: ConnInfo) -> None:
    row = protect(target)
    assert rule.settings_of(target) is not None
    row.policy = None
    row.save()
    imported(target)
    assert DeleteCount.objects.count() == 0
