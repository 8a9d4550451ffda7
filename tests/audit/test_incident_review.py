"""Reviewed means that somebody wrote down what was learned, where that is expected, or that an approver waived it."""

from __future__ import annotations

import pytest
from django.utils import timezone

from audit import approvals, incidents, postmortems
from audit.actors import Actor
from audit.admin.base import act_url
from audit.exceptions import IncidentMisfit, NotPermitted, PostMortemOwed, ReasonMissing
from audit.models import Approval, Incident, IncidentKind, IncidentStatus, LedgerEntry, PostMortem, Severity
from audit.templatetags.tovgov import page_of
from tests import factories
from tests.audit.admin.test_acts import signed_in
from tests.audit.test_reviews_command import run
from tests.cast import Cast

pytestmark = pytest.mark.django_db


def resolved(**more: object) -> Incident:
    """One that is over; a loss has its proof."""
    proof = {"proof_kind": "backups.Restore", "proof_id": 1, "proof_line": "All is back.", "proof_at": timezone.now()}
    facts = {"status": "resolved", "resolved_at": timezone.now(), **proof, **more}
    row: Incident = factories.IncidentFactory(**facts)
    return row


@pytest.fixture
def loss(cast: Cast) -> Incident:
    return resolved(kind=IncidentKind.DATA_LOSS)


def write(row: Incident, cast: Cast) -> PostMortem:
    """A post-mortem that Bob has reviewed."""
    written = postmortems.start(row, actor=cast.actor("alice"))
    postmortems.ask_review(written, actor=cast.actor("alice"))
    postmortems.review(written, version=written.version, actor=cast.actor("bob"))
    return written


def waived(row: Incident, cast: Cast) -> Approval:
    approval = incidents.request_waiver(row, actor=cast.actor("alice"), reason="It was a drill.")
    approvals.approve(approval, actor=cast.actor("bob"))
    return approval


@pytest.mark.parametrize(
    "more",
    [{"kind": "data loss"}, {"kind": "dropped database"}, {"kind": "sync"}, {"kind": "other", "severity": "critical"}],
)
def test_where_one_is_expected_none_is_refused(manager: Actor, more: dict[str, str]) -> None:
    row = resolved(**more)
    with pytest.raises(PostMortemOwed):
        incidents.review(row, actor=manager)
    row.refresh_from_db()
    assert (row.status, row.reviewed_by) == (IncidentStatus.RESOLVED, "")


@pytest.mark.parametrize("kind", ["wrong database", "unauthorised access", "schema gap", "failed backup", "other"])
def test_where_none_is_expected_none_is_asked_for(manager: Actor, kind: str) -> None:
    row = resolved(kind=kind, severity=Severity.WARNING)
    incidents.review(row, actor=manager)
    assert row.status == IncidentStatus.REVIEWED


def test_a_draft_and_one_in_review_are_not_enough(loss: Incident, cast: Cast, manager: Actor) -> None:
    written = postmortems.start(loss, actor=cast.actor("alice"))
    with pytest.raises(PostMortemOwed):
        incidents.review(loss, actor=manager)
    postmortems.ask_review(written, actor=cast.actor("alice"))
    with pytest.raises(PostMortemOwed):
        incidents.review(loss, actor=manager)


def test_a_reviewed_one_is(loss: Incident, cast: Cast, manager: Actor) -> None:
    write(loss, cast)
    incidents.review(loss, actor=manager)
    entry = LedgerEntry.objects.get(action="incident.review")
    assert (loss.reviewed_by, entry.detail["post_mortem"]) == ("miriam", "reviewed")


def test_another_incidents_post_mortem_is_not(loss: Incident, cast: Cast, manager: Actor) -> None:
    write(resolved(kind=IncidentKind.DATA_LOSS), cast)
    with pytest.raises(PostMortemOwed):
        incidents.review(loss, actor=manager)


def test_an_approver_waives_it_for_a_reason(loss: Incident, cast: Cast, manager: Actor) -> None:
    approval = incidents.request_waiver(loss, actor=cast.actor("alice"), reason="It was a drill.")
    with pytest.raises(PostMortemOwed):
        incidents.review(loss, actor=manager)
    approvals.approve(approval, actor=cast.actor("bob"))
    incidents.review(loss, actor=manager, note="Nothing to learn.")
    entry = LedgerEntry.objects.get(action="incident.review")
    assert entry.detail["post_mortem"] == "waived by bob: It was a drill."
    assert entry.reason == "Nothing to learn."
    approval.refresh_from_db()
    assert approval.state == "used"


def test_a_refused_waiver_waives_nothing(loss: Incident, cast: Cast, manager: Actor) -> None:
    approval = incidents.request_waiver(loss, actor=cast.actor("alice"), reason="No time.")
    approvals.refuse(approval, actor=cast.actor("bob"), note="Take the time.")
    with pytest.raises(PostMortemOwed):
        incidents.review(loss, actor=manager)


def test_who_waived_it_does_not_review_it(loss: Incident, cast: Cast) -> None:
    cast.bob.groups.add(*cast.miriam.groups.all())
    waived(loss, cast)
    with pytest.raises(PostMortemOwed, match="bob waived"):
        incidents.review(loss, actor=cast.actor("bob"))
    incidents.review(loss, actor=cast.actor("miriam"))


def test_a_waiver_is_of_the_incident_as_it_was(loss: Incident, cast: Cast, manager: Actor) -> None:
    waived(loss, cast)
    incidents.classify(loss, actor=manager, reason="It was worse.", severity=Severity.CRITICAL)
    with pytest.raises(PostMortemOwed):
        incidents.review(loss, actor=manager)


def test_a_waiver_is_used_once(cast: Cast, manager: Actor) -> None:
    row = resolved(kind="other", severity="critical")
    waived(row, cast)
    incidents.review(row, actor=manager)
    incidents.reopen(row, actor=manager, note="It came again.")
    incidents.resolve(row, actor=manager, note="Over.")
    with pytest.raises(PostMortemOwed):
        incidents.review(row, actor=manager)


def test_an_auditor_asks_for_no_waiver(loss: Incident, auditor: Actor) -> None:
    with pytest.raises(NotPermitted):
        incidents.request_waiver(loss, actor=auditor, reason="It is fine.")


def test_a_waiver_needs_a_reason(loss: Incident, asker: Actor) -> None:
    with pytest.raises(ReasonMissing):
        incidents.request_waiver(loss, actor=asker, reason=" ")


def test_nothing_is_waived_that_nobody_expects_or_that_is_open(cast: Cast, asker: Actor) -> None:
    for row in (resolved(kind="other", severity="warning"), factories.IncidentFactory(kind="data loss")):
        with pytest.raises(IncidentMisfit):
            incidents.request_waiver(row, actor=asker, reason="It is fine.")


def test_what_was_reviewed_does_not_become_one_that_expects_more(cast: Cast, manager: Actor) -> None:
    row = resolved(kind="other", severity="warning")
    incidents.review(row, actor=manager)
    with pytest.raises(PostMortemOwed):
        incidents.classify(row, actor=manager, reason="It was worse.", severity=Severity.CRITICAL)
    row.refresh_from_db()
    assert row.severity == "warning"
    incidents.classify(row, actor=manager, reason="A better title.", title="Scripts at night")
    assert row.title == "Scripts at night"


def test_its_page_says_what_is_expected_and_leads_to_the_waiver(loss: Incident, cast: Cast) -> None:
    alice, bob, miriam = (signed_in(person) for person in (cast.alice, cast.bob, cast.miriam))
    assert "A reviewed post-mortem is expected" in miriam.get(page_of(loss)).content.decode()
    review = act_url(loss, "review", loss.pk)
    assert "this will be refused" in miriam.get(review).content.decode()
    refused = miriam.post(review, {"reason": ""})
    assert (refused.status_code, PostMortemOwed.code in refused.content.decode()) == (409, True)
    alice.post(act_url(loss, "ask-waiver", loss.pk), {"reason": "It was a drill."})
    approval = Approval.objects.get()
    bob.post(act_url(approval, "approve", approval.pk), {"reason": ""})
    assert page_of(loss) in alice.get(page_of(approval)).content.decode()
    assert "bob agreed to do without" in miriam.get(review).content.decode()
    assert miriam.post(review, {"reason": ""}).status_code == 302
    loss.refresh_from_db()
    assert loss.reviewed_by == "miriam"


def test_on_the_command_line(loss: Incident, cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("incidents", "review", loss.code, "--as", "miriam")
    assert run(capsys, *words, status=3)["error"]["code"] == PostMortemOwed.code
    asked = run(capsys, "incidents", "review", loss.code, "--ask", "--note", "It was a drill.", "--as", "alice")
    assert (asked["approval_state"], asked["status"]) == ("waiting", "resolved")
    approvals.approve(Approval.objects.get(), actor=cast.actor("bob"))
    assert run(capsys, *words, "--note", "Read.")["status"] == "reviewed"
