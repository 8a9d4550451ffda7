"""``manage.py imports`` for server logs: sources kept, tried and read, and standard input."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from audit.models import AuditImport, ImportSource, LedgerEntry, ServerLogEntry, Target
from tests.audit.imports.server_logs.conftest import lines, records, write
from tests.audit.test_reviews_command import run
from tests.cast import Cast

pytestmark = pytest.mark.django_db(transaction=True)
CLUB = "TovPlay staging"
MIRIAM, ALICE = ("--as", "miriam"), ("--as", "alice")


@pytest.fixture(autouse=True)
def spool(tmp_path: Path, settings: Any, cast: Cast, target: Target) -> Path:
    settings.TOVGOV_SPOOL = tmp_path / "spool"
    return tmp_path / "spool"


def told(verb: str) -> list[LedgerEntry]:
    return list(LedgerEntry.objects.filter(action=verb).order_by("pk"))


def piped(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """As the shell does with ``< path``."""
    monkeypatch.setattr(sys, "stdin", path.open())


def test_a_source_is_tried_added_listed_and_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "a.csv", records(0, 5))
    write(folder / "b.log", b"\x00\x01" * 500)
    where = ("imports", "add", CLUB, "folder", "--folder", folder)
    trial = run(capsys, *where, "--try", *MIRIAM)
    assert trial["files"] == 2
    assert {one["name"]: one.get("format") for one in trial["newest"]} == {"a.csv": "csvlog", "b.log": None}
    assert not ImportSource.objects.exists()
    made = run(capsys, *where, "--name", "logs", "--pattern", "*.csv", "--keep-days", "90", "--reason", "New.", *MIRIAM)
    assert (made["target"], made["settings"]) == (CLUB, {"folder": str(folder), "patterns": ["*.csv"]})
    assert [(row["id"], row["keep_days"]) for row in run(capsys, "imports", "list")] == [(made["id"], 90)]
    assert run(capsys, "imports", "run", CLUB, "logs", *ALICE)["rows"] == 5
    assert lines(ImportSource.objects.get()) == list(range(5))
    status = run(capsys, "imports", "status")
    assert [(row["name"], row["lag_seconds"]) for row in status] == [("logs", None)]
    entry = told("imports.source.add")[0]
    assert (entry.actor, entry.reason, entry.detail["settings"]["folder"]) == ("miriam", "New.", str(folder))


def test_it_is_paused_resumed_and_removed(source: ImportSource, capsys: pytest.CaptureFixture[str]) -> None:
    assert not run(capsys, "imports", "pause", CLUB, "--reason", "We move.", *MIRIAM)["is_active"]
    run(capsys, "imports", "pause", CLUB, *MIRIAM)  # a second time says nothing new
    assert run(capsys, "imports", "resume", CLUB, "folder", *MIRIAM)["is_active"]
    assert run(capsys, "imports", "remove", CLUB, source.pk, *MIRIAM)["id"] == source.pk
    assert not ImportSource.objects.exists()
    assert [entry.reason for entry in told("imports.source.pause")] == ["We move."]
    assert len(told("imports.source.resume")) == len(told("imports.source.remove")) == 1


def test_a_source_of_which_something_is_kept_stays(
    source: ImportSource, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder / "a.csv", records(0, 5))
    run(capsys, "imports", "run", CLUB, "folder", *ALICE)
    refused = run(capsys, "imports", "remove", CLUB, *MIRIAM, status=3)
    assert refused["error"]["code"] == "imports.log_source_used"
    assert ServerLogEntry.objects.count() == 5


def test_standard_input_is_read_once_and_leaves_the_spool(
    folder: Path, spool: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(folder / "x.csv", records(0, 2_000))
    piped(monkeypatch, path)
    sent = run(capsys, "imports", "run", CLUB, "-", "--name", "../x.csv", "--reason", "From RDS.", *ALICE)
    assert (sent["records"], sent["rows"]) == (2_000, 2_000)
    packed = write(folder / "x.csv.gz", gzip.compress(path.read_bytes() + records(2_000, 10).encode()))
    piped(monkeypatch, packed)
    assert run(capsys, "imports", "run", CLUB, "-", "--name", "x.csv.gz", *ALICE)["rows"] == 10
    source = ImportSource.objects.get()
    assert (source.kind, lines(source)) == ("sent", list(range(2_010)))
    assert [file for file in spool.rglob("*") if file.is_file()] == []
    entries = told("imports.sent")
    assert [(entry.actor, entry.reason, entry.detail["name"]) for entry in entries] == [
        ("alice", "From RDS.", "x.csv"),
        ("alice", "", "x.csv.gz"),
    ]
    assert len(told("imports.source.add")) == 1


def test_standard_input_may_wait_for_a_worker(
    folder: Path, spool: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    piped(monkeypatch, write(folder / "x.csv", records(0, 5)))
    run(capsys, "imports", "run", CLUB, "-", "--name", "x.csv", "--queue", *ALICE)
    piped(monkeypatch, write(folder / "y.csv", records(5, 5)))
    run(capsys, "imports", "run", CLUB, "-", "--name", "y.csv", "--queue", *ALICE)
    assert AuditImport.objects.get().state == "queued"
    assert len([file for file in spool.rglob("*") if file.is_file()]) == 2


def test_a_spool_that_cannot_be_written_is_named(
    folder: Path, spool: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spool.write_text("a file stands in its place")
    piped(monkeypatch, write(folder / "x.csv", records(0, 5)))
    refused = run(capsys, "imports", "run", CLUB, "-", *ALICE, status=4)
    assert refused["error"]["code"] == "imports.log_source_gone"
    assert told("imports.sent") == []


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (("add", CLUB, "folder", "--folder", "/srv", *ALICE), 3, "actor.not_permitted"),
        (("add", CLUB, "folder", "--folder", "/srv", "--try", *ALICE), 3, "actor.not_permitted"),
        (("pause", CLUB, *ALICE), 3, "actor.not_permitted"),
        (("resume", CLUB, *ALICE), 3, "actor.not_permitted"),
        (("remove", CLUB, *ALICE), 3, "actor.not_permitted"),
        (("run", CLUB, "folder", "--as", "charlie"), 3, "actor.not_permitted"),
        (("run", CLUB, "-", "--as", "charlie"), 3, "actor.not_permitted"),
        (("add", CLUB, "folder", "--folder", "srv/log", *MIRIAM), 2, "imports.log_source_invalid"),
        (("add", CLUB, "folder", *MIRIAM), 2, "imports.log_source_invalid"),
        (("add", CLUB, "folder", "--folder", "/srv", *MIRIAM), 2, "imports.log_source_invalid"),
        (("add", CLUB, "sql", "--timezone", "Mars/Olympus", *MIRIAM), 2, "imports.log_source_invalid"),
        (("add", CLUB, "sql", "--encoding", "klingon", *MIRIAM), 2, "imports.log_source_invalid"),
        (("add", CLUB, "sql", "--prefix", "[%p] ", *MIRIAM), 2, "imports.log_source_invalid"),
        (("add", CLUB, "folder", "--folder", "/not/there", "--try", *MIRIAM), 4, "imports.log_source_gone"),
        (("run", CLUB, "nothing", *ALICE), 2, "imports.log_source_unknown"),
        (("remove", CLUB, "nothing", *MIRIAM), 2, "imports.log_source_unknown"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(
    words: tuple[str, ...], status: int, code: str, source: ImportSource, folder: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    piped(monkeypatch, write(folder / "x.csv", records(0, 5)))
    entries = LedgerEntry.objects.count()
    assert run(capsys, "imports", *words, status=status)["error"]["code"] == code
    assert (ImportSource.objects.count(), LedgerEntry.objects.count()) == (1, entries)


def test_a_person_reads_sentences(
    folder: Path, target: Target, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder / "a.csv", records(0, 5))
    call_command("imports", "add", CLUB, "folder", "--folder", str(folder), "--try", *MIRIAM)
    said = capsys.readouterr().out
    assert "csvlog" in said
    assert "2026-11-20 10:00:00 UTC" in said
    assert "statement" not in said, "a message may hold secrets"
    call_command("imports", "add", CLUB, "folder", "--folder", str(folder), *MIRIAM)
    assert f"folder of {CLUB} is read once a minute" in capsys.readouterr().out
    call_command("imports", "pause", CLUB, *MIRIAM)
    assert "is paused" in capsys.readouterr().out
    call_command("imports", "list")
    assert "paused" in capsys.readouterr().out
    call_command("imports", "resume", CLUB, *MIRIAM)
    piped(monkeypatch, write(folder / "x.csv", records(5, 5)))
    capsys.readouterr()
    call_command("imports", "run", CLUB, "-", *ALICE)
    assert "5 entries were imported" in capsys.readouterr().out
    call_command("imports", "remove", CLUB, "folder", *MIRIAM)
    assert "is removed" in capsys.readouterr().out


def test_a_source_without_a_name_is_found_beside_others_of_its_kind(
    source: ImportSource, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder / "a.csv", records(0, 5))
    other = run(capsys, "imports", "add", CLUB, "folder", "--folder", folder, "--name", "second", *MIRIAM)
    for name, meant in (("folder", source.pk), (str(other["id"]), other["id"])):
        run(capsys, "imports", "run", CLUB, name, *ALICE)
        assert AuditImport.objects.latest("pk").source_id == meant
    assert not run(capsys, "imports", "pause", CLUB, "folder", *MIRIAM)["is_active"]
    assert run(capsys, "imports", "keep", CLUB, "folder", "30", *MIRIAM)["keep_days"] == 30


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("third", "has no source “third”"), ("folder", "2 sources “folder”; say the name or the number of one")],
)
def test_a_name_that_means_no_source_or_several_says_so(
    target: Target, folder: Path, capsys: pytest.CaptureFixture[str], name: str, sentence: str
) -> None:
    for number in ("one", "two"):
        run(capsys, "imports", "add", CLUB, "folder", "--folder", folder, "--name", number, *MIRIAM)
    with pytest.raises(SystemExit):
        call_command("imports", "pause", CLUB, name, "--as", "miriam")
    assert sentence in capsys.readouterr().err


def test_what_was_sent_and_cannot_be_read_is_said(
    folder: Path, target: Target, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    piped(monkeypatch, write(folder / "binary", bytes(range(256)) * 100))
    call_command("imports", "run", CLUB, "-", "--name", "odd.log", *ALICE)
    said = capsys.readouterr().out
    assert "0 entries were imported" in said
    assert "odd.log cannot be read: This text does not look like a server log" in said
    piped(monkeypatch, write(folder / "half.csv", records(0, 5) + "and no more\n"))
    call_command("imports", "run", CLUB, "-", "--name", "half.csv", *ALICE)
    assert "At 1 place there was no whole record" in capsys.readouterr().out
