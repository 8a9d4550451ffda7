"""The pages of reports: who may see each, what they show, their files, and that nothing typed in breaks one."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.test import Client

from audit import groups
from audit.models import Export, LedgerEntry, Target
from audit.reports import known, make
from tests.audit.admin.test_acts import signed_in
from tests.audit.exports.test_exports import EVIL, sheet_rows
from tests.audit.reports.conftest import DAY, MARCH, Month
from tests.audit.reports.test_reports import NAMES

pytestmark = pytest.mark.django_db

GROUPS = {"miriam": "manager", "alice": "staff", "bob": "approver", "charlie": "auditor"}
NO_ACCESS_REVIEW = ("staff", "approver")
NO_FILES = ("approver",)


def may_see(group: str, name: str) -> bool:
    return not (name.startswith("access-") and group in NO_ACCESS_REVIEW)


def as_csv(client: Client, name: str, query: str = MARCH) -> list[list[str]]:
    """The rows of the file, with its head cut off."""
    answer = client.post(f"/admin/reports/{name}/file/", {"query": query, "format": "csv"})
    assert answer.status_code == 200, answer
    text = answer.getvalue().decode()
    head, _, body = text.partition("\r\n\r\n")
    assert all(line.startswith("# ") for line in head.splitlines())
    return list(csv.reader(io.StringIO(body, newline="")))


# --- who may what ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("person", GROUPS)
def test_each_group_sees_what_is_its_to_see(month: Month, people: dict[str, User], person: str, name: str) -> None:
    client = signed_in(people[person])
    page = client.get(f"/admin/reports/{name}/?{MARCH}")
    words = page.content.decode()
    if may_see(GROUPS[person], name):
        assert page.status_code == 200
        assert "What it cannot know" in words
        assert (">CSV</button>" in words) is (GROUPS[person] not in NO_FILES)
    else:
        assert page.status_code == 403
        assert "does not have the permission audit.review_access" in words
        assert "Ask a manager" in words


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("person", GROUPS)
def test_each_group_exports_what_is_its_to_export(
    month: Month, people: dict[str, User], person: str, name: str
) -> None:
    client = signed_in(people[person])
    answer = client.post(f"/admin/reports/{name}/file/", {"query": MARCH, "format": "json"})
    is_allowed = may_see(GROUPS[person], name) and GROUPS[person] not in NO_FILES
    assert answer.status_code == (200 if is_allowed else 403)
    entries = LedgerEntry.objects.filter(action="report.made", actor=person)
    assert entries.count() == int(is_allowed)
    if is_allowed:
        data = answer.getvalue()
        assert json.loads(data)["report"] == name
        entry = entries.get()
        assert entry.detail["sha256"] == hashlib.sha256(data).hexdigest() == answer["X-SHA256"]
        assert (entry.detail["page"], entry.detail["format"]) == (f"report.{name}", "json")


@pytest.mark.parametrize("person", GROUPS)
def test_the_list_names_what_one_may_see(month: Month, people: dict[str, User], person: str) -> None:
    words = signed_in(people[person]).get("/admin/reports/").content.decode()
    for name in NAMES:
        assert (f'href="/admin/reports/{name}/"' in words) is may_see(GROUPS[person], name)


def test_who_is_in_no_group_sees_no_report(month: Month) -> None:
    nobody = User.objects.create_user("nobody", "nobody@example.org", "x", is_staff=True)
    client = signed_in(nobody)
    assert client.get("/admin/reports/").status_code == 403
    assert {client.get(f"/admin/reports/{name}/").status_code for name in NAMES} == {403}


def test_a_stranger_is_asked_to_sign_in() -> None:
    assert Client().get("/admin/reports/deletes/").status_code == 302


def test_an_auditor_takes_everything_and_changes_nothing(cast: object) -> None:
    held = set(groups.AUDITOR)
    assert {one for one in groups.MANAGER if one.startswith("export_")} <= held
    assert all(one.startswith("export_") or one == "review_access" for one in held)


# --- pages -----------------------------------------------------------------------------------------------------------


def test_a_number_links_to_its_records(month: Month, people: dict[str, User]) -> None:
    client = signed_in(people["charlie"])
    page = client.get(f"/admin/reports/deletes/?{MARCH}")
    link = next(
        cell for cell in page.content.decode().split('"') if cell.startswith("/admin/audit/deleteaudittransaction/?")
    ).replace("&amp;", "&")
    listed = client.get(link)
    assert listed.status_code == 200
    assert "clerk deleted" in listed.content.decode()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "query",
    [
        "from=2026-03-31&to=2026-03-01", "from=x", "to=9999-12-31", "target=424242", "zone=Mars", "sort=nothing",
        "page=0", "page=-1", "page=99999", "page=x", "page=%00", "from=%00", "target=%00", "zone=%00",
    ],
)  # fmt: skip
def test_nothing_asked_ends_in_a_traceback(month: Month, people: dict[str, User], name: str, query: str) -> None:
    page = signed_in(people["charlie"]).get(f"/admin/reports/{name}/?{query}")
    assert page.status_code == 200
    assert "</html>" in page.content.decode()


def test_a_wrong_period_says_so_and_lists_nothing(month: Month, people: dict[str, User]) -> None:
    client = signed_in(people["charlie"])
    words = client.get("/admin/reports/deletes/?from=2026-03-31&to=2026-03-01").content.decode()
    assert "before it starts" in words
    assert "report.period_invalid" in words
    assert "<td" not in words
    assert 'value="2026-03-31"' in words, "what was typed stays there"


def test_an_empty_month_says_so(month: Month, people: dict[str, User]) -> None:
    words = signed_in(people["charlie"]).get("/admin/reports/deletes/?from=2019-03-01&to=2019-03-31").content.decode()
    assert "Nothing fits" in words


def test_a_target_that_is_not_active_is_said_to_be(month: Month, people: dict[str, User]) -> None:
    Target.objects.filter(pk=month.other.pk).update(is_active=False)
    words = signed_in(people["charlie"]).get(f"/admin/reports/deletes/?{MARCH}&target=Shop").content.decode()
    assert "Shop: it is not active" in words
    assert "public.Order" in words, "what was recorded before is shown"


def test_what_is_hostile_is_shown_as_text(month: Month, people: dict[str, User]) -> None:
    from tests import factories
    from tests.audit.reports.conftest import DAY

    evil = "<script>alert(1)</script>"
    factories.DeleteAuditTransactionFactory(
        target=month.target, at=DAY, last_at=DAY, tables={evil: 1}, application_user=evil, session_role=evil[:63]
    )
    words = signed_in(people["charlie"]).get(f"/admin/reports/deletes/?{MARCH}&user={quote(evil)}").content.decode()
    assert evil not in words
    assert "&lt;script&gt;" in words


def test_pages_follow_each_other(month: Month, people: dict[str, User]) -> None:
    from tests import factories
    from tests.audit.reports.conftest import DAY

    tables = {f"public.t{number:03}": 1 for number in range(120)}
    factories.DeleteAuditTransactionFactory(target=month.target, at=DAY, last_at=DAY, tables=tables)
    client = signed_in(people["charlie"])
    seen = set()
    for number in (1, 2, 3):
        words = client.get(f"/admin/reports/deletes/?{MARCH}&sort=table&page={number}").content.decode()
        seen |= {table for table in tables if f">{table}<" in words}
        assert ("Further" in words) is (number < 3)
    assert seen == set(tables)


# --- files -----------------------------------------------------------------------------------------------------------


def test_csv_states_what_it_is_and_holds_the_rows(month: Month, people: dict[str, User]) -> None:
    client = signed_in(people["charlie"])
    answer = client.post("/admin/reports/deletes/file/", {"query": f"{MARCH}&target=Club", "format": "csv"})
    text = answer.getvalue().decode()
    for words in (
        "# Report: Deletes by actor and table",
        "# Period: from 2026-03-01 00:00:00 to before 2026-04-01 00:00:00",
        "# Time zone: UTC",
        "# Targets: Club",
        "# Gap: Club: no log of deletes is read from it",
        "by charlie",
    ):
        assert words in text
    rows = as_csv(client, "deletes", f"{MARCH}&target=Club")
    assert rows[0][:5] == ["target", "table", "role", "user", "rows"]
    assert rows[1][:5] == ["Club", "public.User", "clerk", "dan", "200"]
    assert rows[1][-1] == "2026-03-12T06:00:09.000+00:00"


@pytest.mark.parametrize("text", EVIL)
def test_no_cell_of_a_report_is_a_formula(month: Month, people: dict[str, User], text: str) -> None:
    from tests import factories
    from tests.audit.reports.conftest import DAY

    Target.objects.filter(pk=month.target.pk).update(name=text)
    factories.DeleteAuditTransactionFactory(
        target=month.target, at=DAY, last_at=DAY, tables={text: 1}, application_user=text, session_role=text
    )
    client = signed_in(people["charlie"])
    cells = [cell for row in as_csv(client, "deletes") for cell in row]
    assert f"'{text}" in cells
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝")) for cell in cells)
    answer = client.post("/admin/reports/deletes/file/", {"query": MARCH, "format": "xlsx"})
    data = answer.getvalue()
    rows = sheet_rows(data, 2)
    assert any(text in [cell.replace("_x000D_", "\r") for cell in row] for row in rows)


def test_excel_has_a_sheet_with_its_head(month: Month, people: dict[str, User]) -> None:
    answer = signed_in(people["charlie"]).post("/admin/reports/deletes/file/", {"query": MARCH, "format": "xlsx"})
    data = answer.getvalue()
    about = dict(row[:2] for row in sheet_rows(data, 1) if len(row) > 1)
    assert about["Period"] == "from 2026-03-01 00:00:00 to before 2026-04-01 00:00:00"
    assert sheet_rows(data, 2)[1][:5] == ["Club", "public.User", "clerk", "dan", "200"]


@pytest.mark.parametrize("kind", ["exe", "proof", "jsonl", ""])
def test_an_unknown_format_is_refused_in_words(month: Month, people: dict[str, User], kind: str) -> None:
    client = signed_in(people["charlie"])
    answer = client.post("/admin/reports/deletes/file/", {"query": MARCH, "format": kind}, follow=True)
    assert "is no format of a report" in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_large_one_is_made_by_a_worker(
    month: Month, people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    from audit import tasks

    monkeypatch.setattr(make, "DIRECT", 1)
    client = signed_in(people["charlie"])
    answer = client.post("/admin/reports/deletes/file/", {"query": MARCH, "format": "csv"})
    row = Export.objects.get(page="report.deletes")
    assert answer["Location"] == f"/admin/audit/export/{row.pk}/change/"
    tasks.run_export(row.pk)
    row.refresh_from_db()
    assert (row.state, row.rows) == ("succeeded", 3)
    page = client.get(f"/admin/audit/export/{row.pk}/change/").content.decode()
    assert "Deletes by actor and table" in page
    assert "/admin/reports/deletes/?from=2026-03-01" in page
    got = client.get(f"/admin/audit/export/{row.pk}/download/")
    data = got.getvalue()
    assert hashlib.sha256(data).hexdigest() == row.sha256
    assert b"by charlie" in data
    refused = signed_in(people["bob"]).get(f"/admin/audit/export/{row.pk}/download/")
    assert refused.status_code == 403
    actions = set(LedgerEntry.objects.filter(actor="charlie").values_list("action", flat=True))
    assert {"export.request", "export.written", "export.download"} <= actions


def test_every_report_is_small_when_there_is_little(month: Month) -> None:
    from audit.reports import scope as scopes

    assert all(make.is_small(scopes.read(report, MARCH)) for report in known.every().values())


@pytest.mark.parametrize("name", NAMES)
def test_pdf_and_markdown_say_the_same(month: Month, people: dict[str, User], name: str) -> None:
    client = signed_in(people["charlie"])
    paper = client.post(f"/admin/reports/{name}/file/", {"query": MARCH, "format": "pdf"}).getvalue()
    assert paper.startswith(b"%PDF-")
    text = client.post(f"/admin/reports/{name}/file/", {"query": MARCH, "format": "md"}).getvalue().decode()
    assert known.find(name).title in text
    assert "What it cannot know" in text


def test_a_report_that_is_too_long_for_a_pdf_says_so(
    month: Month, people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    from audit.reports.formats import pdf

    monkeypatch.setattr(pdf, "MOST", 2)
    client = signed_in(people["charlie"])
    answer = client.post("/admin/reports/deletes/file/", {"query": MARCH, "format": "pdf"}, follow=True)
    assert "more than 2 rows" in answer.content.decode()


@pytest.mark.parametrize("kind", ["csv", "xlsx", "json", "pdf", "md"])
def test_the_same_records_give_the_same_bytes(month: Month, kind: str) -> None:
    from audit.reports import scope as scopes

    def made() -> bytes:
        out = io.BytesIO()
        scope = scopes.read(known.find("deletes"), MARCH)
        make.write(scope, kind, out, made_by="charlie", made_at=DAY)
        return out.getvalue()

    assert made() == made()
