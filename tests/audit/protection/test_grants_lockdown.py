"""The grants lockdown by the acts it takes away, and by what it leaves."""

from __future__ import annotations

import psycopg
import pytest

from audit.exceptions import PolicyMisfit
from audit.models import ProtectionPolicy
from audit.postgres.connect import connect
from audit.protection import plan
from audit.protection.rule import Status, Step
from tests.audit.protection.conftest import Shop
from tests.audit.protection.steps import attempt, findings, install, policy, schema_dump, uninstall, wrong
from tests.conftest import MakeRole

WORK = (
    "SELECT * FROM shop.customer",
    "INSERT INTO shop.customer (name) VALUES ('Tal')",
    "UPDATE shop.customer SET name = 'Noa B.' WHERE id = 1",
    "DELETE FROM shop.customer WHERE id = 2",
    "SELECT nextval('shop.ticket')",
)


def locked(shop: Shop, patterns: dict[str, list[str]] | None = None, **settings: object) -> ProtectionPolicy:
    return policy(grants_lockdown={"roles": {shop.app.user: patterns or {}}, **settings})


def planned(shop: Shop, wanted: ProtectionPolicy) -> list[Step]:
    with connect(shop.superuser) as connection:
        return list(plan.make(connection, wanted).steps)


def limits(shop: Shop, wanted: ProtectionPolicy) -> str:
    with connect(shop.superuser) as connection:
        return "\n".join(line for part in plan.make(connection, wanted).promises for line in part["limits"])


def refused(shop: Shop, *acts: str) -> None:
    for act in acts:
        assert isinstance(attempt(shop.app, act), psycopg.errors.InsufficientPrivilege), act


def test_the_role_keeps_its_work_and_loses_the_rest(shop: Shop) -> None:
    app = shop.app.user
    extra = (
        f'GRANT REFERENCES, TRIGGER ON shop.customer TO "{app}"',
        f'GRANT UPDATE ON SEQUENCE shop.ticket TO "{app}"',
        f'GRANT CREATE ON SCHEMA shop TO "{app}"',
        f'GRANT CREATE ON DATABASE "{shop.database}" TO "{app}"',
        f'GRANT SELECT ON public.note TO "{app}" WITH GRANT OPTION',
    )
    assert attempt(shop.superuser, *extra) is None
    before = schema_dump(shop.cluster, shop.superuser)
    install(shop.superuser, locked(shop))
    assert attempt(shop.app, *WORK) is None
    refused(
        shop,
        "TRUNCATE shop.day",
        "CREATE TRIGGER a BEFORE DELETE ON shop.customer"
        " EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()",
        "SELECT setval('shop.ticket', 1)",
        "CREATE TABLE shop.mine (a int)",
        "CREATE SCHEMA mine",
        "CREATE TEMP TABLE mine (a int)",
    )
    assert wrong(shop.superuser, locked(shop)) == {}
    assert planned(shop, locked(shop)) == []
    uninstall(shop.superuser, locked(shop))
    assert schema_dump(shop.cluster, shop.superuser) == before


def test_the_plan_says_what_each_role_loses(shop: Shop) -> None:
    effects = {step.title: step.effect for step in planned(shop, locked(shop))}
    assert (
        f"Role {shop.app.user} will no longer be able to TRUNCATE: shop.customer."
        in effects["Lock the grants on shop.customer"]
    )


def test_only_the_listed_verbs_stay(shop: Shop) -> None:
    wanted = locked(shop, {"shop.*": ["SELECT"], "shop.customer": ["SELECT", "INSERT"]})
    before = schema_dump(shop.cluster, shop.superuser)
    install(shop.superuser, wanted)
    assert attempt(shop.app, *WORK[:2], "SELECT * FROM shop.day") is None
    refused(shop, *WORK[2:4], "INSERT INTO shop.day VALUES ('2026-01-06', 3)")
    uninstall(shop.superuser, wanted)
    assert schema_dump(shop.cluster, shop.superuser) == before


def test_columns_and_future_tables_are_locked_too(shop: Shop) -> None:
    app, owner = shop.app.user, shop.owner.user
    extra = (
        f'GRANT REFERENCES (id), SELECT (name) ON shop.customer TO "{app}"',
        f'ALTER DEFAULT PRIVILEGES FOR ROLE "{owner}" IN SCHEMA shop GRANT ALL ON TABLES TO "{app}"',
        f'ALTER DEFAULT PRIVILEGES FOR ROLE "{owner}" GRANT ALL ON SEQUENCES TO PUBLIC, "{app}"',
    )
    assert attempt(shop.superuser, *extra) is None
    before = schema_dump(shop.cluster, shop.superuser)
    install(shop.superuser, locked(shop))
    assert attempt(shop.owner, "CREATE TABLE shop.later (a int)", "CREATE SEQUENCE shop.numbers") is None
    assert attempt(shop.app, "INSERT INTO shop.later VALUES (1)", "SELECT nextval('shop.numbers')") is None
    refused(shop, "TRUNCATE shop.later", "SELECT setval('shop.numbers', 7)")
    assert wrong(shop.superuser, locked(shop)) == {}
    assert attempt(shop.owner, "DROP TABLE shop.later", "DROP SEQUENCE shop.numbers") is None
    uninstall(shop.superuser, locked(shop))
    assert schema_dump(shop.cluster, shop.superuser) == before


def test_what_came_through_public_is_given_to_the_role_alone(shop: Shop) -> None:
    assert (
        attempt(shop.superuser, "GRANT ALL ON public.note TO PUBLIC", "GRANT CREATE ON SCHEMA shop TO PUBLIC") is None
    )
    before = schema_dump(shop.cluster, shop.superuser)
    install(shop.superuser, locked(shop))
    assert attempt(shop.app, "SELECT * FROM public.note", "DELETE FROM public.note") is None
    refused(shop, "TRUNCATE public.note", "CREATE TABLE shop.mine (a int)")
    assert isinstance(attempt(shop.builder, "SELECT * FROM public.note"), psycopg.errors.InsufficientPrivilege)
    uninstall(shop.superuser, locked(shop))
    assert schema_dump(shop.cluster, shop.superuser) == before


def test_acls_come_back_in_their_order_with_their_grantors(shop: Shop, roles: MakeRole) -> None:
    """The application passed rights on; an item that goes whole stands in the middle."""
    app, other, third = shop.app.user, shop.builder.user, roles(shop.cluster)
    acts = (
        f'REVOKE ALL ON shop.day FROM "{app}"',
        f'GRANT TRUNCATE ON shop.day TO "{app}" WITH GRANT OPTION',
        f'GRANT SELECT ON shop.day TO "{other}"',
        f'GRANT USAGE ON SCHEMA shop TO "{other}"',
        f'GRANT SELECT (day) ON shop.day TO "{app}"',
        f'GRANT SELECT ON shop.customer TO "{app}" WITH GRANT OPTION',
    )
    assert attempt(shop.superuser, *acts) is None
    passed_on = (
        f'GRANT TRUNCATE ON shop.day TO "{other}" WITH GRANT OPTION',
        f'GRANT SELECT ON shop.customer TO "{third.user}"',
    )
    assert attempt(shop.app, *passed_on) is None
    assert attempt(shop.builder, f'GRANT TRUNCATE ON shop.day TO "{third.user}"') is None
    before = schema_dump(shop.cluster, shop.superuser)
    install(shop.superuser, locked(shop))
    refused(shop, "TRUNCATE shop.day")
    assert attempt(shop.app, f'GRANT SELECT ON shop.customer TO "{other}"') is None, "a warning, and nothing granted"
    assert f"GRANT SELECT ON TABLE shop.customer TO {other};" not in schema_dump(shop.cluster, shop.superuser)
    assert attempt(third.to(shop.database), "SELECT 1") is None
    assert wrong(shop.superuser, locked(shop)) == {}
    uninstall(shop.superuser, locked(shop))
    assert schema_dump(shop.cluster, shop.superuser) == before


def test_what_others_granted_meanwhile_stays(shop: Shop) -> None:
    install(shop.superuser, locked(shop))
    assert attempt(shop.owner, f'GRANT SELECT ON shop.customer TO "{shop.builder.user}"') is None
    uninstall(shop.superuser, locked(shop))
    assert f"GRANT SELECT ON TABLE shop.customer TO {shop.builder.user};" in schema_dump(shop.cluster, shop.superuser)


def test_a_verb_given_back_is_found(shop: Shop) -> None:
    install(shop.superuser, locked(shop))
    assert attempt(shop.owner, f'GRANT TRUNCATE ON shop.customer TO "{shop.app.user}"') is None
    assert wrong(shop.superuser, locked(shop)) == {f"{shop.app.user} on shop.customer": Status.ALTERED}
    assert attempt(shop.owner, f'CREATE TABLE shop.later (a int); GRANT ALL ON shop.later TO "{shop.app.user}"') is None
    assert wrong(shop.superuser, locked(shop))[f"{shop.app.user} on shop.later"] is Status.MISSING
    install(shop.superuser, locked(shop))
    assert wrong(shop.superuser, locked(shop)) == {}


# --- role paths ------------------------------------------------------------------------------------------------------


@pytest.fixture
def writers(shop: Shop, roles: MakeRole) -> str:
    """A group between the application and what it must not do."""
    name = roles(shop.cluster).user
    acts = (f'GRANT "{name}" TO "{shop.app.user}"', f'GRANT SELECT, TRUNCATE ON public.note TO "{name}"')
    assert attempt(shop.superuser, *acts) is None
    return name


def test_a_way_through_memberships_is_said_and_found(shop: Shop, writers: str) -> None:
    assert attempt(shop.superuser, f'GRANT pg_write_all_data TO "{writers}"') is None
    said = limits(shop, locked(shop))
    assert f"{shop.app.user} → {writers}: through this membership" in said
    assert f"{shop.app.user} → {writers} → pg_write_all_data" in said
    install(shop.superuser, locked(shop))
    assert attempt(shop.app, "TRUNCATE public.note") is None, "not covered, and said so"
    found = wrong(shop.superuser, locked(shop))
    assert found[f"role {shop.app.user}: membership in {writers}"] is Status.MISSING
    assert found[f"role {shop.app.user}: membership in pg_write_all_data"] is Status.MISSING
    assert all(finding.hint for finding in findings(shop.superuser, locked(shop)) if finding.object in found)


def test_a_membership_is_ended_where_the_policy_says_so(shop: Shop, writers: str) -> None:
    wanted = locked(shop, memberships=True)
    before, dump = members(shop), schema_dump(shop.cluster, shop.superuser)
    install(shop.superuser, wanted)
    assert wrong(shop.superuser, wanted) == {}
    refused(shop, "TRUNCATE public.note", f'SET ROLE "{writers}"')
    assert attempt(shop.app, "SELECT * FROM public.note") is None, "what it keeps is its own now"
    uninstall(shop.superuser, wanted)
    assert (members(shop), schema_dump(shop.cluster, shop.superuser)) == (before, dump)


def members(shop: Shop) -> list[tuple]:
    with connect(shop.superuser) as connection:
        return connection.execute(
            "SELECT to_jsonb(m) - 'oid' FROM pg_auth_members m WHERE member = %s::regrole ORDER BY 1::text",
            [f'"{shop.app.user}"'],
        ).fetchall()


def test_attributes_are_findings_and_can_be_taken(shop: Shop) -> None:
    role = f'"{shop.app.user}"'
    assert attempt(shop.superuser, f"ALTER ROLE {role} CREATEDB CREATEROLE BYPASSRLS REPLICATION") is None
    install(shop.superuser, locked(shop))
    words = ("CREATEDB", "CREATEROLE", "REPLICATION", "BYPASSRLS")
    assert set(wrong(shop.superuser, locked(shop))) == {f"role {shop.app.user}: {word}" for word in words}
    wanted = locked(shop, attributes=True)
    install(shop.superuser, wanted)
    assert wrong(shop.superuser, wanted) == {}
    refused(shop, "CREATE ROLE nobody", "CREATE DATABASE nothing")
    uninstall(shop.superuser, wanted)
    assert attempt(shop.app, "CREATE ROLE to_be_gone", "DROP ROLE to_be_gone") is None


def test_an_owner_is_a_finding_until_ownership_takes_over(shop: Shop) -> None:
    alone = policy(grants_lockdown={"roles": {shop.owner.user: {}}})
    install(shop.superuser, alone)
    assert wrong(shop.superuser, alone) == {f"role {shop.owner.user}: ownership": Status.MISSING}
    uninstall(shop.superuser, alone)
    before = schema_dump(shop.cluster, shop.superuser)
    both = policy("ownership", grants_lockdown={"roles": {shop.owner.user: {"shop.*": ["SELECT"]}}})
    install(shop.superuser, both)
    left = wrong(shop.superuser, both)
    assert set(left) <= {f"role {shop.owner.user}: ownership"}, "sequences of no column stay with their owner"
    owner = shop.owner
    assert attempt(owner, "SELECT * FROM shop.customer") is None
    assert attempt(owner, "DELETE FROM shop.customer") is not None
    assert attempt(owner, "CREATE TEMP TABLE a (b int)") is not None
    assert planned(shop, both) == []
    uninstall(shop.superuser, both)
    assert schema_dump(shop.cluster, shop.superuser) == before


# --- bad input -------------------------------------------------------------------------------------------------------


def test_a_missing_role_is_named(shop: Shop) -> None:
    with pytest.raises(PolicyMisfit, match="nobody_of_this_name"):
        planned(shop, policy(grants_lockdown={"roles": {"nobody_of_this_name": {}}}))


def test_a_missing_table_is_named(shop: Shop) -> None:
    with pytest.raises(PolicyMisfit, match=r"shop\.custmer"):
        planned(shop, locked(shop, {"shop.custmer": ["SELECT"]}))


def test_an_unknown_verb_is_named(shop: Shop) -> None:
    with pytest.raises(PolicyMisfit, match="READ"):
        planned(shop, locked(shop, {"shop.customer": ["READ"]}))


def test_a_role_that_is_gone_is_a_finding(shop: Shop) -> None:
    gone = policy(grants_lockdown={"roles": {"nobody_of_this_name": {}}})
    assert wrong(shop.superuser, gone)["role nobody_of_this_name"] is Status.MISSING
