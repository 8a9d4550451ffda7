"""What runs with the rights of the guard, or of the superuser who installed it, is not to be had by a table's owner."""

from __future__ import annotations

import pytest

from audit.postgres.connect import connect
from tests.audit.protection.conftest import Shop
from tests.audit.protection.steps import attempt, install, policy, uninstall

TRAPS = (
    "CREATE TABLE shop.trapped (who text)",
    "GRANT USAGE ON SCHEMA shop TO PUBLIC",
    "GRANT ALL ON shop.trapped TO PUBLIC",
    "CREATE FUNCTION shop.spring(anyelement) RETURNS boolean LANGUAGE plpgsql AS"
    " $$ BEGIN INSERT INTO shop.trapped VALUES (current_user); RETURN true; END $$",
)
CAST = (
    "CREATE FUNCTION shop.as_json(shop.mood) RETURNS json LANGUAGE plpgsql AS"
    " $$ BEGIN PERFORM shop.spring($1); RETURN '\"caught\"'; END $$",
    "CREATE CAST (shop.mood AS json) WITH FUNCTION shop.as_json(shop.mood)",
    "CREATE FUNCTION shop.as_text(shop.mood) RETURNS text LANGUAGE plpgsql AS"
    " $$ BEGIN PERFORM shop.spring($1); RETURN 'caught'; END $$",
    "CREATE CAST (shop.mood AS text) WITH FUNCTION shop.as_text(shop.mood)",
)


def caught(shop: Shop) -> set[str]:
    with connect(shop.superuser) as connection:
        return {name for (name,) in connection.execute("SELECT who FROM shop.trapped")}


@pytest.fixture
def pair(shop: Shop) -> None:
    """A table with an enum, an array of it, and a composite that holds it."""
    acts = (
        *TRAPS,
        *CAST,
        "CREATE TYPE shop.pair AS (feels shop.mood, n int)",
        "CREATE TABLE shop.pairs (id int PRIMARY KEY, one shop.mood, many shop.mood[], pair shop.pair, n numeric)",
        "INSERT INTO shop.pairs VALUES (1, 'glad', '{sad,glad}', '(sad,2)', 1.50), (2, NULL, NULL, NULL, NULL)",
    )
    assert attempt(shop.owner, *acts) is None


@pytest.mark.parametrize("act", ["DELETE FROM shop.pairs", "TRUNCATE shop.pairs"])
@pytest.mark.usefixtures("pair")
def test_a_cast_to_json_does_not_run_as_the_guard(shop: Shop, act: str) -> None:
    """to_json would call it, as whoever runs the capture."""
    install(shop.superuser, policy("delete_audit", truncate_guard={"mode": "capture"}))
    assert attempt(shop.owner, act) is None
    assert caught(shop) == set()
    with connect(shop.superuser) as connection:
        rows = [row for (row,) in connection.execute('SELECT row FROM tovgov."DeleteAuditLog" ORDER BY position')]
        again = connection.execute(
            'SELECT (json_populate_record(NULL::shop.pairs, row)).* FROM tovgov."DeleteAuditLog" ORDER BY position'
        ).fetchall()
    assert rows[0] == {"id": 1, "one": "glad", "many": "{sad,glad}", "pair": "(sad,2)", "n": 1.50}
    assert rows[1] == {"id": 2, "one": None, "many": None, "pair": None, "n": None}
    assert [str(value) for value in again[0][:3]] == ["1", "glad", "{sad,glad}"]


@pytest.mark.parametrize("masked", [{}, {"shop.heir": ["id"]}])
def test_nor_does_it_for_tables_that_inherit(shop: Shop, masked: dict[str, list[str]]) -> None:
    """They are captured row by row."""
    tables = (
        "CREATE TABLE shop.parent (id int, one shop.mood)",
        "CREATE TABLE shop.heir (two shop.mood) INHERITS (shop.parent)",
        "INSERT INTO shop.heir VALUES (1, 'glad', 'sad')",
    )
    assert attempt(shop.owner, *TRAPS, *CAST, *tables) is None
    install(shop.superuser, policy(delete_audit={"masked": masked}))
    assert attempt(shop.owner, "DELETE FROM shop.parent") is None
    assert caught(shop) == set()
    with connect(shop.superuser) as connection:
        row = connection.execute('SELECT row FROM tovgov."DeleteAuditLog"').fetchone()
    assert row == ({"one": "glad", "two": "sad"} | ({} if masked else {"id": 1}),)


@pytest.mark.usefixtures("pair")
def test_a_masked_column_stays_masked_there(shop: Shop) -> None:
    install(shop.superuser, policy(delete_audit={"masked": {"shop.pairs": ["n", "pair"]}}))
    assert attempt(shop.owner, "DELETE FROM shop.pairs WHERE id = 1") is None
    assert caught(shop) == set()
    with connect(shop.superuser) as connection:
        row = connection.execute('SELECT row FROM tovgov."DeleteAuditLog"').fetchone()
    assert row == ({"id": 1, "one": "glad", "many": "{sad,glad}"},)


WORST = """x'); SELECT shop.spring(1); --"""
HOSTILE = (
    "CREATE FUNCTION shop.like_name(name, text) RETURNS boolean LANGUAGE sql AS 'SELECT shop.spring(1)'",
    "CREATE OPERATOR shop.~~ (LEFTARG = name, RIGHTARG = text, FUNCTION = shop.like_name)",
    "CREATE OPERATOR shop.= (LEFTARG = name, RIGHTARG = text, FUNCTION = shop.like_name)",
    "CREATE FUNCTION shop.format(text, VARIADIC name[]) RETURNS text LANGUAGE sql AS 'SELECT shop.spring(1)::text'",
    "CREATE FUNCTION shop.pg_event_trigger_ddl_commands() RETURNS boolean LANGUAGE sql AS 'SELECT shop.spring(1)'",
    "CREATE FUNCTION shop.springs() RETURNS int LANGUAGE plpgsql IMMUTABLE AS"
    " 'BEGIN PERFORM shop.spring(1); RETURN 1; END'",
    "CREATE DOMAIN shop.wary AS int CHECK (shop.spring(VALUE))",
    "SET search_path = shop, pg_temp, pg_catalog",
    "CREATE TEMP TABLE pg_trigger (tgrelid oid)",
    "CREATE TEMP TABLE maintenance_window (a int)",
    f"""CREATE TABLE shop."{WORST}" ("k'""" + '""' + """" int PRIMARY KEY, "%I %s $query$" shop.mood)""",
    "CREATE TABLE shop.defaulted (a int DEFAULT shop.springs(), b shop.wary, c int GENERATED ALWAYS AS (a + 1) STORED)",
    "CREATE TABLE shop.parted (a int) PARTITION BY RANGE ((a + 1))",
    "CREATE TABLE shop.parted_one PARTITION OF shop.parted FOR VALUES FROM (1) TO (9)",
    "ALTER TABLE shop.defaulted ADD COLUMN d shop.mood",
    "INSERT INTO shop.defaulted (d) VALUES ('glad')",
    f"""INSERT INTO shop."{WORST}" VALUES (1, 'glad')""",
    "DELETE FROM shop.defaulted",
    f"""TRUNCATE shop.parted, shop."{WORST}\"""",
)


def test_new_tables_do_not_lead_the_attaching_functions_astray(shop: Shop) -> None:
    """They belong to a superuser: names, operators, casts, defaults, checks and a search path of the owner's run
    nothing there."""
    install(shop.superuser, policy("delete_audit", "ddl_guard", truncate_guard={"mode": "capture"}))
    assert attempt(shop.owner, *TRAPS, *CAST, *HOSTILE) is None
    assert caught(shop) <= {shop.owner.user}, "the owner's own code may run as the owner"
    with connect(shop.superuser) as connection:
        bare = connection.execute(
            "SELECT relname FROM pg_class c WHERE relnamespace = 'shop'::regnamespace AND relkind IN ('r', 'p')"
            " AND (SELECT count(*) FROM pg_trigger t WHERE tgrelid = c.oid AND tgname LIKE 'tovgov%') <> 2"
        ).fetchall()
        kept = connection.execute('SELECT key FROM tovgov."DeleteAuditLog" WHERE table_name = %s', [WORST]).fetchall()
    assert bare == []
    assert kept == [({"k'\"": 1},)]


def test_a_cast_of_before_does_not_hinder_uninstalling(shop: Shop) -> None:
    assert attempt(shop.owner, *TRAPS, *CAST) is None
    install(shop.superuser, policy("delete_audit"))
    assert attempt(shop.owner, "DELETE FROM shop.customer WHERE id = 2") is None
    uninstall(shop.superuser, policy("delete_audit"))
    assert caught(shop) == set()
