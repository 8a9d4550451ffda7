"""Four eyes: one asks, another decides, and the approval fits one exact act, once."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.utils import IntegrityError
from django.utils import timezone

from audit import approvals
from audit.actors import Actor
from audit.exceptions import ApprovalClosed, ApprovalMissing, NotPermitted, ReasonMissing, SelfApproval
from audit.models import Approval, ApprovalState, LedgerEntry
from tests.cast import person

pytestmark = pytest.mark.django_db
ACT = "restore.replace"
WHAT = {"target": 1, "backup": 7}


def ask(actor: Actor, **facts: Any) -> Approval:
    defaults: dict[str, Any] = {"target": None, "what": WHAT, "summary": "Replace TovPlay", "reason": "it was emptied"}
    return approvals.request(ACT, actor=actor, **defaults | facts)


def actor(username: str, group: str) -> Actor:
    return Actor.person(person(username, group), "tests")


def actions() -> list[str]:
    return list(LedgerEntry.objects.order_by("number").values_list("action", flat=True))


@transaction.atomic
def use(actor: Actor, what: dict[str, Any] = WHAT, action: str = ACT) -> Approval:
    return approvals.require(action, actor=actor, what=what)


def test_one_asks_another_approves_and_it_is_used_once(asker: Actor, approver: Actor) -> None:
    approval = ask(asker)
    approvals.approve(approval, actor=approver, note="seen")
    assert (approval.state, approval.decided_name, approval.note) == (ApprovalState.APPROVED, "bob", "seen")
    assert use(asker).pk == approval.pk
    with pytest.raises(ApprovalMissing):
        use(asker)
    assert actions() == ["approval.request", "approval.approve", "approval.use"]


def test_a_request_without_a_reason_is_refused(asker: Actor) -> None:
    with pytest.raises(ReasonMissing):
        ask(asker, reason="  ")


def test_asking_twice_for_the_same_is_one_request(asker: Actor) -> None:
    assert ask(asker).pk == ask(asker).pk
    assert actions() == ["approval.request"]


@pytest.mark.usefixtures("cast")
def test_nobody_approves_their_own_request() -> None:
    both = actor("dora", "approver")
    approval = ask(both)
    with pytest.raises(SelfApproval):
        approvals.approve(approval, actor=both)
    with pytest.raises(ApprovalMissing):
        use(both)


@pytest.mark.usefixtures("cast")
def test_a_new_user_name_makes_no_second_person() -> None:
    both = actor("dora", "approver")
    approval = ask(both)
    assert both.user is not None
    both.user.username = "theodora"
    both.user.save()
    with pytest.raises(SelfApproval):
        approvals.approve(approval, actor=Actor.person(both.user, "test"))


@pytest.mark.parametrize("column", ["decided_name", "decided_by"])
def test_the_database_refuses_self_approval_too(asker: Actor, column: str) -> None:
    approval = ask(asker)
    value = {"decided_name": "alice", "decided_by": asker.user}[column]
    with pytest.raises(IntegrityError, match="nobody_approves_their_own_request"):
        Approval.objects.filter(pk=approval.pk).update(
            state=ApprovalState.APPROVED, decided_at=timezone.now(), **{column: value}
        )


def test_who_may_not_decide_is_refused(asker: Actor, auditor: Actor) -> None:
    approval = ask(asker)
    for act in (approvals.approve, approvals.refuse):
        with pytest.raises(NotPermitted):
            act(approval, actor=auditor, note="no")


def test_tovgov_itself_approves_nothing(asker: Actor, tovgov: Actor) -> None:
    with pytest.raises(NotPermitted):
        approvals.approve(ask(asker), actor=tovgov)


@pytest.mark.parametrize(
    ("action", "what"),
    [
        ("restore.recover", WHAT),
        (ACT, {"target": 1, "backup": 8}),
        (ACT, {"target": 1}),
        (ACT, WHAT | {"override_loss": True}),
    ],
)
def test_an_approval_fits_nothing_else(asker: Actor, approver: Actor, action: str, what: dict[str, Any]) -> None:
    approvals.approve(ask(asker), actor=approver)
    with pytest.raises(ApprovalMissing):
        use(asker, what, action)


def test_the_approver_does_not_act_on_the_own_approval(asker: Actor, approver: Actor) -> None:
    approvals.approve(ask(asker), actor=approver)
    with pytest.raises(ApprovalMissing):
        use(approver)
    assert use(asker).state == ApprovalState.USED


def test_a_refused_request_gives_nothing(asker: Actor, approver: Actor) -> None:
    approval = ask(asker)
    with pytest.raises(ReasonMissing):
        approvals.refuse(approval, actor=approver, note="")
    approvals.refuse(approval, actor=approver, note="wait for the maintenance window")
    with pytest.raises(ApprovalMissing):
        use(asker)
    with pytest.raises(ApprovalClosed):
        approvals.approve(approval, actor=approver)


def test_a_request_that_expired_is_no_longer_decided(asker: Actor, approver: Actor) -> None:
    approval = ask(asker)
    Approval.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(ApprovalClosed):
        approvals.approve(approval, actor=approver)


def test_an_approval_that_expired_is_no_longer_used(asker: Actor, approver: Actor) -> None:
    approval = ask(asker)
    approvals.approve(approval, actor=approver)
    Approval.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(ApprovalMissing):
        use(asker)
    assert approvals.expire() == 1
    approval.refresh_from_db()
    assert (approval.state, approval.decided_name) == (ApprovalState.EXPIRED, "bob"), "who decided stays known"


def test_the_hours_of_an_approval_are_a_setting(asker: Actor, settings: Any) -> None:
    settings.TOVGOV_APPROVAL_HOURS = 2
    left = ask(asker).expires_at - timezone.now()
    assert timedelta(hours=1.9) < left <= timedelta(hours=2)


def test_find_names_the_request_for_exactly_this_act(asker: Actor) -> None:
    approval = ask(asker)
    assert approvals.find(ACT, WHAT) == approval
    assert approvals.find(ACT, {"target": 2}) is None


@pytest.mark.django_db(transaction=True)
def test_of_two_acts_that_want_the_same_approval_one_gets_it(asker: Actor, approver: Actor) -> None:
    approvals.approve(ask(asker), actor=approver)
    start = threading.Barrier(4)
    outcomes: list[str] = []

    def act() -> None:
        try:
            start.wait()
            use(asker)
            outcomes.append("used")
        except ApprovalMissing:
            outcomes.append("missing")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=act) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["missing"] * 3 + ["used"]
    assert actions().count("approval.use") == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_approvers_who_decide_at_once_one_is_heard(asker: Actor, approver: Actor) -> None:
    dora = actor("dora", "approver")
    approval = ask(asker)
    start = threading.Barrier(2)
    outcomes: list[str] = []

    def decide(actor: Actor) -> None:
        try:
            start.wait()
            approvals.refuse(Approval.objects.get(pk=approval.pk), actor=actor, note="no")
            outcomes.append("heard")
        except ApprovalClosed:
            outcomes.append("closed")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=decide, args=(actor,)) for actor in (approver, dora)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["closed", "heard"]
