"""The connection log: logins are recorded, and nobody is ever kept out by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest

from audit.postgres.connect import ConnInfo, connect
from audit.protection import plan
from audit.protection.rule import Status
from audit.protection.server_logging import ServerLogging
from tests import names
from tests.audit.protection.conftest import Shop
from tests.audit.protection.steps import attempt, findings, install, policy, schema_dump, uninstall, wrong
from tests.conftest import MakeDatabase, MakeRole
from tovgov.embedded import Cluster

LOG = policy("connection_log")
LOGINS = 170_000


def version(info: ConnInfo) -> int:
    with connect(info) as connection:
        return connection.info.server_version


def logins(info: ConnInfo) -> list[tuple]:
    with connect(info) as connection:
        return connection.execute(
            'SELECT role::text, database::text, client_address::text, application_name FROM tovgov."ConnectionAuditLog"'
            " ORDER BY id"
        ).fetchall()


def test_it_goes_on_and_comes_off_without_a_trace(shop: Shop) -> None:
    before = schema_dump(shop.cluster, shop.superuser)
    install(shop.superuser, LOG)
    assert wrong(shop.superuser, LOG) == {}
    with connect(shop.superuser) as connection:
        assert plan.make(connection, LOG).steps == ()
        assert connection.execute("SHOW log_statement").fetchone() == ("ddl",)
    uninstall(shop.superuser, LOG)
    assert schema_dump(shop.cluster, shop.superuser) == before


def test_a_log_statement_of_before_comes_back(shop: Shop) -> None:
    assert attempt(shop.superuser, f'ALTER DATABASE "{shop.database}" SET log_statement = none') is None
    before = schema_dump(shop.cluster, shop.superuser)
    install(shop.superuser, LOG)
    assert wrong(shop.superuser, LOG) == {}
    uninstall(shop.superuser, LOG)
    assert schema_dump(shop.cluster, shop.superuser) == before


def test_a_stronger_log_statement_is_left_alone(shop: Shop) -> None:
    assert attempt(shop.superuser, f'ALTER DATABASE "{shop.database}" SET log_statement = mod') is None
    install(shop.superuser, LOG)
    with connect(shop.superuser) as connection:
        assert connection.execute("SHOW log_statement").fetchone() == ("mod",)


def test_what_was_altered_is_found(shop: Shop) -> None:
    install(shop.superuser, LOG)
    assert attempt(shop.superuser, f'ALTER DATABASE "{shop.database}" RESET log_statement') is None
    assert wrong(shop.superuser, LOG) == {f"log_statement of {shop.database}": Status.MISSING}
    if version(shop.superuser) >= LOGINS:
        assert attempt(shop.superuser, "ALTER EVENT TRIGGER tovgov_login DISABLE") is None
        assert wrong(shop.superuser, LOG)["event trigger tovgov_login"] is Status.ALTERED


# --- the login trigger never locks anybody out ------------------------------------------------------------------------


@pytest.fixture
def guarded(make_database: MakeDatabase, cluster: Cluster) -> ConnInfo:
    """A database on a server that has login triggers, with the rule installed."""
    info = make_database(cluster)
    install(info, LOG)
    return info


newest = pytest.mark.parametrize("cluster", [18], indirect=True)


@newest
def test_a_login_is_recorded(guarded: ConnInfo, cluster: Cluster, roles: MakeRole) -> None:
    clerk = roles(cluster).to(guarded.database)
    with psycopg.connect(**clerk.keywords(), application_name="till") as connection:  # type: ignore[arg-type]
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert (clerk.user, guarded.database, "127.0.0.1/32", "till") in logins(guarded)
    assert attempt(clerk, 'SELECT * FROM tovgov."ConnectionAuditLog"') is not None


HARMS = {
    "dropped": 'DROP TABLE tovgov."ConnectionAuditLog"',
    "renamed": 'ALTER TABLE tovgov."ConnectionAuditLog" RENAME TO gone',
    "full": 'ALTER TABLE tovgov."ConnectionAuditLog" ALTER id SET MAXVALUE 1000 RESTART WITH 1000',
    "checked": 'ALTER TABLE tovgov."ConnectionAuditLog" ADD CHECK (pid < 0) NOT VALID',
    "not the guard's": "REVOKE ALL ON SCHEMA tovgov FROM tovgov_guard",
    "without its role's rights": 'REVOKE ALL ON TABLE tovgov."ConnectionAuditLog" FROM tovgov_guard',
    "a function that fails": "CREATE OR REPLACE FUNCTION tovgov.fails() RETURNS trigger LANGUAGE plpgsql AS"
    " 'BEGIN ASSERT false; END'; CREATE TRIGGER fails BEFORE INSERT ON tovgov.\"ConnectionAuditLog\""
    " FOR EACH ROW EXECUTE FUNCTION tovgov.fails()",
}
STRANGE = (
    "default_transaction_read_only = on",
    "default_transaction_isolation = serializable",
    "exit_on_error = on",
    "search_path = trap, pg_temp",
    "statement_timeout = 1",
    "lock_timeout = 1",
    "plpgsql.extra_errors = 'all'",
    "plpgsql.variable_conflict = error",
    "max_stack_depth = '100kB'",
    "standard_conforming_strings = off",
    "default_tablespace = 'nowhere'",
    "row_security = off",
    "synchronous_commit = remote_apply",
    "client_min_messages = error",
    "work_mem = '64kB'",
    "event_triggers = on",
)


@newest
@pytest.mark.parametrize("harm", HARMS)
def test_a_broken_log_keeps_nobody_out(guarded: ConnInfo, cluster: Cluster, roles: MakeRole, harm: str) -> None:
    clerk = roles(cluster).to(guarded.database)
    strict = f'ALTER ROLE "{clerk.user}" SET exit_on_error = on'  # an error that is caught would end the session
    assert attempt(guarded, strict, HARMS[harm], *["SELECT 1"] * 2) is None
    for info in (clerk, guarded):
        for _ in range(2):
            assert attempt(info, "SELECT 1") is None


@newest
def test_a_locked_log_keeps_nobody_out(guarded: ConnInfo, cluster: Cluster, roles: MakeRole) -> None:
    clerk = roles(cluster).to(guarded.database)
    with psycopg.connect(**guarded.keywords()) as holder:  # type: ignore[arg-type]
        holder.execute('LOCK TABLE tovgov."ConnectionAuditLog" IN ACCESS EXCLUSIVE MODE')
        assert attempt(clerk, "SELECT 1") is None
        assert attempt(guarded, "SELECT 1") is None
        holder.rollback()
    assert clerk.user not in {row[0] for row in logins(guarded)}
    assert attempt(clerk, "SELECT 1") is None
    assert clerk.user in {row[0] for row in logins(guarded)}


@newest
def test_strange_settings_keep_no_role_out_and_lead_nothing_astray(
    guarded: ConnInfo, cluster: Cluster, roles: MakeRole
) -> None:
    traps = (
        "CREATE SCHEMA trap",
        "GRANT ALL ON SCHEMA trap TO PUBLIC",
        "CREATE TABLE trap.caught (who text)",
        "GRANT ALL ON trap.caught TO PUBLIC",
        "CREATE FUNCTION trap.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS"
        " 'INSERT INTO trap.caught VALUES (current_user); SELECT now()'",
        "CREATE FUNCTION trap.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS"
        " 'INSERT INTO trap.caught VALUES (current_user); SELECT false'",
    )
    assert attempt(guarded, *traps) is None
    clerks = {setting: roles(cluster).to(guarded.database) for setting in STRANGE}
    for setting, clerk in clerks.items():
        assert attempt(guarded, f'ALTER ROLE "{clerk.user}" SET {setting}') is None
        with psycopg.connect(**clerk.keywords(), autocommit=True):  # type: ignore[arg-type]
            pass
    with connect(guarded) as connection:
        assert connection.execute("SELECT * FROM trap.caught").fetchall() == []
    known = {row[0] for row in logins(guarded)}
    silent = [setting for setting, clerk in clerks.items() if clerk.user not in known]
    assert silent == list(STRANGE[:2])


@newest
def test_a_copy_stays_as_it_is_until_it_takes_the_name(
    guarded: ConnInfo, cluster: Cluster, make_database: MakeDatabase
) -> None:
    copy = make_database(cluster, template=guarded.database)
    before = logins(copy)
    assert attempt(copy, "SELECT 1") is None
    assert logins(copy) == before
    assert wrong(copy, LOG)["settings of connection_log"] is Status.ALTERED
    swap = (f'DROP DATABASE "{guarded.database}"', f'ALTER DATABASE "{copy.database}" RENAME TO "{guarded.database}"')
    assert attempt(guarded.to("postgres"), *swap) is None
    assert len(logins(guarded)) > len(before)
    assert "settings of connection_log" not in wrong(guarded, LOG)


# --- the server ------------------------------------------------------------------------------------------------------

SERVER = policy(connection_log={"alter_system": True})


@pytest.fixture
def server_to_ourselves() -> Iterator[None]:
    """Settings of a whole server: one test at a time has them."""
    with names.to_ourselves("server logging"):
        yield


@pytest.fixture
def auto_conf(shop: Shop) -> Callable[[], list[tuple]]:
    def read() -> list[tuple]:
        with connect(shop.superuser) as connection:
            return connection.execute(
                "SELECT name, setting FROM pg_file_settings WHERE sourcefile LIKE '%auto.conf' AND name LIKE 'log%'"
                " ORDER BY 1"
            ).fetchall()

    return read


@pytest.mark.usefixtures("server_to_ourselves")
def test_the_servers_settings_are_set_and_put_back(shop: Shop, auto_conf: Callable[[], list[tuple]]) -> None:
    assert attempt(shop.superuser, "ALTER SYSTEM SET log_disconnections = off") is None
    before = auto_conf()
    try:
        install(shop.superuser, SERVER)
        found = wrong(shop.superuser, SERVER)
        now = dict(auto_conf())
        assert (now["log_connections"], now["log_disconnections"]) == ("on", "on")
        with connect(shop.superuser) as connection:
            collects = connection.execute("SHOW logging_collector").fetchone() == ("on",)
        assert set(found) == (set() if collects else {"logging of the server"}), "said honestly: a restart is needed"
        uninstall(shop.superuser, SERVER)
        assert auto_conf() == before
    finally:
        attempt(shop.superuser, *(f"ALTER SYSTEM RESET {name}" for name in dict(auto_conf())))
        attempt(shop.superuser, "SELECT pg_reload_conf()")


def test_the_plan_has_the_lines_for_an_administrator(shop: Shop) -> None:
    with connect(shop.superuser) as connection:
        limits = plan.make(connection, LOG).promises[0]["limits"]
        collects = connection.execute("SHOW logging_collector").fetchone() == ("on",)
    assert "log_connections = on" in limits[-1]
    assert ("must be restarted" in limits[-1]) is not collects


def test_a_role_that_is_no_superuser_is_given_the_lines_too(shop: Shop) -> None:
    with connect(shop.owner) as connection:
        made = plan.make(connection, SERVER)
    assert "log_statement = 'ddl'" in made.promises[0]["limits"][-1]
    assert made.steps == ()


def test_the_lines_fit_the_version() -> None:
    values = {
        "log_connections": "", "log_disconnections": "off", "log_destination": "stderr", "logging_collector": "off",
        "log_statement": "none",
    }  # fmt: skip
    old, new = ServerLogging(140_000, values, {}, True), ServerLogging(180_000, values, {}, True)
    assert "log_destination = 'stderr,csvlog'" in old.lines(statements=True)
    assert "log_destination = 'stderr,jsonlog'" in new.lines(statements=True)
    assert new.wanted == {"log_connections": "on", "log_disconnections": "on"}
    collecting = ServerLogging(180_000, values | {"logging_collector": "on"}, {}, True)
    assert collecting.wanted["log_destination"] == "stderr,jsonlog"
    whole = {"log_connections": "all", "log_disconnections": "on", "log_destination": "stderr,csvlog"}
    done = ServerLogging(180_000, values | whole | {"logging_collector": "on", "log_statement": "all"}, {}, True)
    assert (done.lines(statements=True), done.wanted) == ([], {})


def test_before_17_the_policy_alone_says_it(shop: Shop) -> None:
    quiet = policy(connection_log={"statements": False})
    install(shop.superuser, quiet)
    labels = {finding.object for finding in findings(shop.superuser, quiet) if finding.rule == "connection_log"}
    assert ("sessions" in labels) is (version(shop.superuser) < LOGINS)
