"""Connections and server logs in the admin, as deletes are: found, judged, exported; hostile texts are only texts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit.admin import cells
from audit.admin.base import act_url
from audit.models import ConnectionGroup, Export, Incident, LedgerEntry, ServerLogGroup
from audit.templatetags.tovgov import page_of
from tests import factories
from tests.audit.admin.test_acts import signed_in
from tests.audit.test_reviews_command import run
from tests.cast import Cast
from tests.factories import ago

pytestmark = pytest.mark.django_db
GROUPS, ROWS = "/admin/audit/connectiongroup/", "/admin/audit/connectionauditlog/"
LOG_GROUPS, ENTRIES = "/admin/audit/serverloggroup/", "/admin/audit/serverlogentry/"
LISTS = (GROUPS, ROWS, LOG_GROUPS, ENTRIES)


def text(client: Client, url: str, **data: Any) -> str:
    answer = client.get(url, data, follow=True)
    assert answer.status_code == 200, url
    return " ".join(answer.content.decode().split())


def some(count: int, **more: Any) -> None:
    target = factories.TargetFactory()
    for n in range(count):
        group = factories.ConnectionGroupFactory(target=target, at=ago(minutes=n), role=f"role{n}")
        factories.ConnectionAuditLogFactory(target=target, at=ago(minutes=n), of_group=group, role=f"role{n}")
        lines = factories.ServerLogGroupFactory(target=target, at=ago(minutes=n))
        factories.GroupedLogEntryFactory(of_group=lines)


# --- lists -----------------------------------------------------------------------------------------------------------


def test_the_number_of_queries_does_not_grow_with_rows(cast: Cast) -> None:
    some(3)
    client = signed_in(cast.charlie)
    for url in (*LISTS, "/admin/reviews/"):
        client.get(url)
        with CaptureQueriesContext(connection) as few:
            client.get(url)
        some(20)
        with CaptureQueriesContext(connection) as many:
            client.get(url)
        assert len(many) == len(few) <= 30, url


def test_what_nobody_has_to_look_at_is_hidden_with_its_count_and_a_way_to_it(cast: Cast) -> None:
    factories.ConnectionGroupFactory(role="loud")
    factories.ConnectionGroupFactory(role="quiet", is_noise=True)
    factories.ServerLogGroupFactory(title="loud message")
    factories.ServerLogGroupFactory(title="quiet message", is_noise=True)
    client = signed_in(cast.charlie)
    for url in (GROUPS, LOG_GROUPS):
        page = text(client, url)
        assert "loud" in page
        assert "quiet" not in page.replace('class="quiet', "").replace("badge-quiet", "")
        assert "1 is hidden" in page
        assert "?noise=shown" in page
        assert "quiet" in text(client, url, noise="only").replace('class="quiet', "").replace("badge-quiet", "")
        assert "hidden:" not in text(client, url, noise="shown")


def test_a_session_that_another_source_tells_better_is_hidden(cast: Cast) -> None:
    best = factories.ConnectionAuditLogFactory(source="server log", role="best")
    factories.ConnectionAuditLogFactory(target=best.target, role="second", same_as=best.pk)
    client = signed_in(cast.charlie)
    assert "second" not in text(client, ROWS)
    assert "second" in text(client, ROWS, rows="each")


ANSWERS = {
    GROUPS: {"role": "stray", "database": "TovPlay", "address": "203.0.113.9", "application": "psql",
             "outcome": "failed password", "new": "address", "state": "waiting", "q": "stray"},
    ROWS: {"role": "stray", "address": "203.0.113.9", "outcome": "not let in", "method": "md5", "q": "stray"},
    LOG_GROUPS: {"class": "deadlock", "severity": "40+", "role": "stray", "q": "deadlock"},
    ENTRIES: {"class": "deadlock", "severity": "40", "level": "ERROR", "sqlstate": "40", "role": "stray",
              "database": "TovPlay", "address": "203.0.113.9", "application": "psql", "q": "deadlock"},
}  # fmt: skip


@pytest.fixture
def stray() -> None:
    """One thing of each kind that every filter fits, beside one that none fits."""
    target = factories.TargetFactory()
    who = {"target": target, "role": "stray", "client_address": "203.0.113.9", "application_name": "psql"}
    group = factories.ConnectionGroupFactory(**who, outcome="failed password", new=["address"])
    factories.ConnectionAuditLogFactory(**who, outcome="failed password", method="md5", of_group=group)
    other = factories.ConnectionGroupFactory(target=target, database="other", new=[], state="accepted")
    factories.ConnectionAuditLogFactory(target=target, of_group=other)
    lines = factories.ServerLogGroupFactory(
        target=target, kind="deadlock", severity=40, role="stray", title="deadlock detected"
    )
    factories.GroupedLogEntryFactory(
        of_group=lines, level="ERROR", sqlstate="40P01", address="203.0.113.9", application="psql"
    )
    lines = factories.ServerLogGroupFactory(
        target=target, kind="checkpoint", severity=10, role="", title="a checkpoint"
    )
    factories.GroupedLogEntryFactory(of_group=lines, database="", level="LOG", sqlstate="00000")


@pytest.mark.parametrize(("url", "name"), [(url, name) for url, answers in ANSWERS.items() for name in answers])
def test_a_filter_chooses(cast: Cast, stray: None, url: str, name: str) -> None:
    client = signed_in(cast.charlie)
    found = client.get(url, {name: ANSWERS[url][name]}).context["cl"].result_list
    assert [row.role for row in found] == ["stray"]


BAD = {
    GROUPS: {"address": "10.0.0", "outcome": "let in", "new": "colour", "noise": "x", "state": "x", "target": "x"},
    ROWS: {"rows": "x", "source": "x"},
    LOG_GROUPS: {"class": "x", "severity": "5"},
    ENTRIES: {"sqlstate": "123", "level": "x", "group": "x"},
}


@pytest.mark.parametrize(("url", "name"), [(url, name) for url, answers in BAD.items() for name in answers])
def test_an_answer_that_does_not_fit_is_refused_with_a_sentence(cast: Cast, url: str, name: str) -> None:
    page = text(signed_in(cast.charlie), url, **{name: BAD[url][name]})
    assert "list.filter_invalid" in page


@pytest.mark.parametrize("url", LISTS)
def test_an_empty_list_says_what_to_do(cast: Cast, url: str) -> None:
    assert "yet</strong>" in text(signed_in(cast.charlie), url)


# --- reviews ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["connection", "log"])
def test_reviewed_as_deletes_are(cast: Cast, kind: str) -> None:
    make = factories.ConnectionGroupFactory if kind == "connection" else factories.ServerLogGroupFactory
    model = ConnectionGroup if kind == "connection" else ServerLogGroup
    target = factories.TargetFactory()
    rows = [make(target=target, role=f"r{n}") for n in range(3)]
    alice, bob, charlie = signed_in(cast.alice), signed_in(cast.bob), signed_in(cast.charlie)
    accepted = alice.post(act_url(rows[0], "accept", *[row.pk for row in rows[:2]]), {"reason": "Ours."}, follow=True)
    assert "Accepted: 2." in accepted.content.decode()
    assert LedgerEntry.objects.filter(action="review.accept").count() == 1
    told = {"reason": "Who is it?", "incident": "", "title": "A stranger"}
    alice.post(act_url(rows[2], "suspect", rows[2].pk), told)
    assert charlie.post(act_url(rows[2], "close", rows[2].pk), {"reason": "x"}).status_code == 403
    assert alice.post(act_url(rows[2], "close", rows[2].pk), {"reason": "x"}).status_code in (302, 409)
    bob.post(act_url(rows[2], "close", rows[2].pk), {"reason": "A new colleague."})
    assert model._default_manager.get(pk=rows[2].pk).state == "closed"
    incident = text(charlie, page_of(Incident.objects.get()))
    assert page_of(rows[2]) in incident


@pytest.mark.parametrize("kind", ["connection", "log"])
def test_reviewed_on_the_command_line(cast: Cast, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    make = factories.ConnectionGroupFactory if kind == "connection" else factories.ServerLogGroupFactory
    target = factories.TargetFactory()
    rows = [make(target=target, role=f"r{n}") for n in range(2)]
    make(target=target, role="hidden", is_noise=True)
    queue = run(capsys, "reviews", "queue", "--kind", kind)
    assert (queue[0]["unreviewed"], queue[0]["hidden"]) == (2, 1)
    told = run(capsys, "reviews", "accept", "--kind", kind, "--where", "state=unreviewed", "--as", "alice")
    assert told["changed"] == 2, "what is hidden is not meant"
    shown = run(capsys, "reviews", "show", rows[0].pk, "--kind", kind)
    assert shown["state"] == "accepted"


def test_what_came_after_the_decision_is_said(cast: Cast) -> None:
    for make in (factories.ConnectionGroupFactory, factories.ServerLogGroupFactory):
        row = make(state="accepted", decided_by="alice", decided_at=ago(hours=2), last_at=ago(minutes=1))
        assert "More of them came after it was decided" in text(signed_in(cast.charlie), page_of(row))


def test_the_queue_shows_first_what_is_new_and_what_is_grave(cast: Cast) -> None:
    factories.ConnectionGroupFactory(role="usual", at=ago(days=2), new=[])
    factories.ConnectionGroupFactory(role="stranger", at=ago(hours=2), new=["role"])
    factories.ServerLogGroupFactory(kind="lock-wait", severity=30, at=ago(days=2))
    factories.ServerLogGroupFactory(kind="panic", severity=50, at=ago(hours=2))
    page = text(signed_in(cast.charlie), "/admin/reviews/")
    assert page.index("stranger from") < page.index("usual from")
    assert page.index("Panic by reporting") < page.index("Lock wait by reporting")


@pytest.mark.parametrize("page", ["connectiongroup", "connectionauditlog", "serverloggroup", "serverlogentry"])
@pytest.mark.parametrize("kind", ["csv", "jsonl", "xlsx"])
def test_exported_by_who_may(cast: Cast, page: str, kind: str) -> None:
    some(2)
    asked = {"page": f"audit_{page}", "query": "", "format": kind}
    assert signed_in(cast.bob).post("/admin/audit/export/start/", asked).status_code == 403
    answer = signed_in(cast.alice).post("/admin/audit/export/start/", asked)
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert Export.objects.count() == 0 or Export.objects.get().sha256


# --- hostile texts ---------------------------------------------------------------------------------------------------

HOSTILE = "<script>alert(1)</script> \x1b[31mred\x1b[0m \u202egnp.exe {{ 7|add:7 }} '; DROP TABLE x; --"


def test_a_hostile_text_is_shown_and_does_nothing(cast: Cast) -> None:
    lines = factories.ServerLogGroupFactory(title=HOSTILE, role="<b>r</b>")
    entry = factories.GroupedLogEntryFactory(
        of_group=lines,
        message=HOSTILE,
        detail=HOSTILE,
        query=HOSTILE,
        application=HOSTILE,
        more=json.dumps({"hint": HOSTILE}),
    )
    group = factories.ConnectionGroupFactory(role="<b>r</b>", application_name=HOSTILE[:60], outcome="refused")
    login = factories.ConnectionAuditLogFactory(
        of_group=group, role="<b>r</b>", application_name=HOSTILE[:60], client_host=HOSTILE, reason=HOSTILE
    )
    client = signed_in(cast.charlie)
    around = f"/admin/around/?target={entry.target_id}&at={entry.at.isoformat().replace('+', '%2B')}"
    for url in (*LISTS, "/admin/reviews/", around, *map(page_of, (lines, entry, group, login))):
        page = client.get(url, follow=True).content.decode()
        assert "<script>alert" not in page, url
        assert "<b>r</b>" not in page, url
        assert "\x1b" not in page, url
        assert "\u202e" not in page, url
    assert "␛[31mred" in client.get(page_of(entry)).content.decode()
    assert "⟨U+202E⟩" in client.get(page_of(entry)).content.decode()


def test_a_megabyte_is_cut_with_a_way_to_see_all(cast: Cast) -> None:
    entry = factories.GroupedLogEntryFactory(message="m" * 1_000_000 + " the end", query="q" * 30_000)
    client = signed_in(cast.charlie)
    page = client.get(page_of(entry)).content.decode()
    assert len(page) < 100_000
    assert "980,008 characters more" in page
    assert "the end" in client.get(f"{page_of(entry)}?whole=1").content.decode()
    assert len(client.get(ENTRIES).content) < 100_000


def test_signs_that_cannot_be_seen_are_written_out() -> None:
    assert cells.visible("a\x1b[2J\x07\x7f\u200b\n\tb") == "a␛[2J␇␡⟨U+200B⟩\n\tb"
    assert cells.visible("Grüße 10.0.0.7") == "Grüße 10.0.0.7"
    assert cells.shown("x" * 3_000_000, whole=True).left_out == 1_000_000


def test_nothing_is_added_changed_or_removed_here(cast: Cast) -> None:
    some(1)
    client = signed_in(cast.miriam)
    for url in LISTS:
        assert client.get(f"{url}add/").status_code == 403
    row = ConnectionGroup.objects.get()
    assert client.post(reverse("admin:audit_connectiongroup_delete", args=[row.pk]), {"post": "yes"}).status_code == 403


def test_a_target_leads_to_its_day_and_shows_its_gravest_alerts_first(cast: Cast) -> None:
    target = factories.TargetFactory(name="TovPlay staging")
    for number in range(6):
        factories.AlertFactory(target=target, title=f"Small trouble {number}")
    factories.AlertFactory(target=target, severity="critical", title="Great trouble", opened_at=ago(days=1))
    page = text(signed_in(cast.charlie), f"/admin/audit/target/{target.pk}/change/")
    assert page.index("Great trouble") < page.index("Small trouble")
    assert page.count("Small trouble") == 4, "the others are in the list"
    assert "All 7" in page
    assert "What happened today" in page


def test_an_alert_leads_to_everything_around_its_first_entry(cast: Cast) -> None:
    alert = factories.AlertFactory()
    factories.AlertEvidenceFactory(alert=alert)
    answer = signed_in(cast.charlie).get(f"/admin/audit/alert/{alert.pk}/change/")
    assert f"/admin/around/?target={alert.target_id}" in answer.content.decode()


# --- what tovgov did itself ------------------------------------------------------------------------------------------


def test_a_window_and_the_lines_that_it_left_name_each_other(cast: Cast) -> None:
    window = factories.MaintenanceWindowFactory(opened_by="alice")
    name = f"maintenancewindow-{window.pk}"
    group = factories.ServerLogGroupFactory(target=window.target, explained_by=name, is_noise=True, count=3)
    client = signed_in(cast.miriam)
    page = text(client, page_of(group))
    assert "tovgov did this itself" in page
    assert f'<a href="{page_of(window)}">{window}</a>, opened by alice' in page
    page = text(client, page_of(window))
    assert "3 lines</a>, explained by this window" in page
    assert str(group.title)[:20] in text(client, f"{LOG_GROUPS}?noise=shown&explained={name}")


def test_a_window_that_is_not_kept_is_named_all_the_same(cast: Cast) -> None:
    group = factories.ServerLogGroupFactory(explained_by="maintenancewindow-0", is_noise=True)
    assert "maintenancewindow-0, which is not kept any more" in text(signed_in(cast.miriam), page_of(group))
