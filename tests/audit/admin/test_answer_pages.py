"""Runbooks, action items and lessons in the admin: one press, who may, and forms that two people fill in at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit import action_items, lessons, runbooks
from audit.actors import Actor
from audit.admin.base import act_url
from audit.models import ActionItem, Incident, Lesson, Runbook, RunbookStep
from audit.templatetags.tovgov import page_of
from tests import factories
from tests.cast import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def incident() -> Incident:
    row: Incident = factories.IncidentFactory(kind="dropped database")
    return row


def signed_in(client: Client, user: Any) -> Client:
    client.force_login(user)
    return client


def press(client: Client, name: str, **facts: Any) -> Any:
    return client.post(reverse(f"admin:audit_runbook_{name}"), facts)


# --- runbooks ---------------------------------------------------------------------------------------------------------


def test_a_runbook_is_begun_ticked_and_unticked_on_the_incidents_page(
    client: Client, cast: Cast, incident: Incident
) -> None:
    signed_in(client, cast.alice)
    page = client.get(page_of(incident)).content.decode()
    assert '<option value="dropped-database">The database was dropped</option>' in page
    answer = press(client, "begin", incident=incident.pk, book="dropped-database")
    row = Runbook.objects.get()
    assert answer["Location"] == f"{page_of(incident)}#runbook-{row.pk}"
    step = row.steps.all()[0]
    answer = press(client, "tick", step=step.pk, note="The job is off.")
    assert answer["Location"] == f"{page_of(incident)}#step-{step.pk}"
    page = client.get(page_of(incident)).content.decode()
    assert "The job is off." in page
    assert "<b>1</b> of 12 steps done" in page
    press(client, "untick", step=step.pk, reason="It runs elsewhere.", back_to="runbook")
    page = client.get(page_of(row)).content.decode()
    assert "took the tick back" in page
    assert "0 of 12 steps done" in page


def test_a_step_of_ones_own_is_added(client: Client, cast: Cast, incident: Incident, asker: Actor) -> None:
    row = runbooks.begin(incident, "lost-key", actor=asker)
    answer = press(
        signed_in(client, cast.bob), "own", runbook=row.pk, title="<b>Call home</b>", back_to="runbook"
    )  # fmt: skip
    own = RunbookStep.objects.get(added_by="bob")
    assert answer["Location"] == f"{page_of(row)}#step-{own.pk}"
    page = client.get(page_of(row)).content.decode()
    assert "&lt;b&gt;Call home&lt;/b&gt;" in page
    assert "Added by bob" in page


def test_a_refusal_is_said_on_the_page(client: Client, cast: Cast, incident: Incident, asker: Actor) -> None:
    step = runbooks.begin(incident, "lost-key", actor=asker).steps.all()[0]
    runbooks.tick(step, actor=asker)
    signed_in(client, cast.miriam)
    answer = client.post(reverse("admin:audit_runbook_tick"), {"step": step.pk}, follow=True)
    assert "alice ticked this step already." in answer.content.decode()


def test_an_auditor_sees_everything_and_presses_nothing(
    client: Client, cast: Cast, incident: Incident, asker: Actor
) -> None:
    row = runbooks.begin(incident, "dropped-database", actor=asker)
    step = row.steps.all()[0]
    signed_in(client, cast.charlie)
    for page in (client.get(page_of(incident)), client.get(page_of(row))):
        text = page.content.decode()
        assert step.title in text
        assert "/audit/runbook/do/" not in text
    assert press(client, "begin", incident=incident.pk, book="lost-key").status_code == 403
    assert press(client, "tick", step=step.pk).status_code == 403
    assert press(client, "untick", step=step.pk, reason="No.").status_code == 403
    assert press(client, "own", runbook=row.pk, title="No").status_code == 403


@pytest.mark.parametrize("name", ["begin", "tick", "untick", "own"])
def test_a_look_changes_nothing_and_nothing_is_not_found(client: Client, cast: Cast, name: str) -> None:
    signed_in(client, cast.alice)
    assert client.get(reverse(f"admin:audit_runbook_{name}")).status_code == 405
    for value in ("", "x", "-1", "9" * 30, "424242"):
        assert press(client, name, incident=value, step=value, runbook=value).status_code == 404


def test_a_step_leads_where_this_person_may_go(client: Client, cast: Cast, asker: Actor) -> None:
    target = factories.TargetFactory(production=True)
    backup = factories.BackupFactory(target=target, proved=True, queued_at=factories.ago(days=1))
    row = factories.IncidentFactory(target=target, kind="dropped database", began_at=factories.ago(hours=1))
    runbooks.begin(row, "dropped-database", actor=asker)
    recover = f"/admin/backups/restore/add/?backup={backup.pk}&amp;mode=recover"
    assert recover in signed_in(client, cast.alice).get(page_of(row)).content.decode()
    page = signed_in(client, cast.charlie).get(page_of(row)).content.decode()
    assert recover not in page
    assert "ask somebody who may" in page


def test_a_step_without_a_backup_says_so(client: Client, cast: Cast, incident: Incident, asker: Actor) -> None:
    runbooks.begin(incident, "dropped-database", actor=asker)
    page = signed_in(client, cast.alice).get(page_of(incident)).content.decode()
    assert "There is no backup of this target from before the incident" in page


# --- action items -----------------------------------------------------------------------------------------------------

FACTS = {"title": "Take DROP away", "detail": "", "owner": "", "due_on": "", "priority": "20", "incident": ""}


def test_an_action_item_is_added_from_an_incident(client: Client, cast: Cast, incident: Incident) -> None:
    signed_in(client, cast.alice)
    page = client.get(page_of(incident)).content.decode()
    url = f"/admin/audit/actionitem/add/?incident={incident.pk}"
    assert url in page
    form = client.get(url).content.decode()
    assert f'<option value="{incident.pk}" selected>' in form
    assert ">charlie<" not in form
    answer = client.post(url, FACTS | {"owner": cast.bob.pk, "due_on": "2026-12-04", "incident": incident.pk})
    row = ActionItem.objects.get()
    assert answer["Location"] == page_of(row)
    assert (row.owner_name, str(row.due_on), row.incident) == ("bob", "2026-12-04", incident)
    assert "Take DROP away" in client.get(page_of(incident)).content.decode()


def test_the_second_editor_sees_what_the_first_wrote_and_keeps_their_words(
    client: Client, cast: Cast, asker: Actor
) -> None:
    row = action_items.add("Take DROP away", actor=asker)
    url = reverse("admin:audit_actionitem_edit", args=[row.pk])
    signed_in(client, cast.miriam)
    assert 'name="version" value="1"' in client.get(url).content.decode()
    action_items.change(row, version=1, detail="From alice.", actor=asker)
    answer = client.post(url, FACTS | {"detail": "From miriam.", "version": "1"})
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "What stands there now" in text
    assert "From alice." in text
    assert "From miriam." in text
    assert 'name="version" value="2"' in text
    client.post(url, FACTS | {"detail": "From both.", "version": "2"})
    row.refresh_from_db()
    assert (row.detail, row.version) == ("From both.", 3)


@pytest.mark.parametrize("version", ["", "x", "0", "9" * 30])
def test_a_form_without_its_version_overwrites_nothing(client: Client, cast: Cast, asker: Actor, version: str) -> None:
    row = action_items.add("Take DROP away", actor=asker)
    url = reverse("admin:audit_actionitem_edit", args=[row.pk])
    assert signed_in(client, cast.miriam).post(url, FACTS | {"title": "Gone", "version": version}).status_code == 409
    row.refresh_from_db()
    assert row.title == "Take DROP away"


def test_the_list_shows_what_is_owed_overdue_and_mine(client: Client, cast: Cast, asker: Actor) -> None:
    yesterday = timezone.localdate() - timedelta(days=1)
    action_items.add("Late of bob", actor=asker, owner=cast.bob, due_on=yesterday)
    action_items.add("Early of alice", actor=asker, owner=cast.alice)
    done = action_items.add("Finished", actor=asker, owner=cast.bob, due_on=yesterday)
    action_items.finish(done, actor=asker)
    signed_in(client, cast.bob)
    names = ("Late of bob", "Early of alice", "Finished")
    shown = {
        "": (True, True, False), "?state=all": (True, True, True), "?state=done": (False, False, True),
        "?due=overdue": (True, False, False), "?due=never": (False, True, False), "?whose=mine": (True, False, False),
        "?whose=nobody": (False, False, False), "?whose=%3Dalice": (False, True, False),
    }  # fmt: skip
    for query, expected in shown.items():
        page = client.get(reverse("admin:audit_actionitem_changelist") + query).content.decode()
        results = page.partition('id="result_list"')[2]
        assert tuple(name in results for name in names) == expected, query


def test_acts_of_an_action_item(client: Client, cast: Cast, asker: Actor) -> None:
    row = action_items.add("Take DROP away", actor=asker)
    signed_in(client, cast.bob)
    for slug, facts, state in (
        ("start", {}, "in progress"),
        ("finish", {"reason": "Release 4.3."}, "done"),
        ("reopen", {"reason": "Not on staging."}, "open"),
        ("drop", {"reason": "The role is gone."}, "dropped"),
    ):
        assert client.get(act_url(row, slug, row.pk)).status_code == 200
        client.post(act_url(row, slug, row.pk), facts)
        row.refresh_from_db()
        assert row.state == state
    assert row.owner_name == "bob"


def test_an_auditor_reads_action_items_and_changes_none(client: Client, cast: Cast, asker: Actor) -> None:
    row = action_items.add("Take DROP away", actor=asker, owner=cast.bob)
    signed_in(client, cast.charlie)
    page = client.get(page_of(row))
    assert "Take DROP away" in page.content.decode()
    assert "/edit/" not in page.content.decode()
    assert client.get(reverse("admin:audit_actionitem_changelist")).status_code == 200
    for url in (
        reverse("admin:audit_actionitem_add"),
        reverse("admin:audit_actionitem_edit", args=[row.pk]),
        act_url(row, "finish", row.pk),
    ):
        assert client.get(url).status_code == 403
        assert client.post(url, FACTS).status_code == 403


# --- lessons ----------------------------------------------------------------------------------------------------------

WORDS = {"problem": "The sync emptied bookings", "cause": "", "solution": "Give it no DELETE", "tags": "sync, roles",
         "kind": "", "target": "", "incident": ""}  # fmt: skip


def test_a_lesson_is_written_from_an_incident_and_found_beside_the_next(client: Client, cast: Cast) -> None:
    target = factories.TargetFactory()
    incident = factories.IncidentFactory(target=target, kind="sync", title="The sync emptied bookings")
    signed_in(client, cast.alice)
    url = f"/admin/audit/lesson/add/?incident={incident.pk}"
    assert url in client.get(page_of(incident)).content.decode()
    assert "The sync emptied bookings</textarea>" in client.get(url).content.decode()
    client.post(url, WORDS | {"kind": "sync", "target": target.pk, "incident": incident.pk})
    row = Lesson.objects.get()
    assert row.tags == ["roles", "sync"]
    new = factories.IncidentFactory(target=target, kind="sync", title="Bookings are gone")
    page = client.get(page_of(new)).content.decode()
    assert page_of(row) in page
    assert "Shown for the same kind, sync; the same target; the words bookings." in page
    assert page_of(incident) in page


def test_the_second_editor_of_a_lesson_loses_nothing(client: Client, cast: Cast, asker: Actor) -> None:
    row = lessons.add("The sync emptied bookings", "Give it no DELETE", actor=asker)
    lessons.change(row, version=1, cause="From alice.", actor=asker)
    url = reverse("admin:audit_lesson_edit", args=[row.pk])
    answer = signed_in(client, cast.miriam).post(url, WORDS | {"cause": "From miriam.", "version": "1"})
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "From alice." in text
    assert "From miriam." in text


def test_lessons_are_searched_and_exported(client: Client, cast: Cast, asker: Actor) -> None:
    lessons.add("The sync emptied bookings", "Give it no DELETE", actor=asker)
    lessons.add("The disk was full", "Watch it", actor=asker)
    signed_in(client, cast.charlie)
    url = reverse("admin:audit_lesson_changelist")
    page = client.get(f"{url}?q=booking").content.decode()
    assert "The sync emptied bookings" in page
    assert "The disk was full" not in page
    assert "Write a lesson" not in page
    answer = client.post(
        reverse("admin:audit_export_start"), {"page": "audit_lesson", "query": "q=booking", "format": "csv"}
    )
    assert b"emptied bookings" in b"".join(answer)


def test_a_lesson_is_retired_and_brought_back(client: Client, cast: Cast, asker: Actor) -> None:
    row = lessons.add("The sync emptied bookings", "Give it no DELETE", actor=asker)
    signed_in(client, cast.bob)
    client.post(act_url(row, "retire", row.pk), {"reason": "The script is gone."})
    page = client.get(page_of(row)).content.decode()
    assert "The script is gone." in page
    assert "/edit/" not in page
    client.post(act_url(row, "restore", row.pk), {"reason": "It is back."})
    row.refresh_from_db()
    assert not row.is_retired


def test_an_auditor_writes_no_lesson(client: Client, cast: Cast, asker: Actor) -> None:
    row = lessons.add("The sync emptied bookings", "Give it no DELETE", actor=asker)
    signed_in(client, cast.charlie)
    for url in (
        reverse("admin:audit_lesson_add"),
        reverse("admin:audit_lesson_edit", args=[row.pk]),
        act_url(row, "retire", row.pk),
    ):
        assert client.get(url).status_code == 403
        assert client.post(url, WORDS).status_code == 403


def test_what_people_write_stays_text(client: Client, cast: Cast, asker: Actor) -> None:
    bad = "<script>alert(1)</script>"
    incident = factories.IncidentFactory(kind="sync", title=bad)
    row = lessons.add(bad, bad, cause=bad, tags=[bad], incident=incident, actor=asker)
    item = action_items.add(bad, detail=bad, incident=incident, actor=asker)
    step = runbooks.add_step(
        runbooks.begin(incident, "lost-key", actor=asker), bad, why=bad, with_whom=bad, actor=asker
    )
    runbooks.tick(step, actor=asker, note=bad)
    signed_in(client, cast.miriam)
    lists = [reverse(f"admin:audit_{name}_changelist") for name in ("runbook", "actionitem", "lesson")]
    edits = [reverse("admin:audit_lesson_edit", args=[row.pk]), reverse("admin:audit_actionitem_edit", args=[item.pk])]
    for url in (page_of(incident), page_of(row), page_of(item), page_of(step.runbook), *lists, *edits):
        answer = client.get(url)
        assert answer.status_code == 200
        assert bad not in answer.content.decode()
