"""Which database is this? Names are exact, servers and incarnations are told apart, sentinels stand or fall."""

from __future__ import annotations

from dataclasses import replace

import pytest

from audit.exceptions import DatabaseMissing, RightsMissing
from audit.postgres.connect import connect
from audit.postgres.identity import (
    Difference,
    Identity,
    check_sentinels,
    compare,
    find_database,
    read_identity,
    similar_names,
)
from tests.conftest import MakeDatabase, MakeRole, drop_database, run
from tovgov.embedded import Cluster

PINNED = Identity("7300000000000000001", 16401, "TovPlay", 160014)


def test_identity_is_read_as_the_server_says(any_cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(any_cluster, 'The "Shop"; é')
    with connect(info) as conn:
        seen = read_identity(conn)
        oid = find_database(conn, info.database)
    assert seen.database == 'The "Shop"; é'
    assert seen.database_oid == oid
    assert seen.server_version // 10_000 == any_cluster.major
    assert len(seen.system_identifier) >= 19
    assert compare(seen, seen) is None


def test_an_ordinary_role_reads_the_same_identity(
    cluster: Cluster, make_database: MakeDatabase, roles: MakeRole
) -> None:
    info = make_database(cluster)
    with connect(info) as conn, connect(roles(cluster).to(info.database)) as ordinary:
        assert read_identity(conn) == read_identity(ordinary)


def test_a_database_that_was_dropped_and_made_again_is_another_incarnation(
    cluster: Cluster, make_database: MakeDatabase
) -> None:
    info = make_database(cluster)
    with connect(info) as conn:
        pinned = read_identity(conn)
    drop_database(cluster, info.database)
    make_database(cluster, info.database)
    with connect(info) as conn:
        assert compare(pinned, read_identity(conn)) is Difference.INCARNATION


def test_another_server_is_told_from_another_incarnation(clusters: dict[int, Cluster]) -> None:
    seen = []
    for cluster in list(clusters.values())[:2]:
        with connect(cluster.conninfo("postgres")) as conn:
            seen.append(read_identity(conn))
    assert compare(*seen) is Difference.SERVER


@pytest.mark.parametrize(
    ("seen", "difference"),
    [
        (PINNED, None),
        (replace(PINNED, server_version=180004), None),
        (replace(PINNED, database="tovplay"), Difference.NAME),
        (replace(PINNED, database="TovPlay "), Difference.NAME),
        (replace(PINNED, database_oid=1), Difference.INCARNATION),
        (replace(PINNED, system_identifier="7300000000000000002"), Difference.SERVER),
        (replace(PINNED, system_identifier="7300000000000000002", database_oid=1), Difference.SERVER),
    ],
)
def test_compare_names_what_differs(seen: Identity, difference: Difference | None) -> None:
    assert compare(PINNED, seen) is difference


def test_a_name_in_other_case_is_not_found_but_hinted_at(cluster: Cluster, make_database: MakeDatabase) -> None:
    make_database(cluster, "TovGame")
    with connect(cluster.conninfo()) as conn:
        assert find_database(conn, "TovGame") is not None
        for wrong in ("tovgame", "TOVGAME", "Tov Game", "tov-game", "TovGam", "TovGames", "Tovgmae"):
            assert find_database(conn, wrong) is None
            assert similar_names(conn, wrong)[0] == "TovGame"
        assert similar_names(conn, "ledger") == []
        assert "TovGame" not in similar_names(conn, "TovGame")
    with pytest.raises(DatabaseMissing), connect(cluster.conninfo("tovgame")):
        pass


def test_sentinels_that_are_missing_or_emptied_are_named(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    run(info, 'CREATE TABLE "User" (id int)', 'INSERT INTO "User" SELECT generate_series(1, 23)',
        "CREATE TABLE parts (id int) PARTITION BY RANGE (id)", "CREATE TABLE p1 PARTITION OF parts DEFAULT",
        "INSERT INTO parts VALUES (1), (2)")  # fmt: skip
    with connect(info) as conn:
        assert check_sentinels(conn, [("public", "User", 23), ("public", "parts", 2), ("public", "User", 0)]) == []
        failures = check_sentinels(conn, [("public", "User", 24), ("public", "user", 1), ("shop", "User", 1)])
    assert [str(failure) for failure in failures] == [
        "public.User has 23 rows of at least 24",
        "public.user is missing",
        "shop.User is missing",
    ]


def test_a_sentinel_stops_counting_at_its_least_rows(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    run(info, "CREATE TABLE big AS SELECT generate_series(1, 300000) AS id")
    with connect(info) as conn:
        check_sentinels(conn, [("public", "big", 10)])
        conn.execute("SELECT pg_stat_force_next_flush()")
        row = conn.execute("SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'big'").fetchone()
    assert row is not None
    assert row[0] <= 10


@pytest.mark.parametrize("rule", ["grant", "row security"])
def test_a_sentinel_that_may_not_be_read_whole_is_not_a_failed_one(
    cluster: Cluster, make_database: MakeDatabase, roles: MakeRole, rule: str
) -> None:
    info = make_database(cluster)
    watcher = roles(cluster)
    run(info, "CREATE TABLE shut (id int)", "INSERT INTO shut VALUES (1)")
    if rule == "row security":
        run(info, "ALTER TABLE shut ENABLE ROW LEVEL SECURITY", f"GRANT SELECT ON shut TO {watcher.user}")
    with connect(watcher.to(info.database)) as conn, pytest.raises(RightsMissing, match=r'"public"\."shut"'):
        check_sentinels(conn, [("public", "shut", 1)])
