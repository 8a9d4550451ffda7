"""Counts and hashes: true of one moment, equal after a restore on any version, different when data differ."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psycopg
import pytest

from audit.exceptions import LockTimeout, QueryFailed, RightsMissing, TovgovError
from audit.postgres.catalog import schema_lines
from audit.postgres.connect import ConnInfo, connect
from audit.postgres.identity import check_sentinels, read_identity
from audit.postgres.rows import TableState, large_objects, sequences, states_now, table_states
from audit.postgres.snapshots import export_snapshot, list_tables
from tests.audit.postgres.conftest import MakeScripted, dump, needs_debian, restore
from tests.conftest import MakeDatabase, MakeRole, drop_database, run
from tovgov.embedded import Cluster

ODD = 'Sch%1 "x"; drop'


def hashes(info: ConnInfo) -> dict[str, tuple[int, str]]:
    return {f"{s.schema}.{s.name}": (s.rows, s.hash) for s in states_now(info)}


# --- what is counted -------------------------------------------------------------------------------------------------


def test_every_table_that_holds_rows_is_counted_and_no_other(any_cluster: Cluster, scripted: MakeScripted) -> None:
    info = scripted(any_cluster, "every_type")
    counts = {(s.schema, s.name): s.rows for s in states_now(info)}
    assert counts == {
        ("public", "every_type"): 45,
        ("public", "nulls"): 6,
        ("public", "t"): 10,
        (ODD, 'Tab %s {le} 🐘 "q"'): 2,
        ("public", "no_columns"): 2,
        ("public", "empty"): 0,
        ("public", "unlogged"): 100,
        ("public", "parts_old_0"): counts["public", "parts_old_0"],
        ("public", "parts_old_1"): 213 - counts["public", "parts_old_0"],
        ("public", "parts_rest"): 187,
        ("public", "parent"): 1,
        ("public", "child"): 1,
    }
    assert counts["public", "parts_old_0"] > 0


def test_extension_members_are_not_counted(clusters: dict[int, Cluster], make_database: MakeDatabase) -> None:
    info = make_database(clusters[16])
    run(info, "CREATE TABLE mine (id int)", "CREATE EXTENSION vector", "CREATE TABLE member (id int)",
        "CREATE SEQUENCE member_seq", "ALTER EXTENSION vector ADD TABLE member",
        "ALTER EXTENSION vector ADD SEQUENCE member_seq")  # fmt: skip
    with connect(info) as conn:
        assert [table.name for table in list_tables(conn)] == ["mine"]
        assert sequences(conn) == []


def test_counts_only_gives_the_same_rows_without_hashes(cluster: Cluster, scripted: MakeScripted) -> None:
    info = scripted(cluster, "every_type")
    full, counted = states_now(info), states_now(info, counts_only=True)
    assert [(s.schema, s.name, s.rows) for s in full] == [(s.schema, s.name, s.rows) for s in counted]
    assert {s.hash for s in counted} == {""}


def test_some_tables_can_be_picked_and_missing_ones_are_left_out(cluster: Cluster, scripted: MakeScripted) -> None:
    info = scripted(cluster, "every_type")
    picked = states_now(info, tables={("public", "nulls"), ("public", "gone"), (ODD, 'Tab %s {le} 🐘 "q"')})
    assert [state.name for state in picked] == ['Tab %s {le} 🐘 "q"', "nulls"]


def test_an_empty_database_has_no_states(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    assert states_now(info) == []
    with connect(info) as conn:
        assert (large_objects(conn).count, large_objects(conn).hash, sequences(conn)) == (0, "0", [])


# --- what the hash sees ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE every_type SET f8 = f8 + 1e-13 WHERE id = 3",
        'UPDATE every_type SET j = \'{"b": 1, "a": 3}\' WHERE id = 1',
        "UPDATE every_type SET vc = NULL WHERE vc = ''",
        "UPDATE every_type SET st = 'Grusse 7' WHERE id = 7",
        "UPDATE every_type SET by = '\\x00ff5d' WHERE by = '\\x00ff5c'",
        "UPDATE nulls SET a = b, b = a WHERE c = 'x' AND a = ''",
        "UPDATE nulls SET a = c, c = a WHERE b IS NULL AND c IS NULL AND a IS NOT NULL",
        "DELETE FROM unlogged WHERE id = 50",
        "INSERT INTO no_columns DEFAULT VALUES",
        "UPDATE t SET t = 'X' WHERE \"%s {x}\" = 4",
    ],
)
def test_the_hash_sees_a_change_of_one_value(cluster: Cluster, scripted: MakeScripted, change: str) -> None:
    info = scripted(cluster, "every_type")
    before = hashes(info)
    run(info, change)
    after = hashes(info)
    assert sum(before[name] != after[name] for name in before) == 1


def test_the_hash_sees_two_equal_rows_and_a_doubled_one(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    run(info, "CREATE TABLE a (v int)", "CREATE TABLE b (v int)", "INSERT INTO a VALUES (1), (1), (2)",
        "INSERT INTO b VALUES (1), (2), (2)")  # fmt: skip
    found = hashes(info)
    assert found["public.a"] != found["public.b"]


def test_order_settings_and_statistics_do_not_change_the_hash(cluster: Cluster, scripted: MakeScripted) -> None:
    info = scripted(cluster, "every_type")
    before = hashes(info)
    odd = {
        "DateStyle": "German", "IntervalStyle": "iso_8601", "TimeZone": "Asia/Kolkata", "extra_float_digits": "0",
        "bytea_output": "escape", "quote_all_identifiers": "on", "search_path": "public", "statement_timeout": "1",
    }  # fmt: skip
    run(info, "UPDATE every_type SET n2 = n2 WHERE id % 3 = 0", "VACUUM FULL", "ANALYZE")
    run(info, *(f"ALTER DATABASE \"{info.database}\" SET {name} = '{value}'" for name, value in odd.items()))
    assert hashes(info) == before


def test_a_table_of_more_columns_than_a_function_takes_is_hashed(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    columns = ", ".join(f"c{n} int DEFAULT {n}" for n in range(1600))
    run(info, f"CREATE TABLE wide ({columns})", "INSERT INTO wide DEFAULT VALUES")
    before = hashes(info)
    run(info, "UPDATE wide SET c1599 = NULL")
    assert hashes(info) != before


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_of_another_encoding_is_read(cluster: Cluster, make_database: MakeDatabase, encoding: str) -> None:
    info = make_database(cluster)
    drop_database(cluster, info.database)
    run(cluster.conninfo(), f"CREATE DATABASE \"{info.database}\" TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'")
    with connect(info) as conn:
        conn.execute('CREATE TABLE public."Größe" (id int, "ä" text)')
        conn.execute("INSERT INTO public.\"Größe\" VALUES (1, 'ü')")
        assert read_identity(conn).database == info.database
        assert 'table column public."Größe"."ä": 2 text' in schema_lines(conn)
        assert check_sentinels(conn, [("public", "Größe", 1)]) == []
    (state,) = states_now(info)
    assert (state.name, state.rows) == ("Größe", 1)


# --- dump and restore ------------------------------------------------------------------------------------------------


def test_hashes_are_equal_after_restores_through_every_version(
    clusters: dict[int, Cluster], scripted: MakeScripted, make_database: MakeDatabase, tmp_path: Path
) -> None:
    versions = sorted(clusters)
    info = scripted(clusters[versions[0]], "every_type")
    first = hashes(info)
    with connect(info) as conn:
        objects, places = large_objects(conn), sequences(conn)
    assert objects.count == 3
    assert objects.bytes == 5 + 2_400_000 + 3_000_013
    for version in versions:
        dump(info, max(_major(info, clusters), versions[0]), tmp_path / f"{version}.dump")
        copy = make_database(clusters[version])
        restore(copy, version, tmp_path / f"{version}.dump")
        assert hashes(copy) == first
        with connect(copy) as conn:
            assert (large_objects(conn), sequences(conn)) == (objects, places)
        info = copy


def _major(info: ConnInfo, clusters: dict[int, Cluster]) -> int:
    return next(major for major, cluster in clusters.items() if cluster.port == info.port)


@needs_debian
def test_xml_money_and_extension_types_are_hashed_alike_after_a_restore(
    debian: Cluster, make_database: MakeDatabase, tmp_path: Path
) -> None:
    info, copy = make_database(debian), make_database(debian)
    run(info, "CREATE EXTENSION hstore", "CREATE EXTENSION citext", "CREATE EXTENSION ltree",
        "CREATE TABLE x (d xml, h hstore, c citext, l ltree, m money)",
        "INSERT INTO x SELECT xmlelement(name a, xmlattributes(g AS n), '\\xff'::bytea), hstore('k', g::text), "
        "'Ab', 'a.b', g FROM generate_series(1, 9) AS g")  # fmt: skip
    dump(info, debian.major, tmp_path / "x.dump")
    restore(copy, debian.major, tmp_path / "x.dump")
    run(copy, f"ALTER DATABASE \"{copy.database}\" SET lc_monetary = 'C.UTF-8'")
    assert hashes(copy) == hashes(info)


@contextmanager
def writing(info: ConnInfo) -> Iterator[list[int]]:
    """Rows come, change and go in ``busy`` as fast as they can, until the block is left; counts its transactions."""
    stop, done = threading.Event(), [0]

    def write() -> None:
        with psycopg.connect(**info.keywords(), autocommit=True) as conn:  # type: ignore[arg-type]
            while not stop.is_set():
                conn.execute("INSERT INTO busy (v) SELECT random()::text FROM generate_series(1, 20)")
                conn.execute("DELETE FROM busy WHERE id IN (SELECT id FROM busy ORDER BY random() LIMIT 15)")
                conn.execute("UPDATE other SET v = v || 'x' WHERE id = 1 + floor(random() * 1000)")
                done[0] += 1

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield done
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_hashes_of_a_snapshot_equal_the_dump_while_rows_come_and_go(
    any_cluster: Cluster, make_database: MakeDatabase, tmp_path: Path
) -> None:
    info, copy = make_database(any_cluster), make_database(any_cluster)
    run(info, "CREATE TABLE busy (id bigserial PRIMARY KEY, v text)", "CREATE TABLE other (id int PRIMARY KEY, v text)",
        "INSERT INTO busy (v) SELECT g::text FROM generate_series(1, 5000) AS g",
        "INSERT INTO other SELECT g, g::text FROM generate_series(1, 1000) AS g")  # fmt: skip
    with writing(info) as done:
        time.sleep(0.1)
        with connect(info) as conn, export_snapshot(conn) as snapshot:
            before = done[0]
            early = table_states(info, snapshot)
            dump(info, any_cluster.major, tmp_path / "busy.dump", snapshot)
            late = table_states(info, snapshot)
            assert done[0] > before
        moved = states_now(info)
    restore(copy, any_cluster.major, tmp_path / "busy.dump")
    assert early == late == states_now(copy)
    assert moved != early


# --- refusals and ends -----------------------------------------------------------------------------------------------


def test_a_table_without_the_right_to_read_is_named(
    cluster: Cluster, make_database: MakeDatabase, roles: MakeRole
) -> None:
    info, watcher = make_database(cluster), roles(cluster)
    run(info, "CREATE TABLE open (id int)", 'CREATE TABLE "Shut" (id int)', f"GRANT SELECT ON open TO {watcher.user}")
    with pytest.raises(RightsMissing, match=r'"public"\."Shut"'):
        states_now(watcher.to(info.database))
    assert len(states_now(watcher.to(info.database), tables={("public", "open")})) == 1


def test_rows_hidden_by_a_policy_are_an_error_not_a_smaller_count(
    cluster: Cluster, make_database: MakeDatabase, roles: MakeRole
) -> None:
    info, watcher, owner = make_database(cluster), roles(cluster), roles(cluster, "BYPASSRLS")
    run(info, "CREATE TABLE secret (id int)", "INSERT INTO secret VALUES (1), (2)",
        "ALTER TABLE secret ENABLE ROW LEVEL SECURITY", "CREATE POLICY odd ON secret USING (id = 1)",
        f"GRANT SELECT ON secret TO {watcher.user}, {owner.user}")  # fmt: skip
    with pytest.raises(RightsMissing, match=r'"public"."secret".*row-level security'):
        states_now(watcher.to(info.database))
    assert states_now(owner.to(info.database))[0].rows == 2


def test_large_objects_of_another_owner_are_an_error_not_a_smaller_count(
    cluster: Cluster, make_database: MakeDatabase, roles: MakeRole
) -> None:
    info, watcher = make_database(cluster), roles(cluster)
    run(info, "SELECT lo_from_bytea(4242, 'x')", f"GRANT pg_read_all_data TO {watcher.user}")
    with connect(watcher.to(info.database)) as conn, pytest.raises(RightsMissing, match="large object 4242"):
        large_objects(conn)


def test_a_row_that_cannot_be_read_names_its_table(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    run(
        info,
        "CREATE TABLE fine AS SELECT 1 AS id",
        "CREATE TYPE mood AS ENUM ('good')",
        "CREATE TABLE broken AS SELECT 'good'::mood AS v",
        "DELETE FROM pg_enum WHERE enumlabel = 'good'",
    )
    with pytest.raises(QueryFailed, match=r'"public"\."broken" could not be read: .*enum'):
        states_now(info)


def test_what_a_callback_raises_ends_the_statements_at_once(cluster: Cluster, make_database: MakeDatabase) -> None:
    """The statements wait for a lock until they time out; they must be gone before that."""
    info = make_database(cluster)
    run(info, "CREATE TABLE held (id int)", "CREATE TABLE held_too (id int)")

    class Stop(TovgovError):
        pass

    def stop_when_they_wait() -> None:
        if others(info, "wait_event_type = 'Lock'") == 2:
            raise Stop

    with psycopg.connect(**info.keywords()) as holder:  # type: ignore[arg-type]
        holder.execute("LOCK TABLE held, held_too")
        with pytest.raises(Stop):
            states_now(info, on_tick=stop_when_they_wait)
        assert others(info, "wait_event_type = 'Lock'") == 0


def others(info: ConnInfo, condition: str) -> int:
    """How many other sessions there are in the database that fit ``condition``."""
    with connect(info) as conn:
        words = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND "
        )
        row = conn.execute(words + condition).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return int(row[0])


def test_a_table_that_somebody_holds_is_named(
    cluster: Cluster, make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = make_database(cluster)
    run(info, "CREATE TABLE held (id int)", "CREATE TABLE free (id int)")
    monkeypatch.setattr("audit.postgres.rows.connect", partial(connect, lock_timeout=200))
    with psycopg.connect(**info.keywords()) as holder:  # type: ignore[arg-type]
        holder.execute("LOCK TABLE held")
        with pytest.raises(LockTimeout, match=r'"public"\."held"'):
            states_now(info)


def test_each_finished_table_is_reported_once(cluster: Cluster, scripted: MakeScripted) -> None:
    info, seen = scripted(cluster, "every_type"), list[TableState]()
    states = states_now(info, on_table=seen.append, workers=3)
    assert sorted(seen, key=lambda s: (s.schema, s.name)) == states


@pytest.mark.slow
def test_a_thousand_tables_are_hashed(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    run(info, "DO $$ BEGIN FOR i IN 1..1000 LOOP EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, v text)', i); "
              "EXECUTE format('INSERT INTO t%s VALUES (1, ''x'')', i); END LOOP; END $$")  # fmt: skip
    with connect(info) as conn, export_snapshot(conn) as snapshot:
        assert len(table_states(info, snapshot)) == 1000
