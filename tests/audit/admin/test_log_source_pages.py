"""Sources of server logs in the admin: tried, added, changed, removed; logs uploaded. Who may not meets 403."""

from __future__ import annotations

import gzip
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import zstandard
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from audit import tasks
from audit.admin.base import act_url
from audit.exceptions import LogSourceGone
from audit.imports.server_logs import setup
from audit.models import AuditImport, ImportSource, LedgerEntry, ServerLogEntry, Target
from audit.templatetags.tovgov import page_of
from tests import factories
from tests.audit.admin.test_acts import signed_in
from tests.audit.imports.server_logs.conftest import SYSTEM, imported, lines, records, run_import, write
from tests.cast import Cast

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/admin/audit/importsource/"
ADD, UPLOAD = f"{LIST}add/", f"{LIST}upload/"


@pytest.fixture(autouse=True)
def unqueued(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> None:
    monkeypatch.setattr("audit.jobs.enqueue", lambda *a, **k: None)
    settings.TOVGOV_SPOOL = tmp_path / "spool"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "log"
    made.mkdir()
    return made


@pytest.fixture
def target(cast: Cast) -> Target:
    return factories.TargetFactory(name="Club")


@pytest.fixture
def source(target: Target, folder: Path) -> ImportSource:
    return setup.add(target, "folder", settings={"folder": str(folder)}, actor=SYSTEM)


def asked(target: Target, folder: Path, **more: Any) -> dict[str, Any]:
    return {"target": target.pk, "kind": "folder", "folder": str(folder), "reason": "New server."} | more


def text(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status
    return " ".join(answer.content.decode().split())


def file(name: str, content: str | bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content)


def waiting(settings: Any) -> list[str]:
    return sorted(one.name[13:] for one in settings.TOVGOV_SPOOL.rglob("*") if one.is_file())


# --- added, tried, changed, removed ----------------------------------------------------------------------------------


def test_a_source_is_tried_and_nothing_is_stored(target: Target, folder: Path, cast: Cast) -> None:
    write(folder / "a.csv", records(0, 5))
    write(folder / "b.log", b"\x00\x01" * 500)
    shown = text(signed_in(cast.miriam).post(ADD, asked(target, folder) | {"try": "1"}))
    assert "2 files would be read" in shown
    assert "csvlog" in shown
    assert "2026-11-20 10:00:00 UTC" in shown
    assert "statement: SELECT" not in shown
    assert str(folder) in shown  # the form keeps what was entered
    assert not ImportSource.objects.exists()
    assert not LedgerEntry.objects.filter(action__startswith="imports.").exists()


def test_a_source_is_added_from_the_targets_page(target: Target, folder: Path, cast: Cast) -> None:
    client = signed_in(cast.miriam)
    link = f"{ADD}?target={target.pk}"
    assert link in text(client.get(page_of(target)))
    assert f'<option value="{target.pk}" selected>' in text(client.get(link))
    how = {"patterns": "*.csv\n  *.csv.gz ", "line_prefix": "%m [%p] ", "timezone": "Europe/Berlin", "keep_days": "90"}
    shown = text(client.post(ADD, asked(target, folder, **how), follow=True))
    source = ImportSource.objects.get()
    assert source.settings == {
        "folder": str(folder), "patterns": ["*.csv", "*.csv.gz"], "prefix": "%m [%p] ", "timezone": "Europe/Berlin",
    }  # fmt: skip
    assert source.keep_days == 90
    assert "folder of Club is read once a minute." in shown
    assert "*.csv, *.csv.gz" in shown
    entry = LedgerEntry.objects.get(action="imports.source.add")
    assert (entry.actor, entry.reason) == ("miriam", "New server.")
    assert page_of(source) in text(client.get(page_of(target)))
    listed = text(client.get(LIST))
    assert "Log sources" in listed
    assert ADD in listed
    assert UPLOAD in listed


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"folder": "log"}, "A folder is named by its whole path"),
        ({"timezone": "Mars/Olympus"}, "Mars/Olympus"),
        ({"encoding": "klingon"}, "klingon"),
        ({"folder": "/not/there", "try": "1"}, "imports.log_source_gone"),
    ],
)
def test_what_does_not_fit_is_named(more: dict[str, str], words: str, target: Target, folder: Path, cast: Cast) -> None:
    assert words in text(signed_in(cast.miriam).post(ADD, asked(target, folder) | more), 409)
    assert not ImportSource.objects.exists()


def test_a_second_source_of_one_kind_needs_a_name(source: ImportSource, folder: Path, cast: Cast) -> None:
    client = signed_in(cast.miriam)
    assert "give this one a name" in text(client.post(ADD, asked(source.target, folder)), 409)
    assert client.post(ADD, asked(source.target, folder, name="replica")).status_code == 302


def test_a_source_is_changed(source: ImportSource, folder: Path, cast: Cast) -> None:
    client, edit = signed_in(cast.miriam), f"{LIST}{source.pk}/edit/"
    assert edit in text(client.get(page_of(source)))
    assert str(folder) in text(client.get(edit))
    write(folder / "a.csv", records(0, 5))
    assert "1 file would be read" in text(client.post(edit, {"folder": str(folder), "try": "1"}))
    client.post(edit, {"folder": str(folder), "patterns": "*.json", "reason": "No csv any more."})
    source.refresh_from_db()
    assert source.settings == {"folder": str(folder), "patterns": ["*.json"]}
    assert LedgerEntry.objects.get(action="imports.source.change").reason == "No csv any more."
    assert text(client.post(edit, {"folder": "log"}), 409)


def test_what_was_uploaded_is_tried_with_another_time_zone(target: Target, cast: Cast, settings: Any) -> None:
    source = setup.sent_source(target, actor=SYSTEM)
    edit, client = f"{LIST}{source.pk}/edit/", signed_in(cast.miriam)
    assert "No file would be read" in text(client.post(edit, {"try": "1"}))
    setup.send(source, [b"2026-11-20 10:00:00.000 CST [1] LOG:  starting\n" * 3], "pg.log", actor=SYSTEM)
    assert "1 file would be read" in text(client.post(edit, {"try": "1", "timezone": "Asia/Shanghai"}))
    assert "2026-11-20 02:00:00 UTC" in text(client.post(edit, {"try": "1", "timezone": "Asia/Shanghai"}))


def test_a_source_that_cannot_be_read_says_what_to_do(source: ImportSource, folder: Path, cast: Cast) -> None:
    folder.rmdir()
    run_import(source)
    shown = signed_in(cast.alice).get(page_of(source)).content.decode()
    assert LogSourceGone.code in shown
    assert LogSourceGone.advice in unescape(shown)


def test_a_delete_log_has_no_such_form(target: Target, cast: Cast) -> None:
    source = ImportSource.objects.create(target=target, kind="deletions")
    client = signed_in(cast.miriam)
    assert client.get(f"{LIST}{source.pk}/edit/").status_code == 404
    shown = text(client.get(page_of(source)))
    assert "/edit/" not in shown
    assert "act/remove/" not in shown


def test_a_source_is_removed_after_a_second_look(source: ImportSource, cast: Cast) -> None:
    client, remove = signed_in(cast.miriam), act_url(source, "remove", source.pk)
    assert "act/remove/" in text(client.get(page_of(source)))
    assert "Nothing more of it is read" in text(client.get(remove))
    assert ImportSource.objects.exists()
    assert "folder of Club is removed." in text(client.post(remove, {"reason": "Wrong."}, follow=True))
    assert not ImportSource.objects.exists()
    assert LedgerEntry.objects.get(action="imports.source.remove").reason == "Wrong."


def test_a_source_of_which_something_is_kept_is_not_removed(source: ImportSource, folder: Path, cast: Cast) -> None:
    write(folder / "a.csv", records(0, 5))
    imported(source)
    client = signed_in(cast.miriam)
    assert "act/remove/" not in text(client.get(page_of(source)))
    client.post(act_url(source, "remove", source.pk), {"reason": "x"})
    assert ImportSource.objects.exists()


# --- uploaded --------------------------------------------------------------------------------------------------------


def test_several_files_are_uploaded_and_read_once(target: Target, cast: Cast, settings: Any) -> None:
    client = signed_in(cast.alice)
    assert f"{UPLOAD}?target={target.pk}" in text(client.get(page_of(target)))
    files = [
        file("a.csv", records(0, 5)),
        file("b.csv.gz", gzip.compress(records(5, 5).encode())),
        file("../../c.csv.zst", zstandard.compress(records(10, 5).encode())),
    ]
    answer = client.post(UPLOAD, {"target": target.pk, "logs": files, "reason": "From RDS."}, follow=True)
    shown = text(answer)
    assert "b.csv.gz is kept until a worker has read it." in shown
    run = AuditImport.objects.get()
    assert answer.redirect_chain[-1][0] == page_of(run)
    assert waiting(settings) == ["a.csv", "b.csv.gz", "c.csv.zst"]
    tasks.run_import(run.pk)
    assert lines(ImportSource.objects.get()) == list(range(15))
    assert waiting(settings) == []
    entries = LedgerEntry.objects.filter(action="imports.sent")
    assert {(entry.actor, entry.reason) for entry in entries} == {("alice", "From RDS.")}
    assert len(entries) == 3
    client.post(UPLOAD, {"target": target.pk, "logs": [file("again.csv", records(0, 8))]})
    tasks.run_import(AuditImport.objects.latest("pk").pk)
    assert ServerLogEntry.objects.count() == 18


def test_a_file_that_goes_to_the_disk_first(target: Target, cast: Cast, settings: Any) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 1000
    signed_in(cast.alice).post(UPLOAD, {"target": target.pk, "logs": [file("a.csv", records(0, 3_000))]})
    tasks.run_import(AuditImport.objects.get().pk)
    assert ServerLogEntry.objects.count() == 3_000


def test_an_upload_that_is_too_large_is_named_and_nothing_is_kept(target: Target, cast: Cast, settings: Any) -> None:
    settings.TOVGOV_LOG_UPLOAD_MB = 1
    files = [file("a.csv", b"x" * 700_000), file("b.csv", b"x" * 700_000)]
    shown = text(signed_in(cast.alice).post(UPLOAD, {"target": target.pk, "logs": files}), 413)
    assert "imports.log_upload_too_large" in shown
    assert "One upload may have 1 MB; this one has more." in shown
    assert f'<option value="{target.pk}" selected>' in shown
    assert waiting(settings) == []
    assert not ImportSource.objects.exists()


@pytest.mark.parametrize("files", [[], [file("empty.csv", "")]])
def test_an_upload_of_nothing_is_refused(files: list[SimpleUploadedFile], target: Target, cast: Cast) -> None:
    shown = text(signed_in(cast.alice).post(UPLOAD, {"target": target.pk, "logs": files}))
    assert "Nothing was done yet." in shown
    assert not ImportSource.objects.exists()


@pytest.mark.parametrize("limit", [500, 0])
def test_an_upload_without_a_token_is_refused(target: Target, cast: Cast, settings: Any, limit: int) -> None:
    settings.TOVGOV_LOG_UPLOAD_MB = limit
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.alice)
    answer = client.post(UPLOAD, {"target": target.pk, "logs": [file("a.csv", records(0, 5))]})
    assert answer.status_code == 403
    assert waiting(settings) == []


def test_an_upload_with_a_token_is_taken(target: Target, cast: Cast, settings: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.alice)
    client.get(UPLOAD)
    token = client.cookies["csrftoken"].value
    sent = {"csrfmiddlewaretoken": token, "target": target.pk, "logs": [file("a.csv", records(0, 5))]}
    assert client.post(UPLOAD, sent).status_code == 302
    assert waiting(settings) == ["a.csv"]


# --- who may not -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["alice", "bob", "charlie"])
def test_others_add_change_and_remove_nothing(source: ImportSource, folder: Path, cast: Cast, name: str) -> None:
    client = signed_in(getattr(cast, name))
    shown = text(client.get(page_of(source))) + text(client.get(LIST)) + text(client.get(page_of(source.target)))
    for link in ("/edit/", "act/remove/", ADD):
        assert link not in shown
    for url in (ADD, f"{LIST}{source.pk}/edit/"):
        assert client.get(url).status_code == 403
        assert client.post(url, asked(source.target, folder, name="x") | {"try": "1"}).status_code == 403
        assert client.post(url, asked(source.target, folder, name="x")).status_code == 403
    assert client.post(act_url(source, "remove", source.pk), {"reason": "x"}).status_code == 403
    assert ImportSource.objects.count() == 1


@pytest.mark.parametrize("name", ["bob", "charlie"])
def test_who_may_not_import_uploads_nothing(target: Target, cast: Cast, settings: Any, name: str) -> None:
    client = signed_in(getattr(cast, name))
    assert UPLOAD not in text(client.get(LIST)) + text(client.get(page_of(target)))
    assert client.get(UPLOAD).status_code == 403
    answer = client.post(UPLOAD, {"target": target.pk, "logs": [file("a.csv", records(0, 5))]})
    assert answer.status_code == 403
    assert waiting(settings) == []


def test_a_stranger_is_asked_to_sign_in(target: Target, settings: Any) -> None:
    answer = Client().post(UPLOAD, {"target": target.pk, "logs": [file("a.csv", records(0, 5))]})
    assert answer.status_code == 302
    assert "/admin/login/" in answer.headers["Location"]
    assert waiting(settings) == []
