"""Exports: what a file holds, that no cell runs, its hash, who may have it, and its end."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import resource
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from django.conf import settings

from audit import tasks
from audit.actors import Actor
from audit.exceptions import ExportDamaged, ExportFolderUnusable, FilterInvalid, NoSuchExport, NotPermitted
from audit.exports import request as exports
from audit.exports import xlsx
from audit.lists.deletions import ROWS, TRANSACTIONS
from audit.lists.ledger_entries import LEDGER
from audit.lists.saved import LISTINGS
from audit.models import Export, LedgerEntry
from tests import factories
from tests.factories import ago

pytestmark = pytest.mark.django_db

EVIL = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(settings, "TOVGOV_EXPORTS", tmp_path / "exports")
    monkeypatch.setattr("audit.jobs.enqueue", lambda *given, **more: None)
    return tmp_path / "exports"


def made(kind: str, query: str = "", *, actor: Actor, listing: Any = ROWS) -> bytes:
    got = exports.direct(listing, query, kind, actor=actor)
    with got.file:
        return got.file.read()


def sheet_rows(data: bytes, number: int = 1) -> list[list[str]]:
    """The cells of a sheet as text."""
    space = {"x": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        assert book.testzip() is None
        tree = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))
    assert tree.findall(".//x:f", space) == [], "a formula"
    rows = tree.findall(".//x:row", space)
    return [["".join(cell.itertext()) for cell in row.findall("x:c", space)] for row in rows]


def test_csv_holds_every_value(asker: Actor) -> None:
    text = 'a "quote", a comma\nand a line'
    row = factories.DeleteAuditLogFactory(row=json.dumps({"note": text}), masked=["email"])
    found = list(csv.DictReader(io.StringIO(made("csv", actor=asker).decode())))
    assert len(found) == 1
    assert json.loads(found[0]["row"]) == {"note": text}
    assert json.loads(found[0]["not_kept"]) == ["email"]
    assert (found[0]["table_name"], found[0]["target"]) == ("GameRequest", row.target.name)
    assert found[0]["at"].endswith("+00")


@pytest.mark.parametrize("text", EVIL)
def test_no_cell_of_csv_is_a_formula(text: str, asker: Actor) -> None:
    factories.DeleteAuditTransactionFactory(query=text, application_user=text, session_role=text[:20])
    found = next(csv.DictReader(io.StringIO(made("csv", listing=TRANSACTIONS, actor=asker).decode(), newline="")))
    assert [found["query"], found["application_user"]] == [f"'{text}"] * 2
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for cell in found.values())


@pytest.mark.parametrize("text", EVIL)
def test_no_cell_of_excel_is_a_formula(text: str, asker: Actor) -> None:
    factories.DeleteAuditTransactionFactory(query=text)
    head, row = sheet_rows(made("xlsx", listing=TRANSACTIONS, actor=asker))
    assert row[head.index("query")].replace("_x000D_", "\r") == text  # as Excel writes a carriage return


def test_excel_keeps_numbers_and_cuts_what_no_cell_holds(asker: Actor) -> None:
    factories.DeleteAuditTransactionFactory(
        query="x" * 40_000, row_count=182, transaction=2**60, application_user="a\x01b"
    )
    head, row = sheet_rows(made("xlsx", listing=TRANSACTIONS, actor=asker))
    facts = dict(zip(head, row, strict=False))
    assert (facts["row_count"], facts["transaction"], facts["application_user"]) == ("182", str(2**60), "a�b")
    assert len(facts["query"]) == xlsx.CELL
    assert facts["query"].endswith("[cut]")


def test_excel_goes_on_in_another_sheet(asker: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "SHEET", 2)
    for _ in range(3):
        factories.DeleteAuditLogFactory()
    data = made("xlsx", actor=asker)
    assert (len(sheet_rows(data, 1)), len(sheet_rows(data, 2))) == (3, 2)


def test_json_lines_are_exact(asker: Actor) -> None:
    text = '=1 \\ "quote" \n line \u2028 🦉'
    factories.DeleteAuditTransactionFactory(query=text, tables={"public.User": 3})
    lines = made("jsonl", listing=TRANSACTIONS, actor=asker).splitlines()
    one = json.loads(lines[0])
    assert len(lines) == 1
    assert (one["query"], one["tables"], one["client_address"]) == (text, {"public.User": 3}, "10.0.0.7")


@pytest.mark.parametrize("kind", ["csv", "jsonl", "xlsx"])
def test_an_empty_list_is_an_empty_file_of_its_format(kind: str, asker: Actor) -> None:
    data = made(kind, actor=asker)
    assert data if kind != "jsonl" else data == b""


def test_the_filter_and_the_order_are_the_lists(asker: Actor) -> None:
    for minutes, role in ((1, "a"), (9, "b"), (5, "a")):
        of = factories.DeleteAuditTransactionFactory(at=ago(minutes=minutes), session_role=role)
        factories.DeleteAuditLogFactory(of_transaction=of, record=minutes)
    found = list(csv.DictReader(io.StringIO(made("csv", "role=a", actor=asker).decode())))
    assert [row["session_role"] for row in found] == ["a", "a"]
    assert found[0]["at"] > found[1]["at"]
    assert len(made("jsonl", "q=dana", actor=asker).splitlines()) == 3


def test_its_hash_stands_in_the_ledger(asker: Actor) -> None:
    factories.DeleteAuditLogFactory()
    data = made("csv", "table=GameRequest", actor=asker)
    entry = LedgerEntry.objects.get(action="export.direct")
    assert entry.detail["sha256"] == hashlib.sha256(data).hexdigest()
    assert (entry.actor, entry.detail["query"], entry.detail["rows"]) == ("alice", "table=GameRequest", 1)


def test_an_approver_does_not_export(approver: Actor) -> None:
    for listing in (ROWS, TRANSACTIONS, LEDGER):
        with pytest.raises(NotPermitted):
            exports.direct(listing, "", "csv", actor=approver)
        with pytest.raises(NotPermitted):
            exports.start(listing, "", "csv", actor=approver)


def test_an_auditor_exports_every_list(auditor: Actor) -> None:
    for listing in LISTINGS.values():
        exports.direct(listing, "", "csv", actor=auditor).file.close()
        entry = LedgerEntry.objects.latest("number")
        assert (entry.action, entry.actor, entry.detail["page"]) == ("export.direct", "charlie", listing.page)


def test_neither_a_wrong_filter_nor_a_wrong_format_exports_everything(asker: Actor) -> None:
    for query, kind in (("from=yesterday", "csv"), ("", "pdf")):
        with pytest.raises(FilterInvalid):
            exports.start(ROWS, query, kind, actor=asker)
        with pytest.raises(FilterInvalid):
            exports.direct(ROWS, query, kind, actor=asker)


# --- by a worker -----------------------------------------------------------------------------------------------------


@pytest.fixture
def done(transactional_db: None, asker: Actor, folder: Path) -> Export:
    factories.DeleteAuditLogFactory()
    row = exports.start(ROWS, "", "csv", actor=asker)
    tasks.run_export(row.pk)
    row.refresh_from_db()
    assert row.state == "succeeded", row.error
    return row


def test_a_worker_writes_what_only_we_may_read(done: Export, folder: Path, asker: Actor) -> None:
    path = folder / done.path
    assert (folder.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == done.sha256
    assert (done.rows, done.bytes) == (1, path.stat().st_size)
    assert LedgerEntry.objects.get(action="export.written").detail["sha256"] == done.sha256
    got = exports.download(done, actor=asker)
    with got.file:
        assert got.file.read() == path.read_bytes()
    assert LedgerEntry.objects.filter(action="export.download", actor="alice").count() == 1


def test_a_file_that_was_changed_is_not_handed_out(done: Export, folder: Path, asker: Actor) -> None:
    with (folder / done.path).open("ab") as file:
        file.write(b"more")
    with pytest.raises(ExportDamaged):
        exports.download(done, actor=asker)


def test_a_file_that_is_gone_is_said_to_be_gone(done: Export, folder: Path, asker: Actor) -> None:
    (folder / done.path).unlink()
    with pytest.raises(NoSuchExport):
        exports.download(done, actor=asker)


def test_an_approver_gets_no_file(done: Export, approver: Actor) -> None:
    with pytest.raises(NotPermitted):
        exports.download(done, actor=approver)


def test_files_go_when_their_days_are_over(done: Export, folder: Path) -> None:
    assert exports.expire() == 0
    Export.objects.update(expires_at=ago(minutes=1))
    assert exports.expire() == 1
    assert list(folder.iterdir()) == []
    done.refresh_from_db()
    assert (done.path, len(done.sha256)) == ("", 64)
    assert LedgerEntry.objects.filter(action="export.expire").count() == 1


def test_what_a_killed_worker_left_goes(done: Export, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = folder / f"{done.uuid}.part"
    part.touch()
    exports.after_death(done)
    assert not part.exists()
    part.touch()
    monkeypatch.setattr("audit.exports.files.STRAY_SECONDS", -1)
    assert exports.expire() == 1
    assert [file.name for file in folder.iterdir()] == [done.path]


@pytest.mark.django_db(transaction=True)
def test_a_cancelled_export_leaves_no_file(asker: Actor, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from audit.exceptions import JobCancelled
    from audit.exports import selection

    for _ in range(3):
        factories.DeleteAuditLogFactory()
    monkeypatch.setattr(selection, "EVERY", 1)
    row = exports.start(ROWS, "", "jsonl", actor=asker)

    def cancelled(self: Any) -> None:
        if self._done:
            raise JobCancelled

    monkeypatch.setattr("audit.progress.Progress.check", cancelled)
    tasks.run_export(row.pk)
    row.refresh_from_db()
    assert (row.state, row.path) == ("cancelled", "")
    assert list(folder.iterdir()) == []


@pytest.mark.django_db(transaction=True)
def test_a_folder_that_cannot_be_used_is_named(asker: Actor, folder: Path) -> None:
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("in the way")
    row = exports.start(ROWS, "", "csv", actor=asker)
    tasks.run_export(row.pk)
    row.refresh_from_db()
    assert (row.state, row.error_code) == ("failed", ExportFolderUnusable.code)
    assert str(folder) in row.error


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_full_disk_fails_the_export_and_leaves_no_file(asker: Actor, folder: Path, kind: str) -> None:
    """The kernel refuses while PostgreSQL is sending rows: the job ends, and does not wait for ever."""
    factories.DeleteAuditLogFactory(row=json.dumps({"note": "x" * 300_000}))
    row = exports.start(ROWS, "", kind, actor=asker)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        tasks.run_export(row.pk)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    row.refresh_from_db()
    assert (row.state, row.error_code) == ("failed", ExportFolderUnusable.code)
    assert list(folder.iterdir()) == []
