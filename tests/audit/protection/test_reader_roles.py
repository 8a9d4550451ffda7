"""The backup role and the watch role: what they must read they read, and they write nothing."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from audit.exceptions import PolicyMisfit
from audit.postgres.connect import ConnInfo, connect
from audit.protection import plan
from audit.protection.rule import Status
from tests.audit.protection.conftest import Shop
from tests.audit.protection.steps import attempt, install, policy, schema_dump, uninstall, wrong
from tests.conftest import MakeDatabase, MakeRole
from tovgov.embedded import majors

HIDDEN = (
    "ALTER TABLE shop.customer ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE shop.customer FORCE ROW LEVEL SECURITY",
    "SELECT lo_from_bytea(0, 'a photo of the court')",
)
WRITES = (
    "INSERT INTO shop.customer (name) VALUES ('Tal')",
    "DELETE FROM shop.customer",
    "TRUNCATE shop.day",
    "SELECT setval('shop.ticket', 7)",
    "CREATE TABLE shop.mine (a int)",
    "CREATE SCHEMA mine",
    "SELECT lo_unlink(oid) FROM pg_largeobject_metadata",
    "SELECT lo_put(oid, 0, 'x') FROM pg_largeobject_metadata",
    "ALTER TABLE shop.customer DISABLE ROW LEVEL SECURITY",
    "COPY shop.customer TO PROGRAM 'true'",
)


@pytest.fixture
def name(shop: Shop) -> Iterator[str]:
    """A role of this test's alone, gone after it."""
    made = f"reader_{secrets.token_hex(4)}"
    yield made
    attempt(shop.superuser, f"DROP OWNED BY {made}", f"DROP ROLE {made}")


def logged_in(shop: Shop, name: str) -> ConnInfo:
    """As the person does who was told to set a password."""
    password = secrets.token_urlsafe(12)
    assert attempt(shop.superuser, f"ALTER ROLE {name} PASSWORD '{password}'") is None
    return replace(shop.app, user=name, password=password)


def dump(shop: Shop, info: ConnInfo) -> subprocess.CompletedProcess[str]:
    command = [str(majors()[shop.cluster.major] / "pg_dump"), "--inserts"]
    with info.client_environment() as environment:
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_backup_role_dumps_everything_and_writes_nothing(shop: Shop, name: str) -> None:
    assert attempt(shop.owner, *HIDDEN) is None
    before = schema_dump(shop.cluster, shop.superuser)
    wanted = policy("delete_audit", backup_role={"role": name})
    install(shop.superuser, wanted)
    assert wrong(shop.superuser, wanted) == {}
    info = logged_in(shop, name)
    done = dump(shop, info)
    assert done.returncode == 0, done.stderr
    assert "'Noa'" in done.stdout
    assert b"a photo of the court".hex() in done.stdout
    for act in WRITES:
        assert attempt(info, act) is not None, act
        assert attempt(info, "SET default_transaction_read_only = off", act) is not None, act
    uninstall(shop.superuser, wanted)
    assert schema_dump(shop.cluster, shop.superuser) == before
    with connect(shop.superuser) as connection:
        assert connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone() is None


def test_without_its_rights_the_same_dump_fails(shop: Shop, roles: MakeRole) -> None:
    """Why the rule gives them: pg_read_all_data alone is not enough."""
    assert attempt(shop.owner, *HIDDEN[:2]) is None
    plain = roles(shop.cluster).to(shop.database)
    assert attempt(shop.superuser, f'GRANT pg_read_all_data TO "{plain.user}"') is None
    assert "row-level security" in dump(shop, plain).stderr
    assert attempt(shop.superuser, f'ALTER ROLE "{plain.user}" BYPASSRLS', HIDDEN[2]) is None
    assert "large object" in dump(shop, plain).stderr


def test_the_role_is_made_without_a_password_and_the_plan_says_so(shop: Shop, name: str) -> None:
    with connect(shop.superuser) as connection:
        made = plan.make(connection, policy(backup_role={"role": name}))
    assert "PASSWORD" not in " ".join(line for step in made.steps for line in step.statements)
    assert "\\password" in made.promises[0]["limits"][-1]


def test_a_large_object_of_later_is_found(shop: Shop, name: str) -> None:
    wanted = policy(backup_role={"role": name})
    install(shop.superuser, wanted)
    assert attempt(shop.owner, HIDDEN[2]) is None
    assert wrong(shop.superuser, wanted) == {f"large objects for {name}": Status.OUTDATED}
    install(shop.superuser, wanted)
    assert wrong(shop.superuser, wanted) == {}


def test_a_role_that_was_there_is_adopted_and_stays(shop: Shop, roles: MakeRole) -> None:
    old = roles(shop.cluster)
    acts = (
        f'GRANT pg_monitor TO "{old.user}"',
        f'ALTER ROLE "{old.user}" IN DATABASE "{shop.database}" SET default_transaction_read_only = off',
    )
    assert attempt(shop.superuser, *acts) is None
    before, was = schema_dump(shop.cluster, shop.superuser), standing(shop, old.user)
    wanted = policy(backup_role={"role": old.user})
    install(shop.superuser, wanted)
    assert wrong(shop.superuser, wanted) == {}
    assert dump(shop, old.to(shop.database)).returncode == 0
    uninstall(shop.superuser, wanted)
    assert (schema_dump(shop.cluster, shop.superuser), standing(shop, old.user)) == (before, was)


def standing(shop: Shop, role: str) -> list[tuple]:
    with connect(shop.superuser) as connection:
        return connection.execute(
            "SELECT to_jsonb(r) - 'rolpassword', ARRAY(SELECT roleid::regrole::text FROM pg_auth_members m"
            " WHERE m.member = r.oid ORDER BY 1) FROM pg_roles r WHERE rolname = %s",
            [role],
        ).fetchall()


def test_a_role_that_can_write_is_found(shop: Shop, name: str) -> None:
    wanted = policy(backup_role={"role": name})
    install(shop.superuser, wanted)
    acts = (f"GRANT pg_write_all_data TO {name}", f"GRANT TRUNCATE ON shop.day TO {name}")
    assert attempt(shop.superuser, *acts) is None
    assert wrong(shop.superuser, wanted) == {f"role {name}": Status.ALTERED}


def test_the_role_stays_while_another_database_needs_it(shop: Shop, name: str, make_database: MakeDatabase) -> None:
    other, wanted = make_database(shop.cluster), policy(backup_role={"role": name})
    install(other, wanted)
    install(shop.superuser, wanted)
    uninstall(shop.superuser, wanted)
    assert wrong(other, wanted) == {}
    uninstall(other, wanted)
    assert attempt(other, f"CREATE ROLE {name}") is None


@pytest.mark.parametrize("data", [True, False])
def test_the_watch_role_reads_logs_and_statistics(shop: Shop, name: str, data: bool) -> None:
    assert attempt(shop.owner, HIDDEN[2]) is None
    before = schema_dump(shop.cluster, shop.superuser)
    wanted = policy("protection_status", "delete_audit", watch_role={"role": name, "data": data})
    install(shop.superuser, wanted)
    assert wrong(shop.superuser, wanted) == {}
    assert attempt(shop.owner, 'DELETE FROM shop."Order" WHERE price = 10') is None
    info = logged_in(shop, name)
    reads = (
        'SELECT * FROM tovgov."DeleteAuditLog"',
        "SELECT * FROM tovgov.delete_audit_record",
        'SELECT * FROM tovgov."ProtectionStatus"',
        'SELECT * FROM tovgov."BackupLog"',
        "SELECT query FROM pg_stat_activity",
        "SELECT pg_ls_waldir()",
    )
    assert attempt(info, *reads) is None
    assert (attempt(info, "SELECT * FROM shop.customer") is None) is data
    for act in (*WRITES, "DELETE FROM tovgov.delete_audit_record"):
        assert attempt(info, "SET default_transaction_read_only = off", act) is not None, act
    assert isinstance(attempt(info, WRITES[0]), psycopg.Error)
    uninstall(shop.superuser, wanted)
    assert schema_dump(shop.cluster, shop.superuser) == before


@pytest.mark.parametrize("bad", ["a'; DROP ROLE postgres", "$tovgov$", "", "pg_monitor", "two words"])
def test_a_name_that_is_no_plain_word_is_refused(shop: Shop, bad: str) -> None:
    with pytest.raises(PolicyMisfit, match="letters"):
        install(shop.superuser, policy(backup_role={"role": bad}))


def test_a_limit_that_lets_nobody_in_is_refused(shop: Shop, name: str) -> None:
    with pytest.raises(PolicyMisfit, match="lets nobody in"):
        install(shop.superuser, policy(watch_role={"role": name, "connection_limit": 0}))
