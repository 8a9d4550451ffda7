"""``manage.py evidence``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from audit.exceptions import ExitStatus
from audit.models import EvidencePack, Target
from tests.audit.test_ledger_command import run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def words(club: Target, manager: object) -> list[str]:
    return ["evidence", "build", club.name, "--from", "2026-01-01", "--until", "2099-01-01", "--as", "miriam"]


def test_a_pack_is_built_fetched_and_verified(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "pack.zip"
    status, out, err = run(capsys, *words, "--to", str(to), "--reason", "The audit of June")
    assert (status, "succeeded" in out) == (ExitStatus.OK, True), err
    row = EvidencePack.objects.get()
    assert row.reason == "The audit of June"
    status, out, _ = run(capsys, "evidence", "verify", str(to))
    assert (status, f"signed by {row.signer}, whom you trust" in out) == (ExitStatus.OK, True)
    status, out, _ = run(capsys, "evidence", "list", "--json")
    assert json.loads(out)[0]["sha256"] == row.sha256
    other = tmp_path / "other.zip"
    assert run(capsys, "evidence", "fetch", str(row.pk), "--to", str(other), "--as", "charlie")[0] == ExitStatus.OK
    assert other.read_bytes() == to.read_bytes()
    status, _, err = run(capsys, "evidence", "fetch", str(row.pk), "--to", str(other), "--as", "charlie")
    assert (status, "export.folder_unusable" in err) == (ExitStatus.INFRASTRUCTURE, True)


def test_an_altered_pack_ends_with_status_5(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "pack.zip"
    run(capsys, *words, "--to", str(to))
    to.write_bytes(to.read_bytes().replace(b"Found by Dana", b"Found by Dora"))
    status, _, err = run(capsys, "evidence", "verify", str(to))
    assert (status, "records/incidents.jsonl" in err) == (ExitStatus.PROOF_FAILED, True)


def test_another_signer_ends_with_status_5(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "pack.zip"
    run(capsys, *words, "--to", str(to))
    assert run(capsys, "evidence", "verify", str(to), "--signer", "0" * 64)[0] == ExitStatus.PROOF_FAILED


def test_a_day_that_is_none_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    words[words.index("2026-01-01")] = "yesterday"
    status, _, err = run(capsys, *words)
    assert (status, "“yesterday” is no day" in err) == (ExitStatus.USAGE, True)


def test_staff_may_not_build(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, *words[:-1], "alice")[0] == ExitStatus.REFUSED


def test_a_part_can_be_chosen(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, *words, "--part", "ledger", "--part", "records")
    assert EvidencePack.objects.get().parts == ["records", "ledger"]


def test_a_pack_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, _, err = run(capsys, "evidence", "fetch", "77", "--to", str(tmp_path / "x.zip"), "--as", "miriam")
    assert (status, "evidence.unknown" in err) == (ExitStatus.USAGE, True)


def test_expire_removes_what_is_over(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, *words)
    assert "0 files were removed." in run(capsys, "evidence", "expire")[1]
