"""Installing as people do it: planned, approved, run by a worker, resumed, verified, watched, taken off."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest
from django.utils import timezone

from audit import approvals, ledger, tasks
from audit.actors import Actor
from audit.exceptions import (
    ApprovalMissing,
    CapturedRowsLost,
    NothingInstalled,
    NotPermitted,
    PlanOutdated,
    PolicyInvalid,
    PolicyMisfit,
    ProtectionRightsMissing,
    ProtectionRunning,
    ReasonMissing,
)
from audit.models import (
    Alert,
    DeleteAuditLog,
    Environment,
    JobState,
    Protection,
    ProtectionPolicy,
    Target,
)
from audit.postgres.connect import ConnInfo, connect
from audit.protection import drift, execute, install, plan, policies, uninstall, verify, windows
from audit.protection.rule import Status
from tests.audit.protection.conftest import WHY, put_on, take_off
from tests.audit.protection.steps import attempt
from tests.cast import Cast
from tests.conftest import MakeRole
from tovgov.embedded import Cluster

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unqueued")]


# --- the whole way ---------------------------------------------------------------------------------------------------


def test_from_plan_to_uninstall(target: Target, info: ConnInfo, manager: Actor) -> None:
    made = plan.plan(target, policies.find("standard"), actor=manager)
    assert any("CREATE EVENT TRIGGER" in s for step in made.steps for s in step.statements)
    assert Protection.objects.get(target=target).plan["fingerprint"] == made.fingerprint
    assert attempt(info, "SELECT 1 FROM tovgov.guard_setting") is not None, "a plan changes nothing"
    run = put_on(target, "standard", manager)
    assert (run.state, run.error) == (JobState.SUCCEEDED, "")
    assert {f["status"] for f in run.report} == {"INSTALLED"}
    assert plan.plan(target, policies.find("standard"), actor=manager).steps == ()
    with connect(info) as connection:
        told = connection.execute('SELECT policy, version, statuses FROM tovgov."ProtectionStatus"').fetchone()
    assert told is not None
    assert told[:2] == ("standard", 1)
    assert set(told[2].values()) == {"INSTALLED"}
    assert take_off(target, manager).state == JobState.SUCCEEDED
    with pytest.raises(NothingInstalled):
        verify.verify(target, actor=manager)
    assert ledger.verify().is_sound


def test_production_needs_a_second_person_for_exactly_this_plan(
    target: Target, info: ConnInfo, manager: Actor, approver: Actor
) -> None:
    Target.objects.filter(pk=target.pk).update(environment=Environment.PRODUCTION)
    target.refresh_from_db()
    policy = policies.find("watch only")
    with pytest.raises(ApprovalMissing):
        install.request(target, policy, actor=manager, reason=WHY)
    approval = install.ask_approval(target, policy, actor=manager, reason=WHY)
    approvals.approve(approval, actor=approver)
    attempt(info, "CREATE TABLE shop.sudden (a int)")
    with pytest.raises(ApprovalMissing):  # the plan is another one now
        install.request(target, policy, actor=manager, reason=WHY)
    attempt(info, "DROP TABLE shop.sudden")
    run = install.request(target, policy, actor=manager, reason=WHY)
    assert run.approval == approval
    tasks.run_protection(run.pk)
    with pytest.raises(ApprovalMissing):
        uninstall.request(target, actor=manager, reason=WHY)
    with pytest.raises(ApprovalMissing):
        windows.open_window(target, minutes=5, rules=["delete_audit"], reason=WHY, actor=manager)


def test_who_may_not_is_refused(target: Target, asker: Actor, auditor: Actor) -> None:
    policy = policies.find("standard")
    assert plan.plan(target, policy, actor=asker).steps
    for act in (
        lambda: install.request(target, policy, actor=asker, reason=WHY),
        lambda: plan.plan(target, policy, actor=auditor),
        lambda: policies.edit("standard", policy.rules, actor=asker),
        lambda: windows.open_window(target, minutes=5, rules=["ddl_guard"], reason=WHY, actor=auditor),
    ):
        with pytest.raises(NotPermitted):
            act()


def test_an_installation_needs_a_reason(target: Target, manager: Actor) -> None:
    with pytest.raises(ReasonMissing):
        install.request(target, policies.find("standard"), actor=manager, reason=" ")


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "word"),
    [
        ([{"rule": "delete_audit", "settings": {"tables": ["shop.missing"]}}], "shop.missing"),
        ([{"rule": "delete_audit", "settings": {"masked": {"shop.customer": ["nose"]}}}], "nose"),
        ([{"rule": "delete_audit", "settings": {"masked": {"shop.customer": ["id"]}}}], "known by it"),
        ([{"rule": "truncate_guard", "settings": {"tables": ["shop.missing"]}}], "shop.missing"),
        ([{"rule": "protection_status", "settings": {"readers": ["nobody_here"]}}], "nobody_here"),
        ([{"rule": "ownership", "settings": {"tables": ["shop.missing"]}}], "shop.missing"),
        ([{"rule": "ddl_guard", "settings": {"tables": ["shop.[a]"]}}], "shop."),
    ],
)
def test_a_policy_that_names_what_is_not_there(target: Target, manager: Actor, rules: Any, word: str) -> None:
    policy = policies.edit("misfit", rules, actor=manager)
    with pytest.raises(PolicyMisfit, match=word):
        install.request(target, policy, actor=manager, reason=WHY)


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [{"rule": "no_such_rule"}],
        [{"rule": "delete_audit"}, {"rule": "delete_audit"}],
        [{"rule": "delete_audit", "settings": {"tabels": []}}],
        [{"rule": "delete_audit", "settings": {"tables": "shop.*"}}],
        [{"rule": "truncate_guard", "settings": {"mode": "capture"}}],
    ],
)
def test_rules_that_make_no_policy(cast: Cast, manager: Actor, rules: Any) -> None:
    with pytest.raises(PolicyInvalid):
        policies.edit("bad", rules, actor=manager)


def test_an_edit_makes_a_new_version(cast: Cast, manager: Actor) -> None:
    policies.ensure_policies()
    edited = policies.edit("standard", [{"rule": "delete_audit"}], actor=manager)
    policies.ensure_policies()
    assert (edited.version, policies.find("standard"), policies.find("standard:1").version) == (2, edited, 1)
    assert ProtectionPolicy.objects.filter(name="standard").count() == 2


def test_neither_owner_nor_superuser_is_told_what_is_missing_and_what_can_be_done(
    target: Target, info: ConnInfo, cluster: Cluster, roles: MakeRole, manager: Actor
) -> None:
    clerk = roles(cluster)
    target.credentials.update(user=clerk.user, password=clerk.password)
    policy = policies.find("standard")
    made = plan.plan(target, policy, actor=manager)
    assert made.steps == ()
    assert "no superuser" in made.missing[0]
    assert "nothing of this policy" in made.missing[-1]
    with pytest.raises(ProtectionRightsMissing, match="owns 0 of 5 tables"):
        install.request(target, policy, actor=manager, reason=WHY)
    attempt(info, f'ALTER DATABASE "{info.database}" OWNER TO "{clerk.user}"')
    made = plan.plan(target, policy, actor=manager)
    assert [step.rule for step in made.steps] == ["drop_database_lock"]
    run = install.request(target, policy, actor=manager, reason=WHY, partly=True)
    tasks.run_protection(run.pk)
    statuses = verify.by_rule(verify.verify(target, actor=manager))
    assert statuses["drop_database_lock"] is Status.INSTALLED
    assert statuses["delete_audit"] is Status.MISSING
    run = take_off(target, manager)
    assert (run.state, run.error) == (JobState.SUCCEEDED, "")
    attempt(info, f'ALTER DATABASE "{info.database}" OWNER TO postgres')


@pytest.mark.parametrize("was_template", [True, False])
def test_an_owner_takes_off_only_the_flag_that_tovgov_set(
    target: Target, info: ConnInfo, cluster: Cluster, roles: MakeRole, manager: Actor, was_template: bool
) -> None:
    """An owner cannot keep a record in the target; and the schema tovgov that comes later knows of no flag."""
    clerk, policy = roles(cluster), policies.find("standard")
    attempt(info, f'ALTER DATABASE "{info.database}" OWNER TO "{clerk.user}"')
    attempt(info, f'ALTER DATABASE "{info.database}" IS_TEMPLATE {was_template}')
    for user, password in ((clerk.user, clerk.password), (info.user, info.password)):
        target.credentials.update(user=user, password=password)
        tasks.run_protection(install.request(target, policy, actor=manager, reason=WHY, partly=True).pk)
        tasks.run_protection(install.request(target, policy, actor=manager, reason=WHY, partly=True).pk)
    assert take_off(target, manager).state == JobState.SUCCEEDED
    with connect(info) as connection:
        flag = connection.execute("SELECT datistemplate FROM pg_database WHERE datname = %s", [info.database])
        assert flag.fetchone() == (was_template,)
    attempt(info, f'ALTER DATABASE "{info.database}" OWNER TO postgres')


# --- half done, twice at once, locked --------------------------------------------------------------------------------


def test_a_half_finished_installation_is_resumed(
    target: Target, info: ConnInfo, manager: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = install.request(target, policies.find("standard"), actor=manager, reason=WHY)
    real, steps = execute._do, []

    def until_the_plug_is_pulled(connection: psycopg.Connection, step: Any) -> None:
        steps.append(step.title)
        real(connection, step)
        if len(steps) == 7:
            connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr(execute, "_do", until_the_plug_is_pulled)
    tasks.run_protection(run.pk)
    run.refresh_from_db()
    assert (run.state, run.error_code) == (JobState.QUEUED, "target.connection_lost")
    monkeypatch.setattr(execute, "_do", lambda c, step: (steps.append(step.title), real(c, step))[1])
    tasks.run_protection(run.pk)
    run.refresh_from_db()
    assert (run.state, run.error) == (JobState.SUCCEEDED, "")
    assert sorted(title for title in set(steps) if steps.count(title) > 1) == [steps[6]], "only the broken step again"
    assert {f["status"] for f in run.report} == {"INSTALLED"}


def test_a_half_finished_installation_can_be_taken_off(target: Target, info: ConnInfo, manager: Actor) -> None:
    run = install.request(target, policies.find("standard"), actor=manager, reason=WHY)
    with connect(info) as connection:
        execute.run(connection, plan.make(connection, policies.find("standard")).steps[:4])
    type(run).objects.filter(pk=run.pk).update(state=JobState.CANCELLED, finished_at=timezone.now())
    assert take_off(target, manager).state == JobState.SUCCEEDED
    assert "tovgov" in str(attempt(info, "SELECT 1 FROM tovgov.guard_setting"))


def test_two_installations_at_once(target: Target, info: ConnInfo, manager: Actor) -> None:
    run = install.request(target, policies.find("standard"), actor=manager, reason=WHY)
    with pytest.raises(ProtectionRunning):
        install.request(target, policies.find("watch only"), actor=manager, reason=WHY)
    with connect(info) as other, execute.alone(other):  # another tovgov is at it
        tasks.run_protection(run.pk)
    run.refresh_from_db()
    assert (run.state, run.error_code) == (JobState.FAILED, "protection.running")


def test_a_target_that_changed_since_the_plan_is_refused(target: Target, info: ConnInfo, manager: Actor) -> None:
    policy = policies.find("standard")
    shown = plan.plan(target, policy, actor=manager).fingerprint
    run = install.request(target, policy, actor=manager, reason=WHY, fingerprint=shown)
    attempt(info, "CREATE TABLE shop.sudden (a int)")
    tasks.run_protection(run.pk)
    run.refresh_from_db()
    assert (run.state, run.error_code) == (JobState.FAILED, "protection.plan_outdated")
    assert "tovgov" in str(attempt(info, "SELECT 1 FROM tovgov.guard_setting")), "nothing was changed"
    with pytest.raises(PlanOutdated):
        install.request(target, policy, actor=manager, reason=WHY, fingerprint=shown)


def test_a_lock_that_is_held_is_waited_for_shortly_and_tried_again(
    target: Target, info: ConnInfo, manager: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execute, "LOCK_MILLISECONDS", 200)
    monkeypatch.setattr(execute, "TRIES", 2)
    run = install.request(target, policies.find("watch only"), actor=manager, reason=WHY)
    with psycopg.connect(**info.keywords()) as reader:  # type: ignore[arg-type]
        reader.execute("LOCK TABLE shop.customer IN ROW EXCLUSIVE MODE")
        tasks.run_protection(run.pk)
        run.refresh_from_db()
        assert run.error_code == "target.lock_timeout"
        assert "shop.customer" in run.error
        assert "attempt 2 of 2" in run.log
        waiting: list[threading.Timer] = [threading.Timer(0.5, reader.rollback)]
        monkeypatch.setattr(execute, "TRIES", 20)
        waiting[0].start()
        tasks.run_protection(run.pk)
    run.refresh_from_db()
    assert run.state == JobState.SUCCEEDED


# --- uninstalling ----------------------------------------------------------------------------------------------------


def test_captured_rows_are_imported_before_the_log_goes(target: Target, info: ConnInfo, manager: Actor) -> None:
    put_on(target, "watch only", manager)
    attempt(info, "DELETE FROM public.note")
    run = uninstall.request(target, actor=manager, reason=WHY)
    attempt(info, "INSERT INTO public.note VALUES ('two')", "DELETE FROM public.note")
    tasks.run_protection(run.pk)
    run.refresh_from_db()
    assert run.state == JobState.SUCCEEDED, run.error
    assert DeleteAuditLog.objects.filter(target=target).count() == 2


def test_what_an_open_transaction_holds_back_is_imported_too(target: Target, info: ConnInfo, manager: Actor) -> None:
    put_on(target, "watch only", manager)
    with psycopg.connect(**info.keywords()) as elsewhere:  # type: ignore[arg-type]
        elsewhere.execute("SELECT pg_current_xact_id()")
        attempt(info, "DELETE FROM public.note")
        assert take_off(target, manager).state == JobState.SUCCEEDED
    assert DeleteAuditLog.objects.filter(target=target).count() == 1


def test_captured_rows_that_cannot_be_imported_are_not_lost_silently(
    target: Target, info: ConnInfo, manager: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on(target, "watch only", manager)
    attempt(info, "DELETE FROM public.note")
    monkeypatch.setattr("audit.registry.log_importers", [])
    with pytest.raises(CapturedRowsLost, match="1 deleted rows that were not imported"):
        uninstall.request(target, actor=manager, reason=WHY)
    assert take_off(target, manager, may_lose_rows=True).state == JobState.SUCCEEDED


def test_rows_deleted_while_it_is_uninstalled_are_not_lost_either(
    target: Target, info: ConnInfo, manager: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on(target, "watch only", manager)
    run = uninstall.request(target, actor=manager, reason=WHY)
    attempt(info, "DELETE FROM public.note")
    monkeypatch.setattr("audit.registry.log_importers", [])
    tasks.run_protection(run.pk)
    run.refresh_from_db()
    assert run.error_code == "protection.captured_rows_lost"


# --- drift -----------------------------------------------------------------------------------------------------------


def test_drift_raises_an_alert_and_resolves_it(target: Target, info: ConnInfo, manager: Actor) -> None:
    put_on(target, "standard", manager)
    drift.watch()
    assert not Alert.objects.filter(kind=drift.ALERT).exists()
    attempt(info, f'ALTER DATABASE "{info.database}" IS_TEMPLATE false')
    attempt(info, "ALTER EVENT TRIGGER tovgov_guard_drop DISABLE")
    drift.watch()
    alert = Alert.objects.get(kind=drift.ALERT, resolved_at=None)
    assert "and 1 more" in alert.title
    put_on(target, "standard", manager)
    drift.watch()
    assert not Alert.objects.filter(kind=drift.ALERT, resolved_at=None).exists()


def test_a_target_that_does_not_answer_is_unknown(target: Target, manager: Actor) -> None:
    put_on(target, "watch only", manager)
    Target.objects.filter(pk=target.pk).update(port=1)
    findings = verify.verify(Target.objects.get(pk=target.pk), actor=manager)
    assert {f.status for f in findings} == {Status.UNKNOWN}
