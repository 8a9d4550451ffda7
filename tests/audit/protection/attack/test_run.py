"""An attack as people run it: asked for, run by a worker, reported; cleaned up after, also after a kill."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from audit import approvals, ledger, targets, tasks
from audit.exceptions import (
    ApprovalMissing,
    AttackImpossible,
    ExitStatus,
    NothingInstalled,
    NotPermitted,
    PromiseBroken,
    QueryFailed,
)
from audit.models import Alert, Environment, JobState, LedgerEntry, Purpose, RunKind, Target
from audit.postgres.connect import ConnInfo, connect
from audit.protection import drift, install, policies
from audit.protection.attack import clone, conduct, request, suite
from audit.protection.attack.attempt import As, Outcome, Result, act, refused
from tests.audit.protection.conftest import SCHEMA
from tests.audit.protection.steps import attempt, policy, policy_of
from tests.audit.protection.steps import install as install_policy
from tests.audit.servers import register
from tests.cast import Cast
from tests.conftest import MakeDatabase, MakeRole
from tovgov.embedded import Cluster

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("attack")]
WHY = "The club asked for it."
FEW = (
    "delete.application", "truncate.owner", "drop-table.superuser", "drop-function-guard.superuser",
    "unlock-drop.superuser",
)  # fmt: skip


@pytest.fixture
def info(cluster: Cluster, make_database: MakeDatabase) -> ConnInfo:
    made = make_database(cluster)
    with connect(made) as connection:
        connection.execute(SCHEMA)
    return made


@pytest.fixture
def target(info: ConnInfo, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setattr("audit.jobs.enqueue", lambda *a, **k: None)
    policies.ensure_policies()
    return register(info, credentials={Purpose.OPERATE: (info.user, info.password)})


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole suite is run elsewhere."""
    chosen = tuple(one for one in suite.ATTEMPTS if one.code in FEW)
    assert len(chosen) == len(FEW)
    monkeypatch.setattr(suite, "ATTEMPTS", chosen)


def put_on(target: Target, actor: Any) -> None:
    run = install.request(target, policies.find("standard"), actor=actor, reason=WHY)
    tasks.run_protection(run.pk)


def left_behind(info: ConnInfo) -> list[str]:
    with connect(info) as connection:
        rows = connection.execute(
            "SELECT datname::text FROM pg_database WHERE datname LIKE 'tovgov_attack_%'"
            " UNION ALL SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'tovgov_attack_%'"
        ).fetchall()
    return [name for (name,) in rows]


def test_from_the_request_to_the_report(target: Target, info: ConnInfo, few: None, manager: Any) -> None:
    put_on(target, manager)
    before = rows_of(info)
    run = request.request(target, actor=manager, reason=WHY, on_target=True)
    tasks.run_protection(run.pk)
    run.refresh_from_db()
    assert (run.state, run.error, run.kind) == (JobState.SUCCEEDED, "", RunKind.ATTACK)
    outcomes = {(r["code"], r["place"]): r["outcome"] for r in run.report}
    assert outcomes["delete.application", "clone"] == "recorded"
    assert outcomes["truncate.owner", "clone"] == "refused"
    assert outcomes["unlock-drop.superuser", "clone"] == "detected"
    assert outcomes["drop-function-guard.superuser", "target"] == "refused"
    assert rows_of(info) == before
    assert [name for name in left_behind(info) if name.startswith("tovgov_attack")] == []
    assert LedgerEntry.objects.get(action="protection.attacked").detail["broken"] == []
    assert ledger.verify().is_sound


def rows_of(info: ConnInfo) -> Any:
    with connect(info) as connection:
        return connection.execute("SELECT * FROM shop.customer ORDER BY 1").fetchall()


def test_a_broken_promise_fails_the_run_and_comes_first(
    target: Target, info: ConnInfo, manager: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    untrue = act("update", "UPDATE", "UPDATE {note} SET words = ''", application=(refused("delete_audit"),))
    monkeypatch.setattr(suite, "ATTEMPTS", (*(one for one in suite.ATTEMPTS if one.code in FEW), *untrue))
    put_on(target, manager)
    run = request.request(target, actor=manager, reason=WHY)
    tasks.run_protection(run.pk)
    run.refresh_from_db()
    assert (run.state, run.error_code) == (JobState.FAILED, PromiseBroken.code)
    assert (run.report[0]["code"], run.report[0]["is_broken"]) == ("update.application", True)
    assert Alert.objects.get(kind=request.ALERT).resolved_at is None


def test_not_covered_alone_breaks_nothing() -> None:
    open_ = Result("x", "x", As.OWNER, (), Outcome.OPEN, Outcome.OPEN)
    assert not open_.is_broken
    assert Result("x", "x", As.OWNER, (), Outcome.DETECTED, Outcome.RECORDED).is_broken
    assert not Result("x", "x", As.OWNER, (), Outcome.UNTRIED, Outcome.REFUSED).is_broken


def test_an_attack_run_is_no_installation(target: Target, few: None, manager: Any) -> None:
    with pytest.raises(NothingInstalled):
        request.request(target, actor=manager, reason=WHY)
    put_on(target, manager)
    request.request(target, actor=manager, reason=WHY)
    attempt(targets.conninfo(target, Purpose.OPERATE), "ALTER EVENT TRIGGER tovgov_guard_drop DISABLE")
    drift.watch()
    assert Alert.objects.filter(kind=drift.ALERT).exists(), "an attack that is under way hides no drift"


def test_who_may_not_is_refused(target: Target, manager: Any, auditor: Any, asker: Any) -> None:
    for actor in (auditor, asker):
        with pytest.raises(NotPermitted):
            request.request(target, actor=actor, reason=WHY)


def test_without_a_superuser_it_is_refused(
    info: ConnInfo, cluster: Cluster, roles: MakeRole, target: Target, manager: Any
) -> None:
    put_on(target, manager)
    weak = roles(cluster)
    targets.set_credential(target, Purpose.OPERATE, user=weak.user, password=weak.password, actor=manager)
    with pytest.raises(AttackImpossible):
        request.request(Target.objects.get(pk=target.pk), actor=manager, reason=WHY)


def test_production_itself_takes_an_approval_the_clone_none(
    target: Target, few: None, manager: Any, approver: Any
) -> None:
    put_on(target, manager)
    Target.objects.filter(pk=target.pk).update(environment=Environment.PRODUCTION)
    target.refresh_from_db()
    with pytest.raises(ApprovalMissing):
        request.request(target, actor=manager, reason=WHY, on_target=True)
    approvals.approve(request.ask_approval(target, actor=manager, reason=WHY), actor=approver)
    run = request.request(target, actor=manager, reason=WHY, on_target=True)
    tasks.run_protection(run.pk)
    assert request.request(target, actor=manager, reason=WHY).approval is None


def test_the_command_prints_the_table(target: Target, few: None, manager: Any) -> None:
    put_on(target, manager)
    out = StringIO()
    words = ["protection", "attack", target.name, "--reason", WHY, "--as", "miriam"]
    call_command(*words, "--json", stdout=out)
    assert {r["outcome"] for r in json.loads(out.getvalue())["report"]} == {"recorded", "refused", "detected"}
    out = StringIO()
    call_command(*words, stdout=out, verbosity=0)
    assert "DELETE of some rows" in out.getvalue()


def test_the_command_ends_with_status_5_when_a_promise_is_broken(
    target: Target, manager: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    untrue = act("update", "UPDATE", "UPDATE {note} SET words = ''", application=(refused("delete_audit"),))
    monkeypatch.setattr(suite, "ATTEMPTS", untrue)
    put_on(target, manager)
    out = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("protection", "attack", target.name, "--reason", WHY, "--as", "miriam", stdout=out, verbosity=0)
    assert end.value.code == ExitStatus.PROOF_FAILED
    assert "BROKEN" in out.getvalue()


# --- the clone -------------------------------------------------------------------------------------------------------


def test_what_a_dead_run_left_is_removed_by_the_next(info: ConnInfo, few: None) -> None:
    server = info.to("postgres")
    dead = "tovgov_attack_20200101_000000_0123abcd"
    alive = "tovgov_attack_20200101_000000_4567cdef"
    with connect(server) as connection, connect(server) as other:
        for name in (dead, f"{dead}_stolen", alive):
            connection.execute(f"CREATE DATABASE {name} IS_TEMPLATE true".encode())
        connection.execute(f"CREATE ROLE {dead}_owner".encode())
        with connect(server.to(dead)) as inside:
            inside.execute(
                b"CREATE SUBSCRIPTION tovgov_second_lock CONNECTION 'dbname=x' PUBLICATION x"
                b" WITH (connect = false, slot_name = NONE)"
            )
        assert clone._hold(other, alive)
        with clone.ground(server, info, policies.parts(policy_of("standard"))) as ground:
            names = left_behind(info)
            assert not [name for name in names if name.startswith(dead)]
            assert alive in names
            assert ground.role(As.OWNER) in names
    with connect(server) as connection:
        assert clone.clear_away(connection, server) == [alive]
    assert left_behind(info) == []


def test_a_fault_in_the_midst_leaves_nothing(info: ConnInfo, few: None) -> None:
    def stop(result: Result) -> None:
        raise QueryFailed("Stop here.")

    with pytest.raises(QueryFailed):
        conduct.attack(info.to("postgres"), info, policies.parts(policy_of("lockdown")), tell=stop)
    assert left_behind(info) == []


def test_the_clone_has_no_real_rows_and_reaches_nothing_outside(info: ConnInfo) -> None:
    attempt(
        info,
        "CREATE FUNCTION shop.loud() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'loud'; END $$",
        "CREATE TRIGGER loud BEFORE DELETE ON shop.customer FOR EACH ROW EXECUTE FUNCTION shop.loud()",
        "CREATE FOREIGN DATA WRAPPER far",
        "CREATE SERVER far FOREIGN DATA WRAPPER far",
        "CREATE FOREIGN TABLE shop.far_day PARTITION OF shop.day FOR VALUES FROM ('2027-01-01') TO ('2027-02-01')"
        " SERVER far",
    )
    with clone.ground(info.to("postgres"), info, policies.parts(policy("delete_audit"))) as ground:
        clone.make(ground)
        with connect(ground.clone) as connection:
            names = connection.execute("SELECT name FROM shop.customer").fetchall()
            servers = connection.execute("SELECT count(*) FROM pg_foreign_server").fetchone()
        assert attempt(ground.clone, "DELETE FROM shop.customer") is None
        assert (names, servers) == ([("x",)], (0,)) or (names, servers) == ([("invented",)], (0,))


def test_no_code_of_the_targets_people_runs_in_the_clone(info: ConnInfo) -> None:
    attempt(
        info,
        "CREATE FUNCTION shop.spy() RETURNS text LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE LOG 'the spy was here as %', current_user; RETURN 'x'; END $$",
        "CREATE FUNCTION shop.spy_json(shop.mood) RETURNS json LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE LOG 'the spy was here as %', current_user; RETURN '0'; END $$",
        "CREATE CAST (shop.mood AS json) WITH FUNCTION shop.spy_json(shop.mood)",
        "CREATE TABLE shop.trap (a text NOT NULL DEFAULT shop.spy(), b int)",
    )
    with clone.ground(info.to("postgres"), info, policies.parts(policy_of("standard"))) as ground:
        clone.make(ground)
        with connect(ground.clone) as connection:
            rows = connection.execute("SELECT count(*) FROM shop.trap").fetchone()
            casts = connection.execute("SELECT count(*) FROM pg_cast WHERE oid >= 16384").fetchone()
        assert (rows, casts) == ((0,), (0,))


def test_a_protected_target_is_cloned_without_its_own_protection(info: ConnInfo, few: None) -> None:
    install_policy(info, policy_of("standard"))
    results = conduct.attack(info.to("postgres"), info, policies.parts(policy_of("watch only")))
    outcomes = {r.code: r.outcome for r in results}
    assert outcomes["truncate.owner"] is Outcome.OPEN, "only what the policy says stands in the clone"
