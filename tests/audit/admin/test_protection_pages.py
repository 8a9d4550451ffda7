"""Protection in the admin: a plan shown, installed, looked at and taken off by its pages; who may not meets 403."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from audit import approvals, tasks
from audit.models import Approval, Environment, Protection, ProtectionRun, Purpose, Target
from audit.postgres.connect import ConnInfo, connect
from audit.protection import policies
from tests.audit.admin.test_acts import signed_in
from tests.audit.protection.conftest import SCHEMA
from tests.audit.protection.steps import attempt
from tests.audit.servers import register
from tests.cast import Cast
from tests.conftest import MakeDatabase
from tovgov.embedded import Cluster

pytestmark = pytest.mark.django_db(transaction=True)


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
    return register(info, name="Club", credentials={Purpose.OPERATE: (info.user, info.password)})


def act(client: Client, model: str, slug: str, pk: int, **data: object) -> str:
    """POST an act and return the page that follows."""
    url = reverse(f"admin:audit_{model}_act", args=[slug]) + f"?ids={pk}"
    assert client.get(url).status_code == 200
    answer = client.post(url, data, follow=True)
    assert answer.status_code == 200, answer.content.decode()[:2000]
    return answer.content.decode()


def plan(client: Client, target: Target, name: str) -> Protection:
    page = act(client, "target", "plan", target.pk, policy=policies.find(name).pk)
    assert "CREATE SCHEMA IF NOT EXISTS tovgov" in page
    assert "What is not promised" in page
    return Protection.objects.get(target=target)


def work() -> ProtectionRun:
    run = ProtectionRun.objects.latest("pk")
    tasks.run_protection(run.pk)
    run.refresh_from_db()
    assert run.state == "succeeded", run.error
    return run


def test_from_plan_to_uninstall_by_pages(target: Target, info: ConnInfo, cast: Cast) -> None:
    client = signed_in(cast.miriam)
    row = plan(client, target, "standard")
    act(client, "protection", "install", row.pk, reason="The club asked for it.")
    work()
    assert "Not as the policy says" not in act(client, "protection", "verify", row.pk)
    attempt(info, "ALTER EVENT TRIGGER tovgov_guard_drop DISABLE")
    page = act(client, "protection", "verify", row.pk)
    assert "Not as the policy says" in page
    assert "event trigger tovgov_guard_drop" in page
    refused = reverse("admin:audit_protection_act", args=["uninstall"]) + f"?ids={row.pk}"
    assert "This is not “Club”" in client.post(refused, {"reason": "x", "typed_name": "club"}).content.decode()
    act(client, "protection", "uninstall", row.pk, reason="It goes.", typed_name="Club")
    work()
    row.refresh_from_db()
    assert not row.is_installed


def test_production_is_asked_for_and_approved(target: Target, cast: Cast) -> None:
    Target.objects.filter(pk=target.pk).update(environment=Environment.PRODUCTION)
    client = signed_in(cast.miriam)
    row = plan(client, target, "watch only")
    url = reverse("admin:audit_protection_act", args=["install"]) + f"?ids={row.pk}"
    answer = client.post(url, {"reason": "Now."})
    assert answer.status_code == 409
    assert "approval of a second person" in answer.content.decode()
    act(client, "protection", "ask-install", row.pk, reason="The club asked for it.")
    approval = Approval.objects.get()
    assert "Capture deletes from" in signed_in(cast.bob).get(
        reverse("admin:audit_approval_change", args=[approval.pk])
    ).content.decode()  # fmt: skip
    approvals.approve(approval, actor=cast.actor("bob"))
    page = client.get(reverse("admin:audit_approval_change", args=[approval.pk])).content.decode()
    assert reverse("admin:audit_protection_change", args=[row.pk]) in page, "the way to go on"
    act(client, "protection", "install", row.pk, reason="Now.")
    work()


def test_who_may_not_meets_403(target: Target, cast: Cast) -> None:
    row = plan(signed_in(cast.alice), target, "watch only")
    for user, model, slug, pk in (
        (cast.charlie, "target", "plan", target.pk),
        (cast.alice, "protection", "install", row.pk),
        (cast.bob, "protection", "uninstall", row.pk),
    ):
        url = reverse(f"admin:audit_{model}_act", args=[slug]) + f"?ids={pk}"
        assert signed_in(user).post(url, {"reason": "x"}).status_code == 403
