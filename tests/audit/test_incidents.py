"""Incidents: numbered without a gap, led through their statuses, resolved with a proof, never overwritten unseen."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone

from audit import alerts, approvals, incidents
from audit.actors import Actor
from audit.exceptions import (
    ApprovalMissing,
    IncidentChanged,
    IncidentClosed,
    IncidentMisfit,
    IncidentUnproved,
    NoSuchIncident,
    NotPermitted,
    ReasonMissing,
    StampsOutOfOrder,
    TovgovError,
)
from audit.models import Approval, Cause, Incident, IncidentKind, IncidentStatus, LedgerEntry, Severity, Target
from tests import factories
from tests.cast import Cast
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db


def one(**more: object) -> Incident:
    row: Incident = factories.IncidentFactory(**more)
    return row


def opened(actor: Actor, **more: object) -> Incident:
    return incidents.open_incident("Users deleted at night", target=factories.TargetFactory(), actor=actor, **more)  # type: ignore[arg-type]


def proved(row: Incident) -> Incident:
    Incident.objects.filter(pk=row.pk).update(
        proof_kind="backups.Restore", proof_id=1, proof_line="All rows are back.", proof_at=timezone.now()
    )
    row.refresh_from_db()
    return row


def test_numbers_have_no_gap_even_when_an_opening_is_rolled_back(asker: Actor) -> None:
    first = opened(asker)
    with transaction.atomic():
        opened(asker)
        transaction.set_rollback(True)
    assert opened(asker).number == first.number + 1
    assert str(first) == f"INC-{first.number} Users deleted at night"


def test_the_whole_way(asker: Actor, cast: Cast) -> None:
    row, manager = opened(asker, began_at=factories.ago(hours=2)), cast.actor("miriam")
    incidents.investigate(row, actor=asker)
    assert (row.status, row.lead_name) == (IncidentStatus.INVESTIGATING, "alice")
    incidents.mitigate(row, actor=asker)
    incidents.resolve(row, actor=asker, note="The script is gone.")
    incidents.review(row, actor=manager)
    incidents.close(row, actor=manager, note="Lessons are drawn.")
    assert (row.status, row.closed_by, row.reviewed_by) == (IncidentStatus.CLOSED, "miriam", "miriam")
    times = [row.time_to_detect, row.time_to_acknowledge, row.time_to_mitigate, row.time_to_resolve]
    assert all(time is not None and time >= timedelta(0) for time in times)
    acts = (
        LedgerEntry.objects.filter(action__startswith="incident.").order_by("number").values_list("action", flat=True)
    )
    assert [act.split(".")[1] for act in acts] == ["open", "investigate", "mitigate", "resolve", "review", "close"]


@pytest.mark.parametrize("name", ["12", 12, "INC-12", " inc-12 "])
def test_it_is_found_by_its_number(name: object) -> None:
    row = one(number=12)
    assert incidents.find(name) == row  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "INC-", "13", "-1", "9" * 30, "1; DROP TABLE"])
def test_what_is_no_number_is_none(name: str) -> None:
    with pytest.raises(NoSuchIncident):
        incidents.find(name)


# --- what does not fit ------------------------------------------------------------------------------------------------


def test_the_same_step_twice_does_not_fit(asker: Actor) -> None:
    row = opened(asker)
    incidents.investigate(row, actor=asker)
    with pytest.raises(IncidentMisfit):
        incidents.investigate(row, actor=asker)


def test_what_is_closed_is_not_closed_again(asker: Actor) -> None:
    row = opened(asker)
    incidents.close(row, actor=asker, note="A drill.")
    with pytest.raises(IncidentClosed):
        incidents.close(row, actor=asker, note="Again.")


def test_nothing_joins_a_resolved_one(asker: Actor) -> None:
    row = opened(asker)
    incidents.resolve(row, actor=asker, note="It was a drill.")
    with pytest.raises(IncidentClosed), transaction.atomic():
        incidents.join(row)


def test_without_a_reason_it_is_neither_resolved_nor_reopened(asker: Actor) -> None:
    row = opened(asker)
    with pytest.raises(ReasonMissing):
        incidents.resolve(row, actor=asker, note=" ")
    incidents.resolve(row, actor=asker, note="It was a drill.")
    with pytest.raises(ReasonMissing):
        incidents.reopen(row, actor=asker, note="")


def test_an_auditor_changes_nothing(asker: Actor, cast: Cast) -> None:
    row, auditor = opened(asker), cast.actor("charlie")
    for step in (
        lambda: opened(auditor),
        lambda: incidents.investigate(row, actor=auditor),
        lambda: incidents.resolve(row, actor=auditor, note="Over."),
        lambda: incidents.tell(row, {"summary": "Nothing happened."}, version=1, actor=auditor),
        lambda: incidents.request_acceptance(row, actor=auditor, reason="It is fine."),
    ):
        with pytest.raises(NotPermitted):
            step()


def test_staff_does_not_lead(asker: Actor) -> None:
    row = opened(asker)
    incidents.resolve(row, actor=asker, note="Over.")
    for step in (
        lambda: incidents.review(row, actor=asker),
        lambda: incidents.change_stamps(row, {"began_at": None}, actor=asker, reason="Wrong."),
        lambda: incidents.classify(row, actor=asker, reason="Wrong.", severity=Severity.INFO),
    ):
        with pytest.raises(NotPermitted):
            step()


# --- a loss -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [IncidentKind.DATA_LOSS, IncidentKind.DROPPED, IncidentKind.SYNC])
def test_a_loss_without_a_proof_is_neither_resolved_nor_closed(asker: Actor, kind: IncidentKind) -> None:
    row = opened(asker, kind=kind)
    with pytest.raises(IncidentUnproved):
        incidents.resolve(row, actor=asker, note="All is well.")
    with pytest.raises(IncidentUnproved):
        incidents.close(row, actor=asker, note="All is well.")


def test_the_database_refuses_it_too() -> None:
    row = one(kind="data loss")
    with pytest.raises(IntegrityError, match="a_data_loss_resolves_with_a_proof"), transaction.atomic():
        Incident.objects.filter(pk=row.pk).update(status="resolved", resolved_at=timezone.now())


def test_a_loss_with_a_proof_is_resolved_and_reopening_takes_the_proof_back(asker: Actor) -> None:
    row = proved(opened(asker, kind=IncidentKind.DATA_LOSS))
    incidents.resolve(row, actor=asker, note="All rows are back.")
    incidents.reopen(row, actor=asker, note="One table was forgotten.")
    assert (row.status, row.proof_at, row.resolved_at) == (IncidentStatus.INVESTIGATING, None, None)
    entry = LedgerEntry.objects.get(action="incident.resolve")
    assert entry.detail["proof"] == "All rows are back."


def test_an_approver_accepts_a_loss_for_a_reason(asker: Actor, cast: Cast) -> None:
    row = opened(asker, kind=IncidentKind.DATA_LOSS)
    Incident.objects.filter(pk=row.pk).update(lost_rows=40, returned_rows=36)
    row.refresh_from_db()
    with pytest.raises(ApprovalMissing):
        incidents.accept_loss(row, actor=asker)
    approval = incidents.request_acceptance(row, actor=asker, reason="Four sessions; nobody needs them.")
    assert "4 lost rows" in approval.summary
    approvals.approve(approval, actor=cast.actor("bob"))
    incidents.accept_loss(row, actor=asker)
    incidents.resolve(row, actor=asker, note="Four sessions are given up.")
    assert (row.status, row.acceptance) == (IncidentStatus.RESOLVED, approval)


def test_an_acceptance_fits_no_other_loss(asker: Actor, cast: Cast) -> None:
    row = opened(asker, kind=IncidentKind.DATA_LOSS)
    approval = incidents.request_acceptance(row, actor=asker, reason="Nobody needs them.")
    approvals.approve(approval, actor=cast.actor("bob"))
    Incident.objects.filter(pk=row.pk).update(lost_rows=1_000_000)
    with pytest.raises(ApprovalMissing):
        incidents.accept_loss(row, actor=asker)
    assert Approval.objects.get().state == "approved"


# --- words, kinds and times -------------------------------------------------------------------------------------------


def test_two_editors_at_once_lose_nothing(asker: Actor, cast: Cast) -> None:
    row = opened(asker)
    same = Incident.objects.get(pk=row.pk)
    incidents.tell(row, {"summary": "A script ran twice."}, version=1, actor=asker, causes=[Cause.SCRIPT])
    with pytest.raises(IncidentChanged):
        incidents.tell(same, {"summary": "Somebody did it."}, version=1, actor=cast.actor("miriam"))
    incidents.tell(same, {"summary": "The sync ran twice."}, version=2, actor=cast.actor("miriam"))
    former = LedgerEntry.objects.filter(action="incident.tell").latest("number").detail["before"]
    assert former == {"summary": "A script ran twice."}
    row.refresh_from_db()
    assert (row.summary, row.version, row.causes) == ("The sync ran twice.", 3, ["script"])


def test_times_out_of_order_are_refused(asker: Actor, cast: Cast) -> None:
    row, manager = opened(asker), cast.actor("miriam")
    stamps = {"began_at": factories.ago(hours=-1)}
    with pytest.raises(StampsOutOfOrder):
        incidents.change_stamps(row, stamps, actor=manager, reason="It began later.")
    with pytest.raises(StampsOutOfOrder):
        incidents.mitigate(row, actor=asker, at=factories.ago(days=2))
    with pytest.raises(StampsOutOfOrder):
        opened(asker, began_at=factories.ago(hours=1), detected_at=factories.ago(hours=2))
    incidents.change_stamps(row, {"began_at": factories.ago(hours=3)}, actor=manager, reason="The log says so.")
    assert row.time_to_detect is not None


def test_what_was_resolved_cannot_become_an_unproved_loss(asker: Actor, cast: Cast) -> None:
    row = opened(asker)
    incidents.resolve(row, actor=asker, note="Nothing was lost.")
    with pytest.raises(IncidentUnproved):
        incidents.classify(row, actor=cast.actor("miriam"), reason="Rows are missing.", kind=IncidentKind.DATA_LOSS)


def test_the_lead_must_be_able_to_work_on_it(asker: Actor, cast: Cast) -> None:
    row, manager = opened(asker), cast.actor("miriam")
    with pytest.raises(TovgovError):
        incidents.classify(row, actor=manager, reason="She knows it.", lead=cast.charlie)
    incidents.classify(row, actor=manager, reason="She knows it.", lead=cast.alice)
    assert (row.lead, row.lead_name) == (cast.alice, "alice")


# --- the same cause ---------------------------------------------------------------------------------------------------


def test_the_same_cause_joins_the_unresolved_one_and_grows(asker: Actor) -> None:
    first = opened(asker, fingerprint="night", severity=Severity.WARNING)
    began = factories.ago(hours=5)
    again = opened(asker, fingerprint="night", severity=Severity.CRITICAL, kind=IncidentKind.SYNC, began_at=began)
    assert again == first
    assert (again.severity, again.kind, again.began_at) == (Severity.CRITICAL, IncidentKind.SYNC, began)


def test_after_its_resolution_the_same_cause_opens_another_and_the_former_stays_shut(asker: Actor) -> None:
    first = opened(asker, fingerprint="night")
    incidents.resolve(first, actor=asker, note="The script is gone.")
    second = opened(asker, fingerprint="night")
    assert second != first
    with pytest.raises(IncidentMisfit, match="same cause"):
        incidents.reopen(first, actor=asker, note="Again.")


# --- at the same time -------------------------------------------------------------------------------------------------


def apart(act: Callable[[], object]) -> None:
    """In a session of its own, as another worker does it."""
    try:
        act()
    finally:
        connections.close_all()


def a_session_waits() -> bool:
    """Whether a session waits for a lock of ours."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("meanwhile", ["an alert joins it", "another is opened", "a target's row is referred to"])
def test_who_works_on_an_incident_and_who_adds_to_it_never_wait_for_each_other(
    asker: Actor, tovgov: Actor, meanwhile: str
) -> None:
    row = opened(asker, fingerprint="night")
    acts: dict[str, Callable[[], object]] = {
        "an alert joins it": lambda: alerts.alert(
            "anomaly.silence", fingerprint="n", title="Silent", target=row.target, actor=tovgov, incident="night"
        ),
        "another is opened": lambda: opened(asker),
        "a target's row is referred to": lambda: incidents.open_incident("Another", target=row.target, actor=asker),
    }
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Target.objects.select_for_update(no_key=True).get(pk=row.target_id)
            incidents.hold(row)
            other = pool.submit(apart, acts[meanwhile])
            wait_until(lambda: other.done() or a_session_waits())
            incidents.tell(row, {"summary": "Everything is known."}, version=row.version, actor=asker)
        other.result()
