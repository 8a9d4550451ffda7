"""Post-mortems in the admin: started, edited with a preview, compared, reviewed, downloaded."""

from __future__ import annotations

import pytest
from django.test import Client

from audit import postmortems
from audit.admin.base import act_url
from audit.models import Incident, PostMortem
from audit.templatetags.tovgov import page_of
from tests import factories
from tests.audit.admin.test_acts import signed_in
from tests.cast import Cast

pytestmark = pytest.mark.django_db
LIST = "/admin/audit/postmortem/"


@pytest.fixture
def incident() -> Incident:
    row: Incident = factories.IncidentFactory(number=12)
    return row


@pytest.fixture
def row(incident: Incident, cast: Cast) -> PostMortem:
    return postmortems.start(incident, actor=cast.actor("alice"))


def saved(client: Client, row: PostMortem, text: str, version: int, **more: str) -> str:
    answer = client.post(f"{LIST}{row.pk}/edit/", {"text": text, "version": str(version), **more}, follow=True)
    return answer.content.decode()


def test_it_is_started_on_the_incidents_page(incident: Incident, cast: Cast) -> None:
    client = signed_in(cast.alice)
    page = client.get(page_of(incident)).content.decode()
    assert "Start the post-mortem" in page
    edit = client.post(f"{LIST}start/{incident.pk}/", follow=True).content.decode()
    assert "## Summary" in edit
    row = PostMortem.objects.get()
    assert f'href="{page_of(row)}"' in client.get(page_of(incident)).content.decode()
    assert client.get(f"{LIST}start/{incident.pk}/").status_code == 405


def test_an_auditor_reads_and_downloads_and_changes_nothing(row: PostMortem, cast: Cast) -> None:
    client = signed_in(cast.charlie)
    page = client.get(page_of(row)).content.decode()
    assert "Summary</h3>" in page
    assert ">Edit<" not in page
    for path in (f"start/{row.incident_id}/", f"{row.pk}/edit/", f"{row.pk}/settle/1/"):
        assert client.post(f"{LIST}{path}").status_code == 403
    for form, media in (("pdf", "application/pdf"), ("html", "text/html; charset=utf-8"), ("md", "text/markdown")):
        answer = client.get(f"{LIST}{row.pk}/export/{form}/")
        assert answer["Content-Type"].startswith(media)
        assert answer["Content-Disposition"] == f'attachment; filename="post-mortem-INC-12.{form}"'
    assert client.get(f"{LIST}{row.pk}/export/exe/").status_code == 404


def test_a_preview_without_a_script_saves_nothing(row: PostMortem, cast: Cast) -> None:
    page = saved(signed_in(cast.alice), row, "*new* <script>alert(1)</script> It was human error.", 1, preview="1")
    assert "<em>new</em> &lt;script&gt;" in page
    assert "<script>alert" not in page
    assert "human error" in page
    assert row.revisions.count() == 1


def test_the_piece_that_the_script_asks_for(row: PostMortem, cast: Cast) -> None:
    client = signed_in(cast.charlie)
    piece = client.post(f"{LIST}{row.pk}/preview/", {"text": "**bold** <img src=x>"}).content.decode()
    assert "<strong>bold</strong>" in piece
    assert "<img" not in piece
    assert "<html" not in piece
    assert client.get(f"{LIST}{row.pk}/preview/").status_code == 405


def test_the_second_editor_sees_both_texts(row: PostMortem, cast: Cast) -> None:
    assert "Saved as revision 2." in saved(signed_in(cast.miriam), row, "Miriam's words", 1)
    page = saved(signed_in(cast.alice), row, "Alice's words <i>", 1)
    assert "kept as revision 3" in page
    assert "Alice&#x27;s words &lt;i&gt;" in page
    assert "Miriam&#x27;s words" in page
    assert '<input type="hidden" name="version" value="2"' in page
    shown = signed_in(cast.alice).get(page_of(row)).content.decode()
    assert "Written at the same time" in shown
    compared = signed_in(cast.charlie).get(f"{LIST}{row.pk}/compare/2/3/").content.decode()
    assert "only in the second: " in compared
    client = signed_in(cast.alice)
    client.post(f"{LIST}{row.pk}/settle/3/")
    assert "Written at the same time" not in client.get(page_of(row)).content.decode()
    assert client.get(f"{LIST}{row.pk}/compare/2/9/").status_code == 404


def test_an_empty_text_is_refused_on_the_page(row: PostMortem, cast: Cast) -> None:
    assert "This field is required" in saved(signed_in(cast.alice), row, "", 1)
    assert "postmortem.empty" in saved(signed_in(cast.alice), row, " \n", 1)


def test_its_review(row: PostMortem, cast: Cast) -> None:
    signed_in(cast.alice).post(act_url(PostMortem, "ask-review", row.pk))
    review = act_url(PostMortem, "review", row.pk)
    own = signed_in(cast.alice).post(review, {"version": "1"})
    assert own.status_code == 409
    assert "postmortem.own" in own.content.decode()
    asked = signed_in(cast.miriam).get(review).content.decode()
    assert 'name="version" value="1"' in asked
    answer = signed_in(cast.miriam).post(review, {"version": "1", "reason": "Clear."}, follow=True)
    assert "It is reviewed." in answer.content.decode()
    assert "Clear." in answer.content.decode()
    back = signed_in(cast.bob).post(act_url(PostMortem, "send-back", row.pk), {"reason": "One gap."}, follow=True)
    assert "One gap." in back.content.decode()
    row.refresh_from_db()
    assert row.state == "draft"


def test_it_is_found_by_its_words(row: PostMortem, cast: Cast) -> None:
    assert "Draft" in signed_in(cast.charlie).get(f"{LIST}?q=Summary").content.decode()
