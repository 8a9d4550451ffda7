"""Deletes in the admin: found, read, judged, kept as filters, exported; who may not meets 403; queries stay few."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit import reviews
from audit.admin.base import act_url
from audit.admin.deletions import Value, values
from audit.models import DeleteAuditTransaction, Export, Incident, LedgerEntry, ReviewEvent, SavedFilter
from audit.templatetags.tovgov import page_of
from tests import factories
from tests.audit.admin.test_acts import signed_in
from tests.cast import Cast
from tests.factories import ago

pytestmark = pytest.mark.django_db

DELETES = "/admin/audit/deleteaudittransaction/"
ROWS = "/admin/audit/deleteauditlog/"


def text(client: Client, url: str, **data: Any) -> str:
    answer = client.get(url, data, follow=True)
    assert answer.status_code == 200, url
    return " ".join(answer.content.decode().split())


def some(count: int, **more: Any) -> list[DeleteAuditTransaction]:
    target = factories.TargetFactory()
    made = [
        factories.DeleteAuditTransactionFactory(target=target, at=ago(minutes=n), row_count=n + 1, **more)
        for n in range(count)
    ]
    for one in made:
        factories.DeleteAuditLogFactory(of_transaction=one)
    return made


# --- lists -----------------------------------------------------------------------------------------------------------


def test_the_number_of_queries_does_not_grow_with_rows(cast: Cast) -> None:
    some(3)
    client = signed_in(cast.charlie)
    for url in (DELETES, ROWS, "/admin/reviews/", "/admin/audit/ledgerentry/"):
        client.get(url)
        with CaptureQueriesContext(connection) as few:
            client.get(url)
        some(30)
        with CaptureQueriesContext(connection) as many:
            client.get(url)
        assert len(many) == len(few) <= 24, url


def test_pages_are_walked_by_older_and_newer(cast: Cast) -> None:
    some(60)
    client = signed_in(cast.charlie)
    page = client.get(DELETES)
    changes = page.context["cl"]
    assert (len(changes.result_list), changes.newer_link) == (50, "")
    assert ">60 delete transactions<" in page.content.decode()
    older = client.get(DELETES + changes.older_link).context["cl"]
    assert (len(older.result_list), older.older_link) == (10, "")
    back = client.get(DELETES + older.newer_link).context["cl"]
    assert back.result_list == changes.result_list


def test_no_query_has_an_offset_or_counts_all(cast: Cast) -> None:
    some(60)
    client = signed_in(cast.charlie)
    link = client.get(DELETES).context["cl"].older_link
    with CaptureQueriesContext(connection) as queries:
        client.get(DELETES + link)
        client.get(ROWS)
    asked = [query["sql"] for query in queries if "audit_deleteaudit" in query["sql"]]
    assert asked
    assert not any("OFFSET" in one for one in asked)
    assert all("LIMIT" in one or "MAX" in one for one in asked if "COUNT(*)" in one or "count(*)" in one)


def test_a_filter_that_does_not_fit_says_so_and_lists_nothing(cast: Cast) -> None:
    some(2)
    page = text(signed_in(cast.charlie), DELETES, **{"from": "yesterday"})
    assert "is no date" in page
    assert "Nothing fits." in page


def test_a_filter_narrows_and_stays_in_the_form(cast: Cast) -> None:
    some(2)
    some(1, session_role="stray")
    page = text(signed_in(cast.charlie), DELETES, role="stray", q="gamerequest")
    assert "stray deleted 1 row of public.GameRequest" in page
    assert "tovplay_app deleted" not in page
    assert 'value="stray"' in page
    assert 'value="gamerequest"' in page


@pytest.mark.parametrize("key", ["older", "newer"])
def test_a_forged_key_is_no_error(key: str, cast: Cast) -> None:
    some(1)
    assert "This place in the list does not exist" in text(signed_in(cast.charlie), DELETES, **{key: "'; DROP"})


# --- saved filters ---------------------------------------------------------------------------------------------------


def test_a_filter_is_saved_shared_followed_and_removed(cast: Cast) -> None:
    alice, bob = signed_in(cast.alice), signed_in(cast.bob)
    alice.post(DELETES + "filters/save/", {"name": "Strays", "query": "role=stray&evil=1", "shared": "on"})
    alice.post(DELETES + "filters/save/", {"name": "Mine", "query": "assignee=alice"})
    strays, mine = SavedFilter.objects.get(name="Strays"), SavedFilter.objects.get(name="Mine")
    assert strays.query == "role=stray"
    assert bob.get(DELETES, {"saved": strays.pk})["Location"] == DELETES + "?role=stray"
    assert "was removed, or is not shared" in text(bob, DELETES, saved=mine.pk)
    page = text(bob, DELETES)
    assert "Strays" in page
    assert ">Mine<" not in page
    bob.post(DELETES + f"filters/{strays.pk}/forget/")
    assert SavedFilter.objects.filter(pk=strays.pk).exists(), "only its owner removes it"
    alice.post(DELETES + f"filters/{strays.pk}/forget/")
    assert not SavedFilter.objects.filter(pk=strays.pk).exists()


def test_a_name_is_taken_once(cast: Cast) -> None:
    client = signed_in(cast.alice)
    for _ in range(2):
        answer = client.post(DELETES + "filters/save/", {"name": "Strays", "query": "role=stray"}, follow=True)
    assert "already" in answer.content.decode()
    assert SavedFilter.objects.count() == 1


# --- pages -----------------------------------------------------------------------------------------------------------


def test_a_transaction_says_who_when_and_from_where(cast: Cast) -> None:
    row = some(1, query="DELETE FROM x -- <script>", tables={"public.A": 3, "public.B": 179})[0]
    page = text(signed_in(cast.charlie), page_of(row))
    for words in ("tovplay_app deleted 1 row of 2 tables", "10.0.0.7", "dana", "&lt;script&gt;", "Nobody has looked"):
        assert words in page
    assert page.index("public.B") < page.index("public.A"), "most rows first"


def test_the_rows_of_a_large_transaction_are_paged(cast: Cast) -> None:
    row = some(1)[0]
    for place in range(60):
        factories.DeleteAuditLogFactory(of_transaction=row, record=7, position=place + 1)
    client = signed_in(cast.charlie)
    first = client.get(page_of(row)).context
    second = client.get(page_of(row), {"after": first["more"]}).context
    assert (len(first["rows"]), len(second["rows"]), second["more"]) == (50, 11, "")
    assert {one.pk for one in first["rows"]}.isdisjoint(one.pk for one in second["rows"])
    assert len(client.get(page_of(row), {"after": "x~y"}).context["rows"]) == 50


def test_a_row_shows_its_values_and_what_was_not_kept(cast: Cast) -> None:
    of = some(1)[0]
    row = factories.DeleteAuditLogFactory(
        of_transaction=of, masked=["email"], row='{"id":12345678901234567890.10,"note":"<b>\\n","gone":null}'
    )
    page = text(signed_in(cast.charlie), page_of(row))
    for words in ("12345678901234567890.10", "&lt;b&gt;", "NULL", "not kept", "email"):
        assert words in page


def test_values_are_the_text_of_the_target() -> None:
    row = '{"a": 1.50, "a": "twin", "j": {"x": [1,  2]}, "t": "\\u00e9\\n", "n": null, "long": "' + "y" * 3000 + '"}'
    found = values(row, ["secret"])
    assert [one.column for one in found] == ["a", "a", "j", "t", "n", "long", "secret"]
    assert [one.text for one in found[:4]] == ["1.50", "twin", '{"x": [1,  2]}', "é\n"]
    assert found[4].is_null
    assert found[5].is_cut
    assert found[6] == Value("secret", is_kept=False)
    assert values("{}", []) == []
    assert "".join(one.text for one in values('{"a": 1, broken', [])).endswith("broken")


# --- reviews ---------------------------------------------------------------------------------------------------------


def act(client: Client, slug: str, *rows: DeleteAuditTransaction, **data: Any) -> Any:
    return client.post(act_url(DeleteAuditTransaction, slug, *(row.pk for row in rows)), data, follow=True)


def test_from_unreviewed_to_closed_by_two(cast: Cast) -> None:
    row, alice, bob = some(1)[0], signed_in(cast.alice), signed_in(cast.bob)
    assert "In your hands" in act(alice, "take", row).content.decode()
    act(alice, "suspect", row, reason="Nobody ran this.", title="Deleted at night")
    incident = Incident.objects.get()
    page = text(alice, page_of(row))
    assert "Nobody ran this." in page
    assert "/act/close/" not in page, "nobody is their own second person"
    refused = alice.post(act_url(row, "close", row.pk), {"reason": "Done."})
    assert refused.status_code == 409
    assert "second person" in refused.content.decode()
    assert "/act/close/" in text(bob, page_of(row))
    act(bob, "close", row, reason="The build machine; it is off now.")
    row.refresh_from_db()
    assert (row.state, row.closed_by) == ("closed", "bob")
    assert row.session_role in text(bob, page_of(incident))
    bob.post(act_url(incident, "close", incident.pk), {"reason": "Off for good."})
    incident.refresh_from_db()
    assert not incident.is_open


def test_a_suspicious_one_needs_a_title_or_an_incident(cast: Cast) -> None:
    row = some(1)[0]
    answer = act(signed_in(cast.alice), "suspect", row, reason="Nobody ran this.")
    assert answer.status_code == 409
    assert "needs a title" in answer.content.decode()


@pytest.mark.parametrize("slug", ["take", "accept", "suspect", "close", "assign", "reopen", "note"])
def test_an_auditor_reads_and_gets_no_button(slug: str, cast: Cast) -> None:
    row, charlie = some(1)[0], signed_in(cast.charlie)
    assert "/act/" not in text(charlie, page_of(row))
    assert "Review all that fit" not in text(charlie, DELETES)
    assert charlie.post(act_url(row, slug, row.pk), {"reason": "x", "title": "x"}).status_code == 403
    assert not ReviewEvent.objects.exists()


def test_chosen_rows_are_one_act(cast: Cast) -> None:
    rows, client = some(3), signed_in(cast.alice)
    chosen = client.post(DELETES, {"action": "accept", "_selected_action": [row.pk for row in rows[:2]]})
    answer = client.post(chosen["Location"], {"reason": "The clean-up."}, follow=True)
    assert "Accepted: 2." in answer.content.decode()
    assert DeleteAuditTransaction.objects.filter(state="accepted").count() == 2
    assert LedgerEntry.objects.filter(action="review.accept").count() == 1


def test_all_that_a_filter_shows_and_nothing_that_came_later(cast: Cast) -> None:
    some(7)
    strays, client = some(6, session_role="stray"), signed_in(cast.alice)
    links = dict(client.get(DELETES, {"role": "stray"}).context["review_links"])
    late = some(1, session_role="stray")[0]
    page = client.get(links["Accept"])
    assert "Accept: 6 delete transactions?" in page.content.decode()
    assert "And 1 more." in page.content.decode()
    client.post(links["Accept"], {"reason": "One script."}, follow=True)
    accepted = DeleteAuditTransaction.objects.filter(state="accepted")
    assert {row.pk for row in accepted} == {row.pk for row in strays}
    late.refresh_from_db()
    assert late.state == "unreviewed"
    assert LedgerEntry.objects.filter(action="review.accept").count() == 1


def test_all_that_a_filter_shows_ends_at_the_cap(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviews, "CAP", 6)
    some(8)
    client = signed_in(cast.alice)
    links = dict(client.get(DELETES).context["review_links"])
    assert "takes the newest 6" in client.get(links["Accept"]).content.decode()
    client.post(links["Accept"], {"reason": ""}, follow=True)
    assert DeleteAuditTransaction.objects.filter(state="accepted").count() == 6


@pytest.mark.parametrize("where", ["from=yesterday", "role=nobody"])
def test_a_filter_that_chooses_nothing_acts_on_nothing(where: str, cast: Cast) -> None:
    row = some(1)[0]
    url = act_url(DeleteAuditTransaction, "accept").split("?")[0]
    answer = signed_in(cast.alice).post(url, query_params={"where": where, "upto": row.pk})
    assert answer.status_code == 404


def test_the_queue_says_what_waits_and_for_how_long(cast: Cast) -> None:
    rows = some(3)
    DeleteAuditTransaction.objects.filter(pk=rows[0].pk).update(at=ago(days=9))
    reviews.take([rows[1]], actor=cast.actor("alice"))
    page = text(signed_in(cast.alice), "/admin/reviews/")
    assert "9 d ago" in page
    assert page.count(str(rows[1])) == 1, "what Alice looks at stands under Mine alone"
    assert signed_in(cast.charlie).get("/admin/reviews/").status_code == 200


def test_the_dashboard_names_what_waits(cast: Cast) -> None:
    from tests.tovgov.test_dashboard import protected
    from tovgov.dashboard import gather

    target = protected()
    factories.DeleteAuditTransactionFactory(target=target, at=ago(days=4))
    card = next(card for card in gather(cast.charlie).cards if card.target == target)
    assert card.step.sentence == "Deletes wait for a review: 1, the oldest made 4 d ago."
    assert card.step.url.endswith(f"?state=unreviewed&target={target.pk}")
    factories.IncidentFactory(title="Deleted at night")
    assert "Deleted at night" in text(signed_in(cast.charlie), "/admin/")


# --- exports ---------------------------------------------------------------------------------------------------------


def ask(client: Client, kind: str = "csv", query: str = "", page: str = "audit_deleteauditlog") -> Any:
    return client.post(reverse("admin:audit_export_start"), {"page": page, "query": query, "format": kind})


def test_a_small_export_is_the_answer(cast: Cast) -> None:
    some(2)
    answer = ask(signed_in(cast.alice))
    data = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert answer["Content-Disposition"].startswith('attachment; filename="deleted-rows-')
    assert len(data.splitlines()) == 3
    assert answer["X-SHA256"] == LedgerEntry.objects.get(action="export.direct").detail["sha256"]


def test_a_large_export_is_a_job(cast: Cast, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("audit.exports.request.DIRECT", 1)
    monkeypatch.setattr("audit.jobs.enqueue", lambda *given, **more: None)
    monkeypatch.setattr(settings, "TOVGOV_EXPORTS", tmp_path)
    some(2)
    client = signed_in(cast.alice)
    answer = ask(client, query="table=GameRequest&from=2026-01-01")
    row = Export.objects.get()
    assert answer["Location"] == page_of(row)
    assert row.query == "from=2026-01-01&table=GameRequest"
    (tmp_path / "made.csv").write_bytes(b"a,b\n")
    import hashlib

    sha256 = hashlib.sha256(b"a,b\n").hexdigest()
    Export.objects.update(state="succeeded", started_at=ago(), finished_at=ago(), path="made.csv", sha256=sha256,
                          rows=1, bytes=4, expires_at=ago(days=-7))  # fmt: skip
    assert sha256 in text(client, page_of(row))
    url = reverse("admin:audit_export_download", args=[row.pk])
    assert b"".join(client.get(url).streaming_content) == b"a,b\n"  # type: ignore[attr-defined]
    bob = signed_in(cast.bob)
    assert bob.get(url).status_code == 403
    assert url not in text(bob, page_of(row))
    (tmp_path / "made.csv").write_bytes(b"a,c\n")
    assert "is not what was written" in text(client, url)


def test_who_may_not_export_meets_403(cast: Cast) -> None:
    some(1)
    bob = signed_in(cast.bob)
    assert ask(bob).status_code == 403
    assert ask(bob, page="audit_ledgerentry").status_code == 403
    assert "Export</summary>" not in text(bob, DELETES)
    assert Client().post(reverse("admin:audit_export_start"), {}).status_code == 302


def test_an_export_of_no_list_is_not_found(cast: Cast) -> None:
    assert ask(signed_in(cast.alice), page="auth_user").status_code == 404
    wrong = ask(signed_in(cast.alice), query="from=yesterday")
    assert wrong["Location"].endswith("deleteauditlog/?from=yesterday")
    assert not LedgerEntry.objects.exists()


def test_masked_values_are_in_no_export(cast: Cast) -> None:
    of = some(1)[0]
    factories.DeleteAuditLogFactory(of_transaction=of, masked=["email"], row='{"id":1}')
    answer = ask(signed_in(cast.alice), "jsonl")
    rows = [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]
    assert [row["not_kept"] for row in rows].count(["email"]) == 1
    assert not any("email" in row["row"] for row in rows)
