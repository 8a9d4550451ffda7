"""Reviews: what fits which state, who is a second person, and that nobody edits what was."""

from __future__ import annotations

import threading

import pytest
from django.db import DatabaseError, IntegrityError, connections, transaction

from audit import incidents, reviews
from audit.actors import Actor
from audit.exceptions import (
    IncidentClosed,
    IncidentInvalid,
    IncidentUnanswered,
    NoSuchReview,
    NotPermitted,
    ReasonMissing,
    ReviewBySame,
    ReviewMisfit,
    ReviewTooMany,
    TovgovError,
)
from audit.models import DeleteAuditTransaction, Incident, LedgerEntry, ReviewEvent, ReviewState
from tests import factories
from tests.cast import Cast

pytestmark = pytest.mark.django_db

NOTE = "Nobody of us ran this."


def one(**more: object) -> DeleteAuditTransaction:
    row: DeleteAuditTransaction = factories.DeleteAuditTransactionFactory(**more)
    return row


def suspect(row: DeleteAuditTransaction, actor: Actor) -> Incident:
    moved = reviews.suspect([row], actor=actor, note=NOTE, title="Requests deleted at night")
    assert moved.incident is not None
    return moved.incident


def test_taken_accepted_closed(asker: Actor) -> None:
    row = one()
    reviews.take([row], actor=asker)
    assert (row.state, row.assignee_name) == (ReviewState.IN_REVIEW, "alice")
    reviews.accept([row], actor=asker, note="The clean-up of March.")
    assert (row.state, row.decided_by) == (ReviewState.ACCEPTED, "alice")
    reviews.close([row], actor=asker)
    assert (row.state, row.closed_by) == (ReviewState.CLOSED, "alice")
    steps = [(e.act, e.from_state, e.to_state, e.who, e.note) for e in reviews.history(row)]
    assert steps == [
        ("take", "unreviewed", "in review", "alice", ""),
        ("accept", "in review", "accepted", "alice", "The clean-up of March."),
        ("close", "accepted", "closed", "alice", ""),
    ]
    assert LedgerEntry.objects.filter(action__startswith="review.").count() == 3


@pytest.mark.parametrize(
    ("act", "state"),
    [(act, state) for act, states in reviews.FROM.items() for state in ReviewState if state not in states],
)
def test_an_act_that_does_not_fit_is_refused(act: str, state: ReviewState, asker: Actor, cast: Cast) -> None:
    row = one(state=state, incident=factories.IncidentFactory(), closed_by="bob", decided_by="miriam")
    verbs = {
        "take": lambda: reviews.take([row], actor=asker),
        "assign": lambda: reviews.assign([row], cast.bob, actor=asker),
        "accept": lambda: reviews.accept([row], actor=asker),
        "suspect": lambda: reviews.suspect([row], actor=asker, note=NOTE, title="Again"),
        "close": lambda: reviews.close([row], actor=asker, note=NOTE),
        "reopen": lambda: reviews.reopen([row], actor=asker, note=NOTE),
    }
    before = Incident.objects.count()
    with pytest.raises(ReviewMisfit):
        verbs[act]()
    assert Incident.objects.count() == before, "an incident that nothing joined is not opened"
    assert not ReviewEvent.objects.exists()
    assert not LedgerEntry.objects.filter(action__startswith="review.").exists()


def test_suspicious_opens_an_incident_of_the_target(asker: Actor) -> None:
    row = one(target=factories.TargetFactory(production=True))
    incident = suspect(row, asker)
    assert (row.state, row.incident, incident.target) == (ReviewState.SUSPICIOUS, incident, row.target)
    assert incident.severity == "critical"
    assert list(incidents.suspicious(incident)) == [row]


def test_suspicious_joins_an_open_incident(asker: Actor) -> None:
    incident = factories.IncidentFactory()
    row = one()
    reviews.suspect([row], actor=asker, note=NOTE, incident=incident)
    assert row.incident == incident
    assert Incident.objects.count() == 1


def test_a_closed_incident_is_not_joined(asker: Actor) -> None:
    incident, row = factories.IncidentFactory(status="closed", closed_at=factories.ago(hours=1), closed_by="bob"), one()
    with pytest.raises(IncidentClosed):
        reviews.suspect([row], actor=asker, note=NOTE, incident=incident)
    row.refresh_from_db()
    assert row.state == ReviewState.UNREVIEWED


def test_an_incident_needs_a_title(asker: Actor) -> None:
    with pytest.raises(IncidentInvalid):
        reviews.suspect([one()], actor=asker, note=NOTE)


@pytest.mark.parametrize("act", ["close", "reopen"])
def test_what_one_found_suspicious_needs_a_second_person(act: str, asker: Actor, approver: Actor) -> None:
    row = one()
    suspect(row, asker)
    with pytest.raises(ReviewBySame):
        getattr(reviews, act)([row], actor=asker, note=NOTE)
    getattr(reviews, act)([row], actor=approver, note="Looked at together.")
    assert row.state == (ReviewState.CLOSED if act == "close" else ReviewState.IN_REVIEW)


def test_a_new_name_is_no_second_person(cast: Cast, asker: Actor) -> None:
    row = one()
    suspect(row, asker)
    cast.alice.username = "alicia"
    cast.alice.save()
    with pytest.raises(ReviewBySame):
        reviews.close([row], actor=cast.actor("alice"), note=NOTE)


def test_reopening_and_accepting_is_no_way_around_the_second_person(asker: Actor, approver: Actor) -> None:
    row = one()
    suspect(row, asker)
    reviews.reopen([row], actor=approver, note="Is it really?")
    reviews.accept([row], actor=asker)
    with pytest.raises(ReviewBySame):
        reviews.close([row], actor=asker, note=NOTE)
    reviews.close([row], actor=approver, note="It was the clean-up.")


def test_the_database_refuses_a_suspicious_one_closed_by_the_same(cast: Cast, asker: Actor) -> None:
    row = one()
    suspect(row, asker)
    rows = DeleteAuditTransaction.objects.filter(pk=row.pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(state="closed", closed_by="alice")
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(state="closed", closed_by="alicia", closed_user=cast.alice)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(incident=None)


def test_history_cannot_be_edited(asker: Actor) -> None:
    reviews.take([one()], actor=asker)
    for act in (ReviewEvent.objects.all().delete, lambda: ReviewEvent.objects.update(who="bob")):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            act()


def test_many_are_one_act_in_the_ledger(asker: Actor) -> None:
    rows = [one() for _ in range(3)]
    reviews.accept([rows[0]], actor=asker)
    moved = reviews.accept(rows, actor=asker, note="All of the clean-up.")
    assert (moved.changed, moved.left_out) == (2, 1)
    entry = LedgerEntry.objects.filter(action="review.accept").first()
    assert entry is not None
    assert (entry.detail["count"], entry.detail["left_out"]) == (2, 1)
    assert entry.detail["ids"] == [row.pk for row in rows[1:]]
    assert ReviewEvent.objects.filter(act="accept").count() == 3


def test_more_than_the_cap_are_refused(asker: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviews, "CAP", 1)
    with pytest.raises(ReviewTooMany):
        reviews.accept([one(), one()], actor=asker)


def test_an_auditor_does_not_review(auditor: Actor) -> None:
    row = one()
    for verb in (reviews.take, reviews.accept, reviews.close):
        with pytest.raises(NotPermitted):
            verb([row], actor=auditor)
    with pytest.raises(NotPermitted):
        reviews.suspect([row], actor=auditor, note=NOTE, title="Mine")
    assert not Incident.objects.exists()


def test_only_a_person_reviews(tovgov: Actor) -> None:
    with pytest.raises(NotPermitted):
        reviews.accept([one()], actor=tovgov)


def test_nobody_is_assigned_who_may_not_review(cast: Cast, asker: Actor) -> None:
    with pytest.raises(NotPermitted):
        reviews.assign([one()], cast.charlie, actor=asker)
    row = one()
    reviews.assign([row], cast.bob, actor=asker)
    assert (row.assignee, row.state) == (cast.bob, ReviewState.IN_REVIEW)


def test_what_must_have_words_has_them(asker: Actor) -> None:
    row = one()
    for act in (
        lambda: reviews.suspect([row], actor=asker, note=" ", title="x"),
        lambda: reviews.reopen([row], actor=asker, note=""),
        lambda: reviews.add_note([row], actor=asker, note=""),
    ):
        with pytest.raises(ReasonMissing):
            act()


def test_a_note_changes_nothing_else(asker: Actor) -> None:
    row = one()
    reviews.add_note([row], actor=asker, note="Asked the owner.")
    assert row.state == ReviewState.UNREVIEWED
    assert [event.note for event in reviews.history(row)] == ["Asked the owner."]


def test_an_incident_is_closed_when_nothing_in_it_is_suspicious(asker: Actor, approver: Actor) -> None:
    row = one()
    incident = suspect(row, asker)
    with pytest.raises(IncidentUnanswered):
        incidents.close(incident, actor=approver, note="Done.")
    reviews.close([row], actor=approver, note="It was a script.")
    with pytest.raises(ReasonMissing):
        incidents.close(incident, actor=approver, note="")
    incidents.close(incident, actor=approver, note="The script is gone.")
    assert (incident.is_open, incident.closed_by) == (False, "bob")
    with pytest.raises(IncidentClosed):
        incidents.close(incident, actor=approver, note="Again.")


def test_unknown_numbers_are_named() -> None:
    with pytest.raises(NoSuchReview, match="42"):
        reviews.find("deletion", [one().pk, 42_000])
    with pytest.raises(NoSuchReview, match="deletion"):
        reviews.find("wine", [1])


@pytest.mark.django_db(transaction=True)
def test_two_at_once_are_one(cast: Cast) -> None:
    row = one()
    outcomes: list[str] = []

    def act(name: str) -> None:
        try:
            reviews.accept([DeleteAuditTransaction.objects.get(pk=row.pk)], actor=cast.actor(name))
            outcomes.append("done")
        except TovgovError as error:
            outcomes.append(error.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=act, args=(name,)) for name in ("alice", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "review.misfit"]
    assert ReviewEvent.objects.count() == 1
