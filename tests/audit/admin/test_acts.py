"""Acts: a page that says what will happen, a POST that does it, and nobody who may not."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from audit.admin.base import act_url
from audit.models import Alert, Approval, ApprovalState, LedgerEntry
from backups.models import Backup
from tests import factories
from tests.cast import Cast

pytestmark = pytest.mark.django_db


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_the_page_says_what_will_happen_and_does_nothing(cast: Cast) -> None:
    alert = factories.AlertFactory()
    answer = signed_in(cast.alice).get(act_url(Alert, "acknowledge", alert.pk))
    assert answer.status_code == 200
    assert "acknowledging mends nothing" in answer.content.decode()
    assert Alert.objects.get().acknowledged_at is None


def test_the_post_calls_the_verb_and_the_ledger_knows_who(cast: Cast) -> None:
    alert = factories.AlertFactory()
    answer = signed_in(cast.alice).post(act_url(Alert, "acknowledge", alert.pk), follow=True)
    assert "Acknowledged" in answer.content.decode()
    assert Alert.objects.get().acknowledged_by == "alice"
    assert LedgerEntry.objects.get(action="alert.acknowledge").source == "admin 127.0.0.1"


def test_several_at_once_from_the_list(cast: Cast) -> None:
    first, second = factories.AlertFactory(), factories.AlertFactory()
    client = signed_in(cast.alice)
    chosen = {"action": "acknowledge", "_selected_action": [first.pk, second.pk]}
    page = client.post("/admin/audit/alert/", chosen)
    assert page.status_code == 302
    answer = client.post(page["Location"], follow=True)
    assert answer.status_code == 200
    assert Alert.objects.filter(acknowledged_by="alice").count() == 2


def test_an_auditor_gets_403_on_page_and_forged_post(cast: Cast) -> None:
    alert, client = factories.AlertFactory(), signed_in(cast.charlie)
    url = act_url(Alert, "acknowledge", alert.pk)
    assert client.get(url).status_code == 403
    assert client.post(url).status_code == 403
    assert Alert.objects.get().acknowledged_at is None


def test_an_auditor_sees_no_button_and_no_list_action(cast: Cast) -> None:
    alert, client = factories.AlertFactory(), signed_in(cast.charlie)
    assert b"Acknowledge</a>" not in client.get(f"/admin/audit/alert/{alert.pk}/change/").content
    assert b'name="action"' not in client.get("/admin/audit/alert/").content


def test_a_stranger_is_asked_to_sign_in(client: Client) -> None:
    answer = client.post(act_url(Alert, "acknowledge", factories.AlertFactory().pk))
    assert answer.status_code == 302
    assert "/admin/login/" in answer["Location"]


@pytest.mark.parametrize("ids", ["", "999999", "1;drop", "nonsense"])
def test_unknown_objects_are_not_found(cast: Cast, ids: str) -> None:
    assert signed_in(cast.alice).get(f"/admin/audit/alert/act/acknowledge/?ids={ids}").status_code == 404


def test_an_unknown_act_is_not_found(cast: Cast) -> None:
    assert signed_in(cast.alice).get("/admin/audit/alert/act/destroy/?ids=1").status_code == 404


def test_what_does_not_fit_any_more_is_said_and_not_done(cast: Cast) -> None:
    alert = factories.AlertFactory(acknowledged_at=factories.ago(hours=1), acknowledged_by="bob")
    answer = signed_in(cast.alice).post(act_url(Alert, "acknowledge", alert.pk), follow=True)
    assert "does not fit here any more" in answer.content.decode()
    assert Alert.objects.get().acknowledged_by == "bob"


def test_a_needed_reason_is_asked_for(cast: Cast) -> None:
    approval = factories.ApprovalFactory(asked_by=cast.alice)
    answer = signed_in(cast.bob).post(act_url(Approval, "refuse", approval.pk), {"reason": ""})
    assert answer.status_code == 200
    assert "Nothing was done yet" in answer.content.decode()
    assert Approval.objects.get().state == ApprovalState.WAITING


def test_a_refusal_is_shown_with_code_and_hint(cast: Cast) -> None:
    """Bob asked for it himself: he sees no button, and a forged POST is refused by the verb."""
    approval = factories.ApprovalFactory(asked_by=cast.bob, asked_name="bob")
    answer = signed_in(cast.bob).post(act_url(Approval, "approve", approval.pk), {"reason": ""})
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "Nobody approves their own request." in text
    assert "Ask another approver." in text
    assert "approval.self" in text


def test_the_asker_sees_that_he_must_wait(cast: Cast) -> None:
    approval = factories.ApprovalFactory(asked_by=cast.bob, asked_name="bob")
    page = signed_in(cast.bob).get(f"/admin/audit/approval/{approval.pk}/change/").content.decode()
    assert "waits for a second person" in page
    assert ">Approve</a>" not in page


def test_an_approver_decides(cast: Cast) -> None:
    approval = factories.ApprovalFactory(asked_by=cast.alice)
    client = signed_in(cast.bob)
    assert b">Approve</a>" in client.get(f"/admin/audit/approval/{approval.pk}/change/").content
    client.post(act_url(Approval, "approve", approval.pk), {"reason": "Seen the counts."})
    approval.refresh_from_db()
    assert (approval.state, approval.decided_name, approval.note) == (ApprovalState.APPROVED, "bob", "Seen the counts.")


def test_a_job_is_cancelled_once(cast: Cast) -> None:
    backup, client = factories.BackupFactory(), signed_in(cast.alice)
    url = act_url(Backup, "cancel", backup.pk)
    assert "never will" in client.get(url).content.decode()
    assert client.post(url, {"reason": "Wrong target."}).status_code == 302
    backup.refresh_from_db()
    assert backup.state == "cancelled"
    assert "does not fit" in client.post(url, {"reason": ""}, follow=True).content.decode()


def test_the_banner_names_a_production_target_in_words(cast: Cast) -> None:
    approval: Any = factories.ApprovalFactory(asked_by=cast.alice)
    page = signed_in(cast.bob).get(act_url(Approval, "approve", approval.pk)).content.decode()
    assert 'class="banner env-production"' in page
    assert "Production</strong>" in page
