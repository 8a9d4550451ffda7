"""Attacks and maintenance windows in the admin: asked for, shown, and refused to who may not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit import approvals, tasks
from audit.models import Approval, Environment, JobState, MaintenanceWindow, Protection, ProtectionRun, Target
from audit.postgres.connect import ConnInfo
from audit.protection import install, policies, windows
from audit.protection.attack import suite
from audit.protection.attack.attempt import refused
from tests.audit.admin.test_acts import signed_in
from tests.audit.admin.test_protection_pages import act, info, target  # noqa: F401  # fixtures
from tests.audit.protection.attack.conftest import attacks_to_ourselves  # noqa: F401  # for every test here
from tests.audit.protection.steps import attempt
from tests.cast import Cast

pytestmark = pytest.mark.django_db(transaction=True)
WINDOW = {"minutes": 5, "rules": ["ddl_guard"], "reason": "Release 4.2"}


@pytest.fixture
def row(target: Target, cast: Cast) -> Protection:  # noqa: F811
    run = install.request(
        target, policies.find("standard"), actor=cast.actor("miriam"), reason="The club asked for it."
    )
    tasks.run_protection(run.pk)
    return Protection.objects.get(target=target)


def page_of(client: Client, row: Protection) -> str:
    return client.get(reverse("admin:audit_protection_change", args=[row.pk])).content.decode()


def post(client: Client, row: Protection, slug: str, **data: object) -> tuple[int, str]:
    url = reverse("admin:audit_protection_act", args=[slug]) + f"?ids={row.pk}"
    answer = client.post(url, data)
    return answer.status_code, answer.content.decode()


def make_production(row: Protection) -> None:
    Target.objects.filter(pk=row.target_id).update(environment=Environment.PRODUCTION)


# --- windows ---------------------------------------------------------------------------------------------------------


def test_a_window_is_opened_used_and_closed_by_pages(row: Protection, info: ConnInfo, cast: Cast) -> None:  # noqa: F811
    client = signed_in(cast.alice)
    assert "Open a maintenance window" in page_of(client, row)
    page = act(client, "protection", "open-window", row.pk, **WINDOW)
    assert "it closes by itself" in page
    assert "Close the window now" in page_of(client, row)
    assert "Open a maintenance window" not in page_of(client, row)
    assert attempt(info, "DROP VIEW shop.dear") is None
    window = MaintenanceWindow.objects.get()
    page = act(client, "maintenancewindow", "close-window", window.pk)
    assert "Closed and locked; 1 changes are listed." in page
    assert "DROP VIEW shop.dear" in page
    assert attempt(info, "DROP TABLE shop.customer CASCADE") is not None
    assert "Close the window now" not in page_of(client, row)


def test_a_window_can_be_closed_from_the_page_of_the_protection(row: Protection, cast: Cast) -> None:
    client = signed_in(cast.alice)
    act(client, "protection", "open-window", row.pk, **WINDOW)
    act(client, "protection", "close-window", row.pk)
    assert MaintenanceWindow.objects.get().relocked_at is not None


def test_a_window_needs_a_reason_rules_and_a_length(row: Protection, cast: Cast) -> None:
    client = signed_in(cast.alice)
    for wrong in ({"reason": ""}, {"rules": []}, {"minutes": 0}, {"minutes": 481}, {"rules": ["ownership"]}):
        status, _ = post(client, row, "open-window", **(WINDOW | wrong))
        assert status == 200, "the form is shown again"
    assert not MaintenanceWindow.objects.exists()


def test_a_window_on_production_needs_a_second_person(row: Protection, cast: Cast) -> None:
    make_production(row)
    client = signed_in(cast.alice)
    status, page = post(client, row, "open-window", **WINDOW)
    assert (status, "approval of a second person" in page) == (409, True)
    act(client, "protection", "ask-window", row.pk, **WINDOW)
    approval = Approval.objects.get()
    assert approval.action == windows.ACTION
    approvals.approve(approval, actor=cast.actor("bob"))
    page = client.get(reverse("admin:audit_approval_change", args=[approval.pk])).content.decode()
    assert reverse("admin:audit_protection_change", args=[row.pk]) in page, "the way to go on"
    other = WINDOW | {"minutes": 6}
    assert post(client, row, "open-window", **other)[0] == 409, "another window needs another approval"
    act(client, "protection", "open-window", row.pk, **WINDOW)
    assert MaintenanceWindow.objects.get().approval == approval


def test_a_window_that_is_over_but_not_locked_is_still_to_be_closed(row: Protection, cast: Cast) -> None:
    client = signed_in(cast.alice)
    act(client, "protection", "open-window", row.pk, **WINDOW)
    late = timezone.now() - timedelta(minutes=10)
    MaintenanceWindow.objects.update(opened_at=late, closes_at=late + timedelta(minutes=5))
    assert "Close the window now" in page_of(client, row)


def test_who_may_not_open_a_window_meets_403(row: Protection, cast: Cast) -> None:
    for user in (cast.charlie, cast.bob):
        client = signed_in(user)
        assert post(client, row, "open-window", **WINDOW)[0] == 403
        assert "Open a maintenance window" not in page_of(client, row)


# --- attacks ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """One attempt of each outcome, and one whose promise is made up."""
    codes = ("delete.application", "truncate.owner", "unlock-drop.superuser", "update.application")
    chosen = [one for one in suite.ATTEMPTS if one.code in codes]
    untrue = replace(chosen[0], code="made-up", statements=("UPDATE {note} SET words = ''",), title="A made-up attempt",
                     promises=(refused("delete_audit"),))  # fmt: skip
    monkeypatch.setattr(suite, "ATTEMPTS", (*chosen, untrue))


def test_an_attack_is_asked_for_and_its_table_shown(row: Protection, few: None, cast: Cast) -> None:
    client = signed_in(cast.miriam)
    act(client, "protection", "attack", row.pk, reason="Does it hold?")
    run = ProtectionRun.objects.latest("pk")
    tasks.run_protection(run.pk)
    run.refresh_from_db()
    assert run.state == JobState.FAILED, "a made-up promise is broken"
    for url in (reverse("admin:audit_protectionrun_change", args=[run.pk]),
                reverse("admin:audit_protection_change", args=[row.pk])):  # fmt: skip
        page = client.get(url).content.decode()
        badges = ("Refused", "Recorded", "Detected", "Not covered", "Broken: not covered")
        assert all(f">{word}</span>" in page for word in badges), url
        assert page.index("A made-up attempt") < page.index("DELETE of some rows"), "what is broken comes first"
        assert "came through although the policy promises otherwise" in page


def test_an_attack_on_production_itself_needs_a_second_person(row: Protection, few: None, cast: Cast) -> None:
    make_production(row)
    client = signed_in(cast.miriam)
    assert post(client, row, "attack", reason="Does it hold?", on_target="on")[0] == 409
    act(client, "protection", "ask-attack", row.pk, reason="Does it hold?")
    approvals.approve(Approval.objects.get(), actor=cast.actor("bob"))
    act(client, "protection", "attack", row.pk, reason="Does it hold?", on_target="on")
    assert ProtectionRun.objects.latest("pk").approval is not None


def test_who_may_not_attack_meets_403(row: Protection, cast: Cast) -> None:
    for user in (cast.alice, cast.bob, cast.charlie):
        assert post(signed_in(user), row, "attack", reason="x")[0] == 403
