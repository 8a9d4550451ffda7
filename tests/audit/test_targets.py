"""Registering targets: what is accepted is pinned, what is wrong is refused with a sentence that helps."""

from __future__ import annotations

import json
from typing import Any

import pytest
from psycopg import sql

from audit import approvals, targets
from audit.actors import Actor
from audit.exceptions import (
    AlreadyRegistered,
    ApprovalMissing,
    DatabaseMissing,
    NotPermitted,
    PasswordRefused,
    ReasonMissing,
    RightsMissing,
    RoleMissing,
    SecretUnreadable,
    SentinelFailed,
    TargetInvalid,
    TargetUnreachable,
    TlsImpossible,
    TovgovError,
    WrongServer,
)
from audit.models import Credential, Environment, LedgerEntry, Purpose, Target
from tests.audit.servers import register
from tests.conftest import MakeDatabase, MakeRole, run
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db
AWKWARD = ['Tov"Play; DROP DATABASE', "blank in the middle", "d'Or \\ %s {x}", "spiel 🎲 платформа", "ü" * 31 + "x"]


def refusal(kind: type[TovgovError], info: Any, **more: Any) -> TovgovError:
    """The error with which registering is refused; nothing of it is kept."""
    with pytest.raises(kind) as caught:
        register(info, **more)
    assert type(caught.value) is kind
    assert not Target.objects.exists()
    assert not LedgerEntry.objects.exists()
    return caught.value


def actions() -> list[str]:
    return list(LedgerEntry.objects.order_by("number").values_list("action", flat=True))


# --- what is accepted ---------------------------------------------------------------------------------------------


def test_a_registered_target_is_pinned(any_cluster: Cluster, make_database: MakeDatabase) -> None:
    target = register(make_database(any_cluster, "TovPlay"))
    target.refresh_from_db()
    assert (target.pinned_database, target.is_identified) == ("TovPlay", True)
    assert target.server_version is not None
    assert target.server_version // 10_000 == any_cluster.major
    assert actions() == ["target.register", "target.pin"]
    with targets.connected(target, Purpose.BACKUP, actor=Actor.system("tests")) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("TovPlay",)


def test_from_where_the_server_sees_us_come_is_kept(cluster: Cluster, make_database: MakeDatabase) -> None:
    target = register(make_database(cluster))
    with targets.connected(target, Purpose.WATCH, actor=Actor.system("tests")) as connection:
        row = connection.execute("SELECT coalesce(host(inet_client_addr()), 'local')").fetchone()
    assert row is not None
    Target.objects.filter(pk=target.pk).update(own_addresses=["10.0.0.9"])
    target.refresh_from_db()
    for _ in range(2):
        with targets.connected(target, Purpose.WATCH, actor=Actor.system("tests")):
            pass
    assert Target.objects.get(pk=target.pk).own_addresses == ["10.0.0.9", row[0]]


@pytest.mark.parametrize("name", AWKWARD)
def test_names_may_hold_any_sign(cluster: Cluster, make_database: MakeDatabase, name: str) -> None:
    target = register(make_database(cluster, name), name=f"Target {name}")
    assert target.pinned_database == name
    assert targets.check(target, actor=Actor.system("tests")) is None


def test_roles_and_passwords_may_hold_any_sign(cluster: Cluster, make_database: MakeDatabase, roles: MakeRole) -> None:
    info = make_database(cluster)
    role = roles(cluster, name="cl\"erk; 🎲 ' x=y")
    odd = r"""a b'c"d\e:f=g;🔑"""
    identifier = sql.Identifier(role.user)
    run(cluster.conninfo(), sql.SQL("ALTER ROLE {} PASSWORD {}").format(identifier, sql.Literal(odd)))
    assert register(info, credentials={Purpose.BACKUP: (role.user, odd)}).is_identified


def test_a_libpq_service_is_an_address(
    cluster: Cluster, make_database: MakeDatabase, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = make_database(cluster)
    file = tmp_path / "pg_service.conf"
    file.write_text(f"[club]\nhost={info.host}\nport={info.port}\nuser={info.user}\npassword={info.password}\n")
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    target = register(info, host="", port=None, service="club", credentials={})
    assert target.pinned_database == info.database


def test_who_may_not_register_is_refused(cluster: Cluster, make_database: MakeDatabase, asker: Actor) -> None:
    with pytest.raises(NotPermitted):
        register(make_database(cluster), actor=asker)


def test_sentinels_are_checked_before_anything_is_kept(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    run(info, 'CREATE TABLE "User" (id int)', 'INSERT INTO "User" VALUES (1), (2)')
    error = refusal(SentinelFailed, info, sentinels=[("public", "User", 10), ("public", "Game", 1)])
    assert error.message == "public.User has 2 rows of at least 10; public.Game is missing."
    target = register(info, sentinels=[("public", "User", 2)])
    assert [str(row) for row in target.sentinels.all()] == ["public.User ≥ 2"]


def test_no_secret_reaches_the_ledger(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    target = register(info)
    targets.set_credential(target, Purpose.WATCH, user="watcher", password="swordfish", actor=Actor.system("tests"))
    kept = json.dumps(list(LedgerEntry.objects.values("reason", "detail", "object_label")))
    assert "swordfish" not in kept
    assert info.password not in kept
    assert "watcher" in kept


# --- the wrong database -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["tovplay", "TOVPLAY", "Tov Play", "TovPlai"])
def test_a_name_written_almost_right_is_refused_and_the_right_one_named(
    cluster: Cluster, make_database: MakeDatabase, written: str
) -> None:
    error = refusal(DatabaseMissing, make_database(cluster, "TovPlay").to(written))
    assert error.message == f'There is no database named "{written}". The server has "TovPlay": names are exact.'


def test_a_name_that_is_like_no_other_is_refused_and_the_servers_databases_named(
    cluster: Cluster, make_database: MakeDatabase
) -> None:
    error = refusal(DatabaseMissing, make_database(cluster, "TovPlay").to("database"))
    assert error.message.startswith('There is no database named "database". The server has ')
    assert '"TovPlay"' in error.message
    assert '"template0"' not in error.message


def test_a_database_that_is_a_target_already_is_refused(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    register(info, name="TovPlay production", environment=Environment.PRODUCTION)
    with pytest.raises(AlreadyRegistered, match="TovPlay production"):
        register(info, name="Harmless", environment=Environment.DEVELOPMENT, host="localhost")
    assert register(info, name="Twin", twin_reason="a physical copy of production").is_identified


# --- the wrong way there ------------------------------------------------------------------------------------------


def test_an_unknown_host(cluster: Cluster, make_database: MakeDatabase) -> None:
    error = refusal(TargetUnreachable, make_database(cluster), host="db.no-such-host.invalid")
    assert "db.no-such-host.invalid" in error.message
    assert not error.permanent


def test_a_port_where_nobody_listens(cluster: Cluster, make_database: MakeDatabase) -> None:
    assert "refused" in refusal(TargetUnreachable, make_database(cluster), port=1).message


def test_a_refused_password_is_not_shown(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    error = refusal(PasswordRefused, info, credentials={Purpose.BACKUP: (info.user, "swordfish")})
    assert "swordfish" not in str(error.as_dict())
    assert error.permanent


def test_no_password_at_all(cluster: Cluster, make_database: MakeDatabase) -> None:
    info = make_database(cluster)
    refusal(PasswordRefused, info, credentials={Purpose.BACKUP: (info.user, "")})


def test_a_role_that_may_not_log_in(cluster: Cluster, make_database: MakeDatabase, roles: MakeRole) -> None:
    info, role = make_database(cluster), roles(cluster)
    run(cluster.conninfo(), sql.SQL("ALTER ROLE {} NOLOGIN").format(sql.Identifier(role.user)))
    refusal(RoleMissing, info, credentials={Purpose.BACKUP: (role.user, role.password)})


def test_a_role_that_does_not_exist(cluster: Cluster, make_database: MakeDatabase) -> None:
    """A server that asks for passwords does not tell whether the role or the password is wrong; a trusting one does."""
    info = make_database(cluster)
    refusal(PasswordRefused, info, credentials={Purpose.BACKUP: ("nobody 'here", "x")})


def test_a_role_that_may_not_connect(cluster: Cluster, make_database: MakeDatabase, roles: MakeRole) -> None:
    info, role = make_database(cluster), roles(cluster)
    run(info, sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(sql.Identifier(info.database)))
    refusal(RightsMissing, info, credentials={Purpose.BACKUP: (role.user, role.password)})


def test_tls_that_is_required_but_not_offered(cluster: Cluster, make_database: MakeDatabase) -> None:
    error = refusal(TlsImpossible, make_database(cluster), sslmode="require")
    assert "sslmode" in error.hint


def test_a_service_that_nobody_defined(cluster: Cluster, make_database: MakeDatabase) -> None:
    error = refusal(TargetUnreachable, make_database(cluster), host="", port=None, service="nowhere")
    assert "nowhere" in error.message


@pytest.mark.parametrize(
    ("facts", "part"),
    [
        ({"database": ""}, "database: This field cannot be blank"),
        ({"database": "ü" * 32}, "at most 63 bytes; this has 64"),
        ({"database": "Tov\0Play"}, "database: holds a NUL"),
        ({"database": "Tov\udcffPlay"}, "no text"),
        ({"host": "db\0"}, "host: holds a NUL"),
        ({"environment": "moon"}, "environment"),
        ({"sslmode": "maybe"}, "sslmode"),
        ({"port": -1}, "port"),
        ({"port": 70_000}, "port"),
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"credentials": {Purpose.BACKUP: ("u" * 64, "")}}, "user (backup)"),
        ({"credentials": {Purpose.BACKUP: ("u", "a\0b")}}, "password (backup): holds a NUL"),
    ],
)
def test_facts_that_describe_no_target(cluster: Cluster, facts: dict[str, Any], part: str) -> None:
    error = refusal(TargetInvalid, cluster.conninfo("TovPlay"), **facts)
    assert part in error.message


def test_a_name_that_is_taken(cluster: Cluster, make_database: MakeDatabase) -> None:
    register(make_database(cluster), name="Club")
    with pytest.raises(TargetInvalid, match="name: Target with this Name already exists"):
        register(make_database(cluster), name="Club")


# --- changes ------------------------------------------------------------------------------------------------------


@pytest.fixture
def target(cluster: Cluster, make_database: MakeDatabase) -> Target:
    return register(make_database(cluster))


def test_a_change_is_recorded_with_before_and_after(target: Target, manager: Actor) -> None:
    targets.update(target, actor=manager, notes="moved to rack 4", port=target.port)
    entry = LedgerEntry.objects.get(action="target.change")
    assert (entry.actor, entry.detail) == ("miriam", {"changed": {"notes": ["", "moved to rack 4"]}})


def test_a_change_of_nothing_is_not_recorded(target: Target, manager: Actor) -> None:
    targets.update(target, actor=manager, notes=target.notes)
    assert "target.change" not in actions()


def test_who_may_not_change_is_refused(target: Target, asker: Actor) -> None:
    with pytest.raises(NotPermitted):
        targets.update(target, actor=asker, notes="mine")
    with pytest.raises(NotPermitted):
        targets.set_credential(target, Purpose.WATCH, user="me", password="x", actor=asker)
    with pytest.raises(NotPermitted):
        targets.set_sentinel(target, ("public", "User", 1), actor=asker)


def test_the_pinned_identity_cannot_be_changed_by_hand(target: Target, manager: Actor) -> None:
    with pytest.raises(TargetInvalid, match="no database_oid"):
        targets.update(target, actor=manager, database_oid=1)


def test_an_address_that_leads_elsewhere_is_refused_until_it_is_confirmed(
    target: Target, manager: Actor, clusters: dict[int, Cluster], make_database: MakeDatabase
) -> None:
    elsewhere = make_database(clusters[18], target.database)
    targets.set_credential(target, Purpose.BACKUP, user=elsewhere.user, password=elsewhere.password, actor=manager)
    target = targets.update(target, actor=manager, port=elsewhere.port)
    with pytest.raises(WrongServer), targets.connected(target, Purpose.BACKUP, actor=manager):
        pass
    with pytest.raises(ReasonMissing):
        targets.identify(target, actor=manager)
    targets.identify(target, actor=manager, reason="moved to the new server")
    assert targets.check(target, actor=manager) is None


def test_a_lower_environment_needs_a_reason(target: Target, manager: Actor) -> None:
    with pytest.raises(ReasonMissing):
        targets.update(target, actor=manager, environment=Environment.DEVELOPMENT)
    changed = targets.update(target, actor=manager, environment=Environment.DEVELOPMENT, reason="it is one")
    assert changed.environment == Environment.DEVELOPMENT


def test_production_is_lowered_by_two_people_only(target: Target, manager: Actor, approver: Actor) -> None:
    target = targets.update(target, actor=manager, environment=Environment.PRODUCTION)
    with pytest.raises(ApprovalMissing):
        targets.update(target, actor=manager, environment=Environment.STAGING, reason="retired")
    asked = targets.lower_environment(target, Environment.STAGING, actor=manager, reason="retired")
    approvals.approve(asked, actor=approver)
    with pytest.raises(ApprovalMissing):
        targets.update(target, actor=manager, environment=Environment.SCRATCH, reason="not what was approved")
    lowered = targets.update(target, actor=manager, environment=Environment.STAGING, reason="retired")
    assert lowered.environment == Environment.STAGING


def test_each_purpose_has_a_role_of_its_own_or_the_next_stronger(target: Target, manager: Actor) -> None:
    assert targets.conninfo(target, Purpose.OPERATE).user == ""
    targets.set_credential(target, Purpose.OPERATE, user="operator", password="o", actor=manager)
    targets.set_credential(target, Purpose.BACKUP, user="backup", password="b", actor=manager)
    assert [targets.conninfo(target, purpose).user for purpose in Purpose] == ["backup", "backup", "operator"]
    assert targets.maintenance(target).database == "postgres"
    assert "password" not in repr(targets.conninfo(target, Purpose.OPERATE))


def test_a_password_whose_key_is_lost_can_be_entered_again(target: Target, manager: Actor, settings: Any) -> None:
    settings.TOVGOV_SECRET_KEYS = ["bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyE=", *settings.TOVGOV_SECRET_KEYS]
    row = Credential.objects.defer("password").get(target=target)
    lost = settings.TOVGOV_SECRET_KEYS[1:]
    Credential.objects.filter(pk=row.pk).update(password="written with the new key")
    settings.TOVGOV_SECRET_KEYS = lost
    with pytest.raises(SecretUnreadable):
        targets.conninfo(target, Purpose.BACKUP)
    targets.set_credential(target, Purpose.BACKUP, user="backup", password="again", actor=manager)
    assert targets.conninfo(target, Purpose.BACKUP).password == "again"
