"""Each guard by the forbidden act itself: as application, as owner, as a role with CREATEDB, as superuser."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from audit.postgres.connect import ConnInfo, connect
from tests.audit.protection.conftest import Shop
from tests.audit.protection.steps import attempt, install, policy, wrong

STANDARD = policy("protection_status", "delete_audit", "truncate_guard", "drop_database_lock", "ddl_guard")
LOCKDOWN = policy(
    "protection_status",
    "delete_audit",
    "truncate_guard",
    "ownership",
    drop_database_lock={"second_lock": True},
    ddl_guard={"alter": True},
)

DESTRUCTION = (
    "TRUNCATE shop.customer CASCADE",
    "TRUNCATE shop.day",
    "TRUNCATE ONLY shop.day_one",
    'DROP TABLE shop."Order" CASCADE',
    "DROP TABLE shop.day_one",
    'ALTER TABLE shop."Order" DROP COLUMN price CASCADE',
    "DROP SCHEMA shop CASCADE",
    "DROP VIEW shop.dear",
    "DROP SEQUENCE shop.ticket",
    "DROP TYPE shop.mood CASCADE",
    "DROP OWNED BY CURRENT_USER CASCADE",
    "DROP TRIGGER tovgov_delete_audit ON shop.customer",
    "DROP TRIGGER tovgov_truncate_guard ON shop.customer",
    "ALTER TABLE shop.customer DISABLE TRIGGER tovgov_truncate_guard",
    "ALTER TABLE shop.customer DISABLE TRIGGER ALL",
    "ALTER TABLE shop.customer ENABLE REPLICA TRIGGER tovgov_truncate_guard",
    "ALTER TRIGGER tovgov_delete_audit ON shop.customer RENAME TO asleep",
    "CREATE OR REPLACE TRIGGER tovgov_truncate_guard BEFORE TRUNCATE ON shop.customer"
    " EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()",
    "DROP FUNCTION tovgov.capture_deleted() CASCADE",
    "DROP FUNCTION tovgov.guard_drop() CASCADE",
    "DROP SCHEMA tovgov CASCADE",
    "CREATE OR REPLACE FUNCTION tovgov.is_relaxed(wanted text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    "CREATE OR REPLACE FUNCTION tovgov.guard_end() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
    'CREATE OR REPLACE FUNCTION "tovgov" . "guard_start"() RETURNS event_trigger LANGUAGE plpgsql AS \'BEGIN END\'',
    "ALTER FUNCTION tovgov.is_relaxed(text) OWNER TO CURRENT_USER",
    "ALTER TABLE tovgov.guard_setting RENAME TO gone",
    "ALTER SCHEMA tovgov RENAME TO gone",
)


def refusals(info: ConnInfo, acts: tuple[str, ...], *before: str) -> list[str]:
    """The acts that were not refused."""
    return [act for act in acts if attempt(info, *before, act) is None]


def count(shop: Shop, table: str) -> int:
    with connect(shop.superuser) as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("role", ["app", "owner", "superuser"])
def test_nobody_destroys_what_is_protected(shop: Shop, role: str) -> None:
    install(shop.superuser, STANDARD)
    assert refusals(getattr(shop, role), DESTRUCTION) == []
    assert wrong(shop.superuser, STANDARD) == {}
    assert [count(shop, table) for table in ("shop.customer", 'shop."Order"', "shop.day")] == [2, 3, 1]


def test_replica_mode_helps_not_even_a_superuser(shop: Shop) -> None:
    install(shop.superuser, STANDARD)
    assert refusals(shop.superuser, DESTRUCTION[:9], "SET session_replication_role = replica") == []


def test_shadowed_names_do_not_lead_a_guard_astray(shop: Shop) -> None:
    install(shop.superuser, STANDARD)
    traps = (
        "CREATE SCHEMA trap",
        "CREATE FUNCTION trap.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT to_timestamp(0) $$",
        "CREATE FUNCTION trap.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT to_timestamp(0) $$",
        "CREATE TEMP TABLE maintenance_window AS SELECT ARRAY['ddl_guard'] AS rules",
        "SET search_path = trap, pg_temp, tovgov, pg_catalog",
    )
    assert refusals(shop.owner, DESTRUCTION[:1], *traps) == []
    with psycopg.connect(**shop.owner.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
        connection.execute("CREATE TEMP TABLE maintenance_window AS SELECT ARRAY['ddl_guard'] AS rules")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="tovgov refused"):
            connection.execute("DROP TABLE shop.customer CASCADE")


def test_the_guards_tables_are_not_for_others(shop: Shop) -> None:
    install(shop.superuser, STANDARD)
    acts = (
        "INSERT INTO tovgov.maintenance_window (rules, reason, opened_by, closes_at)"
        " VALUES ('{tovgov}', 'x', 'x', 'infinity')",
        "DELETE FROM tovgov.delete_audit_record",
        "UPDATE tovgov.guard_setting SET value = '[]'",
        'SELECT * FROM tovgov."DeleteAuditLog"',
        "SELECT tovgov.refuse('x', 'x')",
        "SET ROLE tovgov_guard",
    )
    assert refusals(shop.app, acts) == []
    assert refusals(shop.owner, acts) == []


def test_what_is_temporary_and_what_is_not_named_goes_free(shop: Shop) -> None:
    settings = {"tables": ["shop.*"], "exclude": ["shop.note*"]}
    install(shop.superuser, policy(ddl_guard=settings, truncate_guard=settings))
    acts = (
        "CREATE TEMP TABLE passing (a int)",
        "TRUNCATE passing",
        "DROP TABLE passing",
        "TRUNCATE public.note",
        "DROP TABLE public.note",
        "CREATE TABLE shop.notebook (a int)",
        "DROP TABLE shop.notebook",
        "CREATE SCHEMA elsewhere",
        "DROP SCHEMA elsewhere",
        "ALTER TABLE shop.customer ADD COLUMN age int",
        "CREATE INDEX by_age ON shop.customer (age)",
        "DROP INDEX shop.by_age",
    )
    assert attempt(shop.owner, *acts) is None
    assert isinstance(attempt(shop.owner, "DROP TABLE shop.customer CASCADE"), psycopg.errors.InsufficientPrivilege)


def test_a_refused_attempt_is_in_the_servers_log(shop: Shop) -> None:
    install(shop.superuser, STANDARD)
    attempt(shop.owner, "DROP TABLE shop.day_one")
    log = server_log(shop.cluster.data)
    assert "tovgov refused: DROP TABLE of the table shop.day_one" in log
    assert f"ddl_guard as {shop.owner.user}" in log


def server_log(data: Path) -> str:
    return "".join(file.read_text(errors="replace") for file in data.glob("log/*"))


# --- DROP DATABASE ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["app", "owner", "builder", "superuser"])
@pytest.mark.parametrize("words", ["", " WITH (FORCE)"])
def test_drop_database_is_refused(shop: Shop, role: str, words: str) -> None:
    install(shop.superuser, policy("drop_database_lock"))
    error = attempt(shop.elsewhere(getattr(shop, role)), f'DROP DATABASE "{shop.database}"{words}')
    assert isinstance(error, psycopg.errors.WrongObjectType | psycopg.errors.InsufficientPrivilege)


def test_the_second_lock_holds_alone(shop: Shop) -> None:
    install(shop.superuser, policy(drop_database_lock={"second_lock": True}))
    unset = f'ALTER DATABASE "{shop.database}" IS_TEMPLATE false'
    error = attempt(shop.elsewhere(shop.superuser), unset, f'DROP DATABASE "{shop.database}" WITH (FORCE)')
    assert isinstance(error, psycopg.errors.ObjectInUse)


def test_under_lockdown_the_former_owner_cannot_unlock(shop: Shop) -> None:
    install(shop.superuser, LOCKDOWN)
    acts = (
        f'ALTER DATABASE "{shop.database}" IS_TEMPLATE false',
        f'ALTER DATABASE "{shop.database}" RENAME TO gone',
        f'ALTER DATABASE "{shop.database}" OWNER TO CURRENT_USER',
        f'GRANT ALL ON DATABASE "{shop.database}" TO CURRENT_USER',
        "DROP SUBSCRIPTION tovgov_second_lock",
    )
    for role in (shop.owner, shop.app, shop.builder):
        for act in acts[:-1]:
            error = attempt(role, act)
            assert error is not None or granted_nothing(shop, role), act
        assert attempt(role, acts[-1]) is not None
    assert wrong(shop.superuser, LOCKDOWN) == {}


def granted_nothing(shop: Shop, role: ConnInfo) -> bool:
    """GRANT without the right to grant warns and does nothing."""
    with connect(shop.superuser) as connection:
        row = connection.execute(
            "SELECT has_database_privilege(%s, current_database(), 'CREATE')", [role.user]
        ).fetchone()
    return row == (False,)


# --- ownership -------------------------------------------------------------------------------------------------------


def test_the_former_owner_works_on_and_can_alter_nothing(shop: Shop) -> None:
    install(shop.superuser, LOCKDOWN)
    work = (
        "INSERT INTO shop.customer (name) VALUES ('Tal')",
        'INSERT INTO shop."Order" (customer, price) VALUES (1, 1)',
        "UPDATE shop.customer SET name = 'Noa B.' WHERE id = 1",
        "DELETE FROM shop.customer WHERE id = 2",
        "SELECT * FROM shop.dear",
        "INSERT INTO shop.day VALUES ('2026-01-06', 3)",
    )
    assert attempt(shop.owner, *work) is None
    assert attempt(shop.app, *work[:3]) is None
    alter = (
        "ALTER TABLE shop.customer ADD COLUMN age int",
        "ALTER TABLE shop.customer DISABLE TRIGGER ALL",
        "ALTER TABLE shop.customer OWNER TO CURRENT_USER",
        "GRANT ALL ON shop.customer TO CURRENT_USER",
        "CREATE TABLE shop.mine (a int)",
        "ALTER SCHEMA shop OWNER TO CURRENT_USER",
        "SET ROLE tovgov_owner",
        "ALTER TABLE shop.day DETACH PARTITION shop.day_one",
        "CREATE RULE nothing AS ON DELETE TO shop.customer DO INSTEAD NOTHING",
        "CREATE TRIGGER a BEFORE DELETE ON shop.customer"
        " EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()",
    )
    left = refusals(shop.owner, alter)
    assert left in ([], ["GRANT ALL ON shop.customer TO CURRENT_USER"])  # a warning, and nothing granted
    assert wrong(shop.superuser, LOCKDOWN) == {}
    assert count(shop, 'tovgov."DeleteAuditLog"') == 2


def test_under_lockdown_alter_is_refused_to_a_superuser_too(shop: Shop) -> None:
    install(shop.superuser, LOCKDOWN)
    assert refusals(shop.superuser, (*DESTRUCTION, "ALTER TABLE shop.customer ADD COLUMN age int")) == []
    assert attempt(shop.superuser, "CREATE TABLE shop.made (a int)", "CREATE TABLE x (a int)") is None


# --- truncate, captured ----------------------------------------------------------------------------------------------


def test_truncate_keeps_every_row_first(shop: Shop) -> None:
    captures = policy("delete_audit", truncate_guard={"mode": "capture", "masked": {"shop.customer": ["name"]}})
    install(shop.superuser, captures)
    assert attempt(shop.app, "TRUNCATE shop.day, shop.customer CASCADE") is None
    many = "INSERT INTO shop.later SELECT generate_series(1, 250)"
    assert attempt(shop.owner, "CREATE TABLE shop.later (a int)", many, "TRUNCATE shop.later") is None
    with connect(shop.superuser) as connection:
        rows = connection.execute(
            'SELECT table_name::text, count(*), min(verb) FROM tovgov."DeleteAuditLog" GROUP BY 1 ORDER BY 1'
        ).fetchall()
        words = connection.execute('SELECT string_agg("row"::text, \'\') FROM tovgov."DeleteAuditLog"').fetchone()
    assert rows == [
        ("Order", 3, "TRUNCATE"), ("customer", 2, "TRUNCATE"), ("day_one", 1, "TRUNCATE"), ("later", 250, "TRUNCATE"),
    ]  # fmt: skip
    assert words is not None
    assert "NaN" in words[0]
    assert "Noa" not in words[0]
    assert wrong(shop.superuser, captures) == {}


def test_truncate_under_an_older_snapshot_is_refused(shop: Shop) -> None:
    install(shop.superuser, policy("delete_audit", truncate_guard={"mode": "capture"}))
    error = attempt(shop.app, "BEGIN ISOLATION LEVEL REPEATABLE READ", "TRUNCATE shop.day")
    assert isinstance(error, psycopg.errors.InsufficientPrivilege)


def test_truncate_where_row_security_hides_rows_is_refused(shop: Shop) -> None:
    attempt(shop.owner, "ALTER TABLE shop.day_one ENABLE ROW LEVEL SECURITY")
    install(shop.superuser, policy("delete_audit", truncate_guard={"mode": "capture"}))
    assert isinstance(attempt(shop.owner, "TRUNCATE shop.day"), psycopg.errors.InsufficientPrivilege)
    assert count(shop, "shop.day") == 1
