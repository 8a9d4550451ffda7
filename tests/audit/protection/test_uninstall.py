"""Uninstalling leaves the database as it was: the schema dump before equals the one after."""

from __future__ import annotations

from typing import Any

import pytest

from audit.models import ProtectionPolicy
from audit.postgres.connect import connect
from audit.protection.policies import READY_MADE, complete
from tests.audit.protection.conftest import Shop
from tests.audit.protection.steps import attempt, install, policy, schema_dump, uninstall, wrong
from tests.conftest import MakeDatabase, drop_database
from tovgov.demo.club import Club
from tovgov.embedded import Cluster

POLICIES: dict[str, list[dict[str, Any]]] = {name: rules for name, (_, rules) in READY_MADE.items()}
POLICIES["capturing"] = [
    {"rule": "delete_audit"},
    {"rule": "truncate_guard", "settings": {"mode": "capture"}},
    {"rule": "ownership"},
]


@pytest.mark.parametrize("name", POLICIES)
def test_the_schema_dump_is_the_same_before_and_after(shop: Shop, name: str) -> None:
    wanted = ProtectionPolicy(name=name, version=1, rules=complete(POLICIES[name]))
    attempt(shop.owner, 'REVOKE TRUNCATE ON shop."Order" FROM CURRENT_USER')
    before = schema_dump(shop.cluster, shop.superuser)
    install(shop.superuser, wanted)
    assert wrong(shop.superuser, wanted) == {}
    assert schema_dump(shop.cluster, shop.superuser) != before
    uninstall(shop.superuser, wanted)
    assert schema_dump(shop.cluster, shop.superuser) == before
    with connect(shop.superuser) as connection:
        left = connection.execute("SELECT count(*) FROM pg_event_trigger").fetchone()
    assert left == (0,)


@pytest.mark.xdist_group("club")
def test_the_club_too(cluster: Cluster, club_to_ourselves: None, request: pytest.FixtureRequest) -> None:
    """Mixed-case names, an enum, partitions, grants and settings on the database, an owner who logs in."""
    club = Club(cluster.conninfo(), database="club_protected")
    club.create()
    request.addfinalizer(lambda: forget(club, cluster))
    info = cluster.conninfo(club.database)
    wanted = ProtectionPolicy(name="lockdown", version=1, rules=complete(POLICIES["lockdown"]))
    before = schema_dump(cluster, info)
    install(info, wanted)
    assert wrong(info, wanted) == {}
    with club.as_role("tovplay_app") as connection:
        connection.execute('DELETE FROM "UserNotifications"')
    uninstall(info, wanted)
    assert schema_dump(cluster, info) == before


def forget(club: Club, cluster: Cluster) -> None:
    with connect(cluster.conninfo(club.database)) as connection:
        connection.execute("DROP SUBSCRIPTION IF EXISTS tovgov_second_lock")
    drop_database(cluster, club.database)
    with connect(cluster.conninfo()) as connection:
        for role in club.passwords:
            connection.execute(f"DROP OWNED BY {role}".encode())
            connection.execute(f"DROP ROLE {role}".encode())


def test_a_template_that_was_one_before_stays_one(shop: Shop) -> None:
    flag = f'ALTER DATABASE "{shop.database}" IS_TEMPLATE true'
    assert attempt(shop.superuser, flag) is None
    wanted = policy("drop_database_lock", "delete_audit")
    before = schema_dump(shop.cluster, shop.superuser)
    install(shop.superuser, wanted)
    uninstall(shop.superuser, wanted)
    assert schema_dump(shop.cluster, shop.superuser) == before


def test_the_guards_role_stays_while_another_database_needs_it(shop: Shop, make_database: MakeDatabase) -> None:
    other = make_database(shop.cluster)
    wanted = policy("delete_audit")
    install(other, wanted)
    install(shop.superuser, wanted)
    uninstall(shop.superuser, wanted)
    assert wrong(other, wanted) == {}


def test_new_tables_made_meanwhile_are_freed_too(shop: Shop) -> None:
    wanted = policy("delete_audit", truncate_guard={"mode": "capture"})
    attempt(shop.owner, "CREATE TABLE shop.later (a int)")
    before = schema_dump(shop.cluster, shop.superuser)
    attempt(shop.owner, "DROP TABLE shop.later")
    install(shop.superuser, wanted)
    attempt(shop.owner, "CREATE TABLE shop.later (a int)")
    uninstall(shop.superuser, wanted)
    assert schema_dump(shop.cluster, shop.superuser) == before


def test_what_was_renamed_goes_back_to_its_owner(shop: Shop) -> None:
    """The swap too, as of a table and its rebuilt copy."""
    lockdown = policy("ownership", grants_lockdown={"roles": {shop.app.user: {}}})
    attempt(shop.owner, "CREATE TABLE shop.swap (a int)")
    attempt(shop.superuser, "CREATE TABLE shop.other (a int)", "GRANT ALL ON shop.other TO PUBLIC")
    renames = (
        "ALTER TABLE shop.swap RENAME TO between",
        "ALTER TABLE shop.other RENAME TO swap",
        "ALTER TABLE shop.between RENAME TO other",
        "ALTER TABLE shop.customer RENAME TO client",
        "ALTER SCHEMA shop RENAME TO market",
    )
    install(shop.superuser, lockdown)
    assert attempt(shop.superuser, *renames) is None
    uninstall(shop.superuser, lockdown)
    after = schema_dump(shop.cluster, shop.superuser)
    for owner, name in ((shop.owner.user, "other"), ("postgres", "swap"), (shop.owner.user, "client")):
        assert f"ALTER TABLE market.{name} OWNER TO {owner};" in after
    assert f"ALTER SCHEMA market OWNER TO {shop.owner.user};" in after
    assert "GRANT ALL ON TABLE market.swap TO PUBLIC;" in after
    assert f"GRANT SELECT,INSERT,DELETE,TRUNCATE,UPDATE ON TABLE market.client TO {shop.app.user};" in after


def test_a_copy_from_a_dump_goes_by_names(shop: Shop) -> None:
    """Oids of the records mean nothing in another database, even where it has such oids."""
    lockdown = policy("ownership")
    install(shop.superuser, lockdown)
    with connect(shop.superuser) as connection:
        connection.execute('UPDATE tovgov.protection_record SET before = before || \'{"in": "1/1"}\'')
        connection.execute(
            "UPDATE tovgov.protection_record"
            " SET before = jsonb_set(before, '{oid}', to_jsonb('public.note'::regclass::oid))"
            " WHERE object = 'table shop.day'"
        )
    uninstall(shop.superuser, lockdown)
    assert f"ALTER TABLE shop.day OWNER TO {shop.owner.user};" in schema_dump(shop.cluster, shop.superuser)
