"""The timeline: assembled from the records, the same however often, completed by people, never shortened."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit import alerts, incidents, reviews, timeline
from audit.action_items import items
from audit.actors import Actor
from audit.exceptions import IncidentClosed, LineMisfit, NoSuchLine, NoteInvalid, NotPermitted, ReasonMissing
from audit.models import Incident, IncidentKind, LedgerEntry, RunbookStep, Severity, TimelineLine
from audit.runbooks import checklists
from audit.timeline import assembling
from tests import factories
from tests.cast import Cast
from tests.factories import ago

pytestmark = pytest.mark.django_db
BAD = '<script>alert("x")</script><b onclick=x>'


def opened(actor: Actor, **more: Any) -> Incident:
    target = more.pop("target", None) or factories.TargetFactory()
    facts = {"began_at": ago(hours=3), "detected_at": ago(hours=1)} | more
    return incidents.open_incident("Users deleted at night", target=target, actor=actor, **facts)


def told(row: Incident, kind: str = "") -> list[str]:
    rows = row.lines.filter(kind=kind) if kind else row.lines.all()
    return [line.text for line in rows.order_by("at", "pk")]


def night(row: Incident) -> None:
    """One of everything that may stand in a timeline."""
    target = row.target
    factories.BackupFactory(target=target, proved=True, queued_at=ago(hours=9))
    factories.BackupFactory(target=target, failed=True, queued_at=ago(hours=2))
    factories.DeleteAuditTransactionFactory(target=target, at=ago(hours=2.9), row_count=182)
    group = factories.ConnectionGroupFactory(target=target, outcome="failed password", at=ago(hours=2.95))
    for minutes in (176, 177):
        factories.ConnectionAuditLogFactory(
            target=target, of_group=group, outcome="failed password", at=ago(minutes=minutes)
        )
    quiet = factories.ConnectionGroupFactory(target=target, new=[], role="known", at=ago(hours=2.9))
    factories.ConnectionAuditLogFactory(target=target, of_group=quiet, at=ago(hours=2.9))
    lines = factories.ServerLogGroupFactory(target=target, severity=40, at=ago(hours=2.8))
    factories.GroupedLogEntryFactory(of_group=lines, at=ago(hours=2.8))
    drop = factories.ServerLogGroupFactory(target=target, kind="drop", severity=40, at=ago(hours=2.7))
    factories.GroupedLogEntryFactory(of_group=drop, message="statement: DROP TABLE users")
    noise = factories.ServerLogGroupFactory(target=target, severity=20, is_noise=True, at=ago(hours=2.8))
    factories.GroupedLogEntryFactory(of_group=noise, message="checkpoint complete")
    factories.RestoreFactory(target=target, backup__target=target, done=True, queued_at=ago(hours=1))
    factories.UndeleteFactory(target=target, succeeded=True, queued_at=ago(minutes=50))
    approval = factories.ApprovalFactory(target=target)
    type(approval).objects.filter(pk=approval.pk).update(asked_at=ago(minutes=40))
    factories.AlertFactory(target=target, incident=row)


def test_each_kind_of_record_becomes_a_line_and_twice_is_once(asker: Actor) -> None:
    row = opened(asker)
    night(row)
    first = timeline.assemble(row, actor=asker)
    lines = list(row.lines.values_list("pk", "at", "text"))
    assert first.added == len(lines)
    kinds = set(row.lines.values_list("kind", flat=True))
    assert kinds == {"incident", "backup", "delete", "connection", "log", "restore", "undelete", "approval", "alert"}
    assert timeline.assemble(row).added == 0
    assert list(row.lines.values_list("pk", "at", "text")) == lines


def test_connections_are_told_once_a_group_and_noise_not_at_all(asker: Actor) -> None:
    row = opened(asker)
    night(row)
    timeline.assemble(row)
    assert [words.split(":")[0] for words in told(row, "connection")] == ["Not let in, failed password"]
    assert not any("checkpoint complete" in words for words in told(row))
    assert any("DROP TABLE users" in words for words in told(row, "log"))


def test_the_last_proved_backup_before_the_impact_stands_first(asker: Actor) -> None:
    row = opened(asker)
    night(row)
    timeline.assemble(row)
    first = row.lines.order_by("at", "pk").first()
    assert first is not None
    assert first.text.startswith("Data of the proved backup")


def test_what_an_alert_cites_is_told_even_when_it_is_retired(asker: Actor) -> None:
    row = opened(asker)
    alert = factories.AlertFactory(target=row.target, incident=row)
    gone = factories.AlertEvidenceFactory(alert=alert, at=ago(days=30), line="182 rows deleted from GameRequest")
    timeline.assemble(row)
    line = row.lines.get(source_kind="audit.DeleteAuditTransaction", source_id=gone.object_id)
    assert (line.kind, line.text) == ("delete", "182 rows deleted from GameRequest")


def test_a_retired_entry_leaves_its_line(asker: Actor) -> None:
    row = opened(asker)
    lost = factories.DeleteAuditTransactionFactory(target=row.target, at=ago(hours=2))
    timeline.assemble(row)
    lost.delete()
    timeline.assemble(row)
    assert len(told(row, "delete")) == 1


def test_too_much_is_cut_the_incidents_own_first_and_the_number_said(
    asker: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assembling, "CAP", 10)
    row = opened(asker)
    for number in range(25):
        factories.DeleteAuditTransactionFactory(target=row.target, at=ago(hours=2), row_count=number + 1)
        factories.BackupFactory(target=row.target, succeeded=True, made=True, queued_at=ago(hours=1))
    alert = factories.AlertFactory(target=row.target, incident=row)
    small = factories.DeleteAuditTransactionFactory(target=row.target, at=ago(hours=2), row_count=1)
    factories.AlertEvidenceFactory(alert=alert, object_id=small.pk, at=small.at)
    done = timeline.assemble(row)
    assert row.lines.count() == 10
    assert row.lines.filter(source_kind="audit.DeleteAuditTransaction", source_id=small.pk).exists()
    assert {"25 rows were", "24 rows were"} <= {" ".join(words.split()[:3]) for words in told(row, "delete")}
    assert not told(row, "backup")
    assert done.left_out == row.timeline_left_out == 26 + 25 + 1 + 1 - 10
    assert timeline.assemble(row).added == 0


def test_steps_and_reviews_of_the_incident_are_told(asker: Actor, approver: Actor) -> None:
    row = opened(asker)
    lost = factories.DeleteAuditTransactionFactory(target=row.target, at=ago(hours=2))
    reviews.suspect([lost], actor=asker, note="Nobody ran it.", incident=row)
    reviews.close([lost], actor=approver, note="A script.")
    incidents.investigate(row, actor=asker, note="I look.")
    timeline.assemble(row)
    words = told(row, "incident") + told(row, "review")
    assert "alice investigates: I look." in words
    assert any("alice: found suspicious" in one and "Nobody ran it." in one for one in words)
    assert any("bob: closed after a second look" in one for one in words)


def test_what_people_did_about_it_is_told(asker: Actor) -> None:
    row = incidents.open_incident(
        "Dropped", target=factories.TargetFactory(), actor=asker, kind=IncidentKind.DROPPED, began_at=ago(hours=2)
    )
    first = RunbookStep.objects.filter(runbook__incident=row).order_by("runbook", "position")[0]
    checklists.tick(first, actor=asker, note="Seen.")
    checklists.untick(first, actor=asker, reason="It was the other one.")
    item = items.add("Take the rights away", incident=row, actor=asker)
    items.finish(item, actor=asker, note="Done.")
    timeline.assemble(row)
    assert told(row, "answer") == [
        f"alice ticked: {first.title}: Seen.",
        f"alice took the tick back: {first.title}: It was the other one.",
        "alice wrote down what is owed: Take the rights away",
        "alice has done: Take the rights away: Done.",
    ]


def test_without_a_target_its_own_steps_are_told(asker: Actor) -> None:
    row = incidents.open_incident("A password in a chat", target=None, actor=asker)
    timeline.assemble(row)
    assert told(row) == ["The incident was opened by alice"]


# --- once a minute ---------------------------------------------------------------------------------------------------


def test_only_what_changed_is_assembled_again(asker: Actor) -> None:
    row = opened(asker)
    assert timeline.watch() == 1
    row.refresh_from_db()
    long_ago = timezone.now() + timedelta(minutes=10)  # all that stands there now is older
    Incident.objects.filter(pk=row.pk).update(timeline_at=long_ago)
    assert timeline.watch() == 0
    Incident.objects.filter(pk=row.pk).update(timeline_at=timezone.now())
    timeline.add(row, "The script was stopped.", actor=asker)
    assert timeline.watch() == 1


def test_the_last_step_of_an_incident_is_still_told(asker: Actor) -> None:
    row = opened(asker)
    timeline.watch()
    incidents.resolve(row, actor=asker, note="It was a drill.")
    assert timeline.watch() == 1
    assert "Resolved, says alice: It was a drill." in told(row)
    assert timeline.watch() == 0


# --- people ----------------------------------------------------------------------------------------------------------


def test_a_note_has_its_own_time_and_stands_in_the_ledger(asker: Actor) -> None:
    row = opened(asker)
    at = ago(hours=2)
    made = timeline.add(row, f"  {BAD}\0 The phone rang.\n", actor=asker, at=at)
    assert (made.at, made.text, made.added_by) == (at, f"{BAD} The phone rang.", "alice")
    assert LedgerEntry.objects.get(action="incident.note").detail["line"] == made.pk


@pytest.mark.parametrize("words", ["", " \n", "\0", "x" * 10_001])
def test_a_note_without_words_is_none(asker: Actor, words: str) -> None:
    with pytest.raises(NoteInvalid):
        timeline.add(opened(asker), words, actor=asker)


def test_a_note_of_tomorrow_is_refused(asker: Actor) -> None:
    with pytest.raises(NoteInvalid):
        timeline.add(opened(asker), "It will rain.", actor=asker, at=ago(days=-1))


def test_a_hidden_line_stays_on_record_and_is_not_assembled_anew(asker: Actor) -> None:
    row = opened(asker)
    factories.DeleteAuditTransactionFactory(target=row.target, at=ago(hours=2))
    timeline.assemble(row)
    line = row.lines.get(kind="delete")
    with pytest.raises(ReasonMissing):
        timeline.hide(line, actor=asker, reason=" ")
    timeline.hide(line, actor=asker, reason="The nightly clean-up.")
    assert timeline.assemble(row).added == 0
    assert (line.hidden_by, line.hidden_why) == ("alice", "The nightly clean-up.")
    with pytest.raises(LineMisfit):
        timeline.hide(line, actor=asker, reason="Again.")
    timeline.unhide(line, actor=asker)
    assert (line.hidden_at, row.lines.filter(kind="delete").count()) == (None, 1)
    acts = LedgerEntry.objects.filter(action__in=["incident.hide", "incident.unhide"]).order_by("number")
    assert [act.reason for act in acts] == ["The nightly clean-up.", "The nightly clean-up."]


def test_a_line_is_pinned_once(asker: Actor) -> None:
    row = opened(asker)
    line = timeline.add(row, "Here it began.", actor=asker)
    timeline.pin(line, actor=asker)
    with pytest.raises(LineMisfit):
        timeline.pin(line, actor=asker)
    assert TimelineLine.objects.get(pk=line.pk).is_pinned
    timeline.unpin(line, actor=asker)
    assert not line.is_pinned


def test_an_auditor_changes_no_timeline(asker: Actor, auditor: Actor) -> None:
    row = opened(asker)
    line = timeline.add(row, "Here it began.", actor=asker)
    for act in (
        lambda: timeline.add(row, "No.", actor=auditor),
        lambda: timeline.pin(line, actor=auditor),
        lambda: timeline.hide(line, actor=auditor, reason="No."),
        lambda: timeline.assemble(row, actor=auditor),
    ):
        with pytest.raises(NotPermitted):
            act()


def test_a_closed_incident_takes_no_note(asker: Actor) -> None:
    row = opened(asker)
    incidents.close(row, actor=asker, note="A drill.")
    with pytest.raises(IncidentClosed):
        timeline.add(row, "And then.", actor=asker)


def test_a_line_of_another_incident_is_none_of_this(asker: Actor) -> None:
    line = timeline.add(opened(asker), "Here it began.", actor=asker)
    with pytest.raises(NoSuchLine):
        timeline.line(opened(asker), line.pk)


# --- where it begins -------------------------------------------------------------------------------------------------


def cited(at: Any, pk: int) -> alerts.Cited:
    return alerts.Cited("deleteaudittransaction", pk, at, "A delete.")


def ring(actor: Actor, target: Any, *entries: alerts.Cited, fingerprint: str = "target-1") -> Incident:
    row = alerts.alert(
        "anomaly.delete-burst", fingerprint=fingerprint, title="Rows were deleted.", target=target, actor=actor,
        severity=Severity.CRITICAL, evidence=entries, incident="night",
    )  # fmt: skip
    assert row.incident is not None
    return Incident.objects.get(pk=row.incident.pk)


def test_an_incident_of_an_alert_begins_with_its_earliest_evidence(tovgov: Actor) -> None:
    target = factories.TargetFactory()
    early, late, earlier = ago(hours=3), ago(hours=2), ago(hours=5)
    assert ring(tovgov, target, cited(late, 1), cited(early, 2)).began_at == early
    assert ring(tovgov, target, cited(earlier, 3), fingerprint="target-2").began_at == earlier
    assert ring(tovgov, target, cited(ago(hours=6), 4)).began_at < earlier


def test_a_beginning_that_a_person_has_set_stays(tovgov: Actor, cast: Cast) -> None:
    target = factories.TargetFactory()
    row = ring(tovgov, target, cited(ago(hours=3), 1))
    began = ago(hours=1)
    incidents.change_stamps(row, {"began_at": began}, actor=cast.actor("miriam"), reason="The first was a test.")
    assert ring(tovgov, target, cited(ago(hours=4), 2)).began_at == began


def test_a_suspicious_review_says_when_it_began(asker: Actor) -> None:
    target = factories.TargetFactory()
    rows = [factories.DeleteAuditTransactionFactory(target=target, at=ago(hours=hours)) for hours in (2, 4, 3)]
    moved = reviews.suspect(rows[:1], actor=asker, note="Nobody ran it.", title="At night")
    assert moved.incident is not None
    assert moved.incident.began_at == rows[0].at
    reviews.suspect(rows[1:], actor=asker, note="Nor these.", incident=moved.incident)
    assert Incident.objects.get().began_at == rows[1].at
