"""Orphans are found whatever the catalogue says of the constraint, and nothing else is called one."""

from __future__ import annotations

import pytest

from audit.postgres.connect import ConnInfo, connect
from backups.foreign_keys import Orphans, find_orphans
from tests.backups.house import run_sql
from tests.conftest import MakeDatabase
from tovgov.embedded import Cluster

SILENT = "SET session_replication_role = replica; "


@pytest.fixture
def info(cluster: Cluster, make_database: MakeDatabase) -> ConnInfo:
    return make_database(cluster)


def orphans(info: ConnInfo) -> list[Orphans]:
    with connect(info, read_only=True) as connection:
        return find_orphans(connection)


def test_an_orphan_under_a_valid_key_is_found(info: ConnInfo) -> None:
    run_sql(
        info,
        'CREATE TABLE "Parent; x" (id int PRIMARY KEY)',
        'CREATE TABLE child (id int, "Parent Id" int REFERENCES "Parent; x")',
        'INSERT INTO "Parent; x" SELECT generate_series(1, 100)',
        "INSERT INTO child SELECT g, g FROM generate_series(1, 100) g",
        "INSERT INTO child VALUES (101, NULL)",
    )
    assert orphans(info) == []
    run_sql(info, SILENT + 'DELETE FROM "Parent; x" WHERE id <= 3')
    assert orphans(info) == [Orphans('"public"."child" child_Parent Id_fkey', 3)]


def test_match_simple_and_match_full_differ_about_null(info: ConnInfo) -> None:
    for match in ("SIMPLE", "FULL"):
        run_sql(
            info,
            f"CREATE TABLE parent_{match} (a int, b int, PRIMARY KEY (a, b))",
            f"CREATE TABLE child_{match} (a int, b int, "
            f"CONSTRAINT key_{match} FOREIGN KEY (a, b) REFERENCES parent_{match} MATCH {match})",
            SILENT + f"INSERT INTO child_{match} VALUES (1, NULL), (NULL, NULL)",
        )
    assert orphans(info) == [Orphans('"public"."child_full" key_full', 1)]


def test_partitions_children_and_operators_of_other_types(info: ConnInfo) -> None:
    run_sql(
        info,
        "CREATE TABLE parent (id bigint, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)",
        "CREATE TABLE parent_1 PARTITION OF parent FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
        "CREATE TABLE child (id int, at date, FOREIGN KEY (id, at) REFERENCES parent) PARTITION BY LIST (id)",
        "CREATE TABLE child_1 PARTITION OF child FOR VALUES IN (1, 2)",
        "INSERT INTO parent VALUES (1, '2026-02-02')",
        "INSERT INTO child VALUES (1, '2026-02-02')",
    )
    assert orphans(info) == []
    run_sql(info, SILENT + "INSERT INTO child VALUES (2, '2026-02-02')")
    assert [found.rows for found in orphans(info)] == [1]


def test_a_child_table_does_not_stand_in_for_its_parent(info: ConnInfo) -> None:
    """A foreign key looks at the parent alone, not at tables that inherit from it."""
    run_sql(
        info,
        "CREATE TABLE parent (id int PRIMARY KEY)",
        "CREATE TABLE heir () INHERITS (parent)",
        "CREATE TABLE child (id int REFERENCES parent)",
        "INSERT INTO heir VALUES (1)",
        SILENT + "INSERT INTO child VALUES (1)",
    )
    assert [found.rows for found in orphans(info)] == [1]


def test_a_key_that_never_claimed_to_hold_is_not_asked(info: ConnInfo) -> None:
    run_sql(
        info,
        "CREATE TABLE parent (id int PRIMARY KEY)",
        "CREATE TABLE child (id int)",
        "INSERT INTO child VALUES (1)",
        "ALTER TABLE child ADD FOREIGN KEY (id) REFERENCES parent NOT VALID",
    )
    assert orphans(info) == []


@pytest.mark.parametrize("cluster", [18], indirect=True)
def test_a_key_over_periods_wants_the_whole_period_covered(info: ConnInfo) -> None:
    run_sql(
        info,
        "CREATE TABLE parent (id int4range, at daterange, PRIMARY KEY (id, at WITHOUT OVERLAPS))",
        "CREATE TABLE child (id int4range, at daterange, "
        "FOREIGN KEY (id, PERIOD at) REFERENCES parent (id, PERIOD at))",
        "INSERT INTO parent VALUES ('[1,2)', '[2026-01-01,2026-02-01)'), ('[1,2)', '[2026-02-01,2026-03-01)')",
        "INSERT INTO child VALUES ('[1,2)', '[2026-01-15,2026-02-15)')",
    )
    assert orphans(info) == []
    run_sql(
        info,
        SILENT + "INSERT INTO child VALUES ('[1,2)', '[2026-02-15,2026-03-15)'), ('[3,4)', '[2026-01-01,2026-01-02)')",
    )
    assert [found.rows for found in orphans(info)] == [2]
