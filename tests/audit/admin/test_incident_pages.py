"""Incidents in the admin: every step by its button, both texts when two write at once, and nothing that bites."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit import approvals, incidents, losses, timeline
from audit.admin.base import act_url
from audit.admin.incidents import story_url
from audit.models import Approval, Incident, IncidentStatus, LossCount, TimelineLine
from audit.templatetags.tovgov import page_of
from tests import factories
from tests.audit.admin.test_acts import signed_in
from tests.cast import Cast
from tests.factories import ago

pytestmark = pytest.mark.django_db
BITES = "<script>alert(1)</script><img src=x onerror=alert(2)>[a](javascript:alert(3))"
TIME = "%Y-%m-%dT%H:%M:%S"


def text(client: Client, url: str) -> str:
    answer = client.get(url, follow=True)
    assert answer.status_code == 200, url
    return " ".join(answer.content.decode().split())


def do(client: Client, row: Any, slug: str, **data: Any) -> str:
    answer = client.post(act_url(row, slug, row.pk), data, follow=True)
    row.refresh_from_db()
    return " ".join(answer.content.decode().split())


def lossy(**more: Any) -> Incident:
    row: Incident = factories.IncidentFactory(kind="data loss", began_at=ago(hours=3), **more)
    factories.BackupFactory(target=row.target, proved=True, queued_at=ago(hours=4))
    return row


def test_an_incident_is_opened_by_hand(cast: Cast) -> None:
    target, client = factories.TargetFactory(), signed_in(cast.alice)
    began = ago(hours=2)
    data = {"title": "Users are gone", "target": target.pk, "kind": "data loss", "severity": "critical"}
    data |= {"reason": "The phone rang.", "began_at": began.strftime(TIME), "detected_at": ""}
    client.post("/admin/audit/incident/add/", data)
    row = Incident.objects.get()
    assert (row.title, row.kind, row.opened_by, row.target) == ("Users are gone", "data loss", "alice", target)
    assert row.began_at == began.replace(microsecond=0)
    page = text(client, page_of(row))
    assert row.code in page
    assert "Nobody has computed yet what was lost." in page


def test_times_out_of_order_are_refused_and_what_was_typed_stays(cast: Cast) -> None:
    data = {"title": "Users are gone", "kind": "other", "severity": "warning"}
    data |= {"began_at": ago(hours=1).strftime(TIME), "detected_at": ago(hours=2).strftime(TIME)}
    answer = signed_in(cast.alice).post("/admin/audit/incident/add/", data)
    assert answer.status_code == 409
    assert "out of order" in answer.content.decode()
    assert "Users are gone" in answer.content.decode()
    assert not Incident.objects.exists()


def test_every_step_by_its_button(cast: Cast) -> None:
    row = factories.IncidentFactory()
    alice, miriam = signed_in(cast.alice), signed_in(cast.miriam)
    do(alice, row, "investigate", reason="The log.")
    assert (row.status, row.lead_name) == (IncidentStatus.INVESTIGATING, "alice")
    do(alice, row, "mitigate", reason="", at="")
    do(alice, row, "resolve", reason="The script is gone.", at="")
    assert row.status == IncidentStatus.RESOLVED
    assert "waits for its review" in text(miriam, page_of(row))
    do(miriam, row, "review", reason="")
    do(miriam, row, "close", reason="Lessons are drawn.")
    assert (row.status, row.closed_by) == (IncidentStatus.CLOSED, "miriam")
    do(miriam, row, "reopen", reason="It came again.")
    assert row.status == IncidentStatus.INVESTIGATING


def test_the_next_step_stands_out_and_later_ones_wait(cast: Cast) -> None:
    row = factories.IncidentFactory()
    buttons = {b["label"]: b for b in signed_in(cast.miriam).get(page_of(row)).context["buttons"]}
    assert buttons["I take it"]["tone"] == "primary"
    assert buttons["Resolve"]["minor"]
    assert not buttons["Add a note"]["minor"]


def test_a_loss_without_a_proof_is_not_resolved_and_the_page_says_why(cast: Cast) -> None:
    row, client = lossy(), signed_in(cast.alice)
    assert "this will be refused" in text(client, act_url(row, "resolve", row.pk))
    assert "incident.unproved" in do(client, row, "resolve", reason="All is well.", at="")
    assert row.status == IncidentStatus.OPEN


def test_the_loss_is_computed_shown_and_proved(cast: Cast) -> None:
    row, client = lossy(), signed_in(cast.alice)
    do(client, row, "count-loss")
    assert LossCount.objects.get().state == "queued"
    assert "Being computed" in text(client, page_of(row))
    assert client.get(page_of(LossCount.objects.get())).status_code == 200
    comparison = [{"schema": "public", "name": "User", "live": 0}]
    proof = {"holds": True, "tables": [{"schema": "public", "name": "User", "found_rows": 23}]}
    restore = factories.RestoreFactory(
        backup=row.target.backups.get(), done=True, queued_at=ago(hours=1), comparison=comparison, proof=proof
    )
    assert "This would prove it" in text(client, page_of(row))
    assert f"restore-{restore.pk}" in text(client, act_url(row, "prove", row.pk))
    do(client, row, "prove", fitting=f"restore-{restore.pk}", name="")
    page = text(client, page_of(row))
    assert row.proof_id == restore.pk
    assert "no goal" in page
    assert "public.User" in page


def test_a_wrong_proof_is_refused_by_its_name(cast: Cast) -> None:
    row, client = lossy(), signed_in(cast.alice)
    other = factories.RestoreFactory(done=True)
    assert "incident.proof_of_another" in do(client, row, "prove", name=f"restore-{other.pk}")
    assert "incident.proof_unknown" in do(client, row, "prove", name="restore-999999")
    assert "incident.proof_unknown" in do(client, row, "prove", name="")


def test_an_approver_accepts_the_loss_and_it_is_used(cast: Cast) -> None:
    row, alice = lossy(), signed_in(cast.alice)
    do(alice, row, "ask-acceptance", reason="Nobody needs these rows.")
    approval = Approval.objects.get()
    approvals.approve(approval, actor=cast.actor("bob"))
    assert page_of(row) in text(alice, page_of(approval))
    do(alice, row, "accept-loss")
    assert row.acceptance == approval
    assert "Loss accepted" in text(alice, page_of(row))


def test_unknown_is_never_shown_as_nothing(cast: Cast) -> None:
    row = lossy()
    losses.compute(row, actor=cast.actor("alice"))
    page = text(signed_in(cast.charlie), page_of(row))
    assert "<dt>Rows lost</dt><dd>unknown</dd>" in page
    assert "unknown" in text(signed_in(cast.charlie), "/admin/audit/incident/")


def test_times_are_corrected_and_unchanged_ones_left_alone(cast: Cast) -> None:
    row = factories.IncidentFactory(began_at=ago(hours=2))
    client, before = signed_in(cast.miriam), row.detected_at
    began = ago(hours=5).replace(microsecond=0)
    stamps = {"began_at": began.strftime(TIME), "detected_at": row.detected_at.strftime(TIME)}
    do(client, row, "stamps", reason="The log says so.", **stamps)
    assert (row.began_at, row.detected_at) == (began, before)
    stamps["began_at"] = ago(hours=-1).strftime(TIME)
    assert "incident.stamps" in do(client, row, "stamps", reason="No.", **stamps)


def test_a_lead_and_a_kind_are_given(cast: Cast) -> None:
    row, client = factories.IncidentFactory(), signed_in(cast.miriam)
    data = {"title": "Users emptied", "kind": "sync", "severity": "critical", "lead": cast.alice.pk}
    do(client, row, "classify", reason="We know more.", **data)
    assert (row.title, row.kind, row.severity, row.lead_name) == ("Users emptied", "sync", "critical", "alice")


# --- the story -------------------------------------------------------------------------------------------------------


def test_two_who_write_at_once_see_both_texts_and_lose_nothing(cast: Cast) -> None:
    row, alice, miriam = factories.IncidentFactory(), signed_in(cast.alice), signed_in(cast.miriam)
    mine = {"version": 1, "summary": "The sync ran twice.", "impact": "Nobody could sign in.", "causes": ["script"]}
    assert alice.post(story_url(row), mine).status_code == 302
    answer = miriam.post(story_url(row), {"version": 1, "summary": "A script emptied the users."})
    page = answer.content.decode()
    assert answer.status_code == 409
    for words in ("The sync ran twice.", "A script emptied the users.", "Nobody could sign in.", "incident.changed"):
        assert words in page
    row.refresh_from_db()
    assert (row.summary, row.causes) == ("The sync ran twice.", ["script"])
    assert 'name="version" value="2"' in page
    both = {"version": 2, "summary": "The sync ran twice and emptied the users.", "impact": "Nobody could sign in."}
    assert miriam.post(story_url(row), both).status_code == 302
    row.refresh_from_db()
    assert row.summary == "The sync ran twice and emptied the users."


def test_html_and_script_in_every_field_stay_words(cast: Cast) -> None:
    row = lossy(title=BITES[:200], reason=BITES, opened_by=BITES[:100], lead_name=BITES[:100])
    miriam, actor = signed_in(cast.miriam), cast.actor("alice")
    incidents.tell(row, dict.fromkeys(incidents.STORY, BITES), version=1, actor=actor)
    line = timeline.add(row, BITES, actor=actor)
    timeline.hide(line, actor=actor, reason=BITES)
    factories.DeleteAuditTransactionFactory(
        target=row.target, at=ago(hours=2), session_role=BITES[:63], application_user=BITES, tables={BITES: 1}
    )
    factories.AlertFactory(target=row.target, incident=row, title=BITES)
    timeline.assemble(row)
    losses.compute(row, actor=actor)
    incidents.close(factories.IncidentFactory(), actor=actor, note=BITES)
    pages = [page_of(one) for one in Incident.objects.all()] + [story_url(row), "/admin/audit/incident/"]
    pages += [f"{page_of(row)}?hidden=1&kind=note", page_of(line), "/admin/audit/timelineline/"]
    pages += [act_url(row, slug, row.pk) for slug in ("classify", "prove", "resolve", "note")]
    pages += [act_url(line, "show", line.pk)]
    for url in pages:
        page = text(miriam, url)
        assert "<script>alert" not in page, url
        assert "<img src=x" not in page, url
        assert 'href="javascript' not in page, url


# --- the timeline ----------------------------------------------------------------------------------------------------


def test_lines_are_filtered_pinned_hidden_and_shown(cast: Cast) -> None:
    row, client = factories.IncidentFactory(), signed_in(cast.alice)
    factories.DeleteAuditTransactionFactory(target=row.target, at=ago(minutes=70), row_count=182)
    do(client, row, "assemble")
    do(client, row, "note", text="The phone rang.", at=ago(minutes=50).strftime(TIME))
    page = text(client, page_of(row))
    assert "182 rows were deleted" in page
    assert "The phone rang." in page
    line = TimelineLine.objects.get(kind="note")
    do(client, line, "pin")
    assert "182 rows were deleted" not in text(client, f"{page_of(row)}?pinned=1")
    do(client, line, "hide", reason="Another phone.")
    assert "The phone rang." not in text(client, page_of(row))
    assert "Another phone." in text(client, f"{page_of(row)}?hidden=1")
    do(client, line, "show")
    assert "182 rows were deleted" not in text(client, f"{page_of(row)}?kind=note")


def test_each_line_leads_to_its_evidence_and_a_retired_record_is_said(cast: Cast) -> None:
    row, client = factories.IncidentFactory(), signed_in(cast.charlie)
    lost = factories.DeleteAuditTransactionFactory(target=row.target, at=ago(minutes=70))
    timeline.assemble(row)
    assert page_of(lost) in text(client, page_of(row))
    lost.delete()
    assert "record retired" in text(client, page_of(row))


def test_what_is_left_out_is_said(cast: Cast) -> None:
    row = factories.IncidentFactory(timeline_left_out=1234)
    assert "1,234 more entries" in text(signed_in(cast.charlie), page_of(row))


def test_a_long_timeline_has_pages_and_few_queries(cast: Cast) -> None:
    row, client = factories.IncidentFactory(), signed_in(cast.charlie)
    for _ in range(3):
        factories.DeleteAuditTransactionFactory(target=row.target, at=ago(minutes=70))
    timeline.assemble(row)
    client.get(page_of(row))
    with CaptureQueriesContext(connection) as few:
        client.get(page_of(row))
    for _ in range(200):
        factories.DeleteAuditTransactionFactory(target=row.target, at=ago(minutes=70))
    timeline.assemble(row)
    with CaptureQueriesContext(connection) as many:
        page = text(client, page_of(row))
    assert len(many) == len(few)
    assert "Page 1 of 2" in page


# --- who may ---------------------------------------------------------------------------------------------------------


def test_an_auditor_reads_everything_and_changes_nothing(cast: Cast) -> None:
    row, client = lossy(), signed_in(cast.charlie)
    line = timeline.add(row, "The phone rang.", actor=cast.actor("alice"))
    assert client.get(page_of(row)).context["buttons"] == []
    for slug in ("investigate", "resolve", "close", "count-loss", "prove", "note", "assemble", "stamps", "classify"):
        assert client.post(act_url(row, slug, row.pk)).status_code == 403, slug
    assert client.post(act_url(line, "hide", line.pk), {"reason": "No."}).status_code == 403
    assert client.get(reverse("admin:audit_incident_add")).status_code == 403
    assert client.get(story_url(row)).status_code == 403
    assert client.post(story_url(row), {"version": 1, "summary": "No."}).status_code == 403


def test_staff_neither_reviews_nor_corrects_times(cast: Cast) -> None:
    row, client = factories.IncidentFactory(), signed_in(cast.alice)
    for slug in ("review", "stamps", "classify"):
        assert client.post(act_url(row, slug, row.pk)).status_code == 403, slug


def test_a_target_out_of_use_has_a_safe_page(cast: Cast) -> None:
    row = lossy(target=factories.TargetFactory(is_active=False))
    losses.compute(row, actor=cast.actor("alice"))
    page = text(signed_in(cast.alice), page_of(row))
    assert "not in use" in page
