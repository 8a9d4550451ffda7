"""System checks of backups: silent when all is well, each fault with its id and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyrage import x25519

from backups import checks
from backups.tools import finding

EDGES = [
    ("TOVGOV_LOSS_SHARE", 1.0, "backups.E001"),
    ("TOVGOV_LOSS_SHARE", -0.1, "backups.E001"),
    ("TOVGOV_MAX_BACKUPS", 0, "backups.E002"),
    ("TOVGOV_STALL_SECONDS", 0, "backups.E003"),
    ("TOVGOV_PROOF_DAYS", 0, "backups.E004"),
    ("TOVGOV_KEEP_FORMER_DAYS", -1, "backups.E005"),
]


def ids(found: list[Any]) -> list[str]:
    assert all(message.hint for message in found), "each says what to do"
    return [message.id for message in found]


def test_the_defaults_are_fine() -> None:
    assert ids(checks.check_numbers(None)) == []


@pytest.mark.parametrize(("name", "value", "expected"), EDGES)
def test_numbers_that_would_switch_a_guard_off(settings: Any, name: str, value: float, expected: str) -> None:
    setattr(settings, name, value)
    [message] = checks.check_numbers(None)
    assert (message.id, name in message.msg) == (expected, True)


@pytest.fixture
def keys(settings: Any, tmp_path: Path) -> Path:
    """A folder without any key."""
    settings.TOVGOV_KEYS = tmp_path
    settings.TOVGOV_AGE_RECIPIENTS = []
    settings.TOVGOV_ENCRYPT = True
    return tmp_path


def test_missing_keys(keys: Path) -> None:
    assert ids(checks.check_keys(None)) == ["backups.W001", "backups.W002"]


def test_a_recipient_that_is_none(keys: Path, settings: Any) -> None:
    settings.TOVGOV_AGE_RECIPIENTS = ["age1nonsense"]
    assert "backups.W002" in ids(checks.check_keys(None))
    settings.TOVGOV_AGE_RECIPIENTS = [str(x25519.Identity.generate().to_public())]
    assert "backups.W002" not in ids(checks.check_keys(None))


def test_backups_that_are_not_encrypted(keys: Path, settings: Any) -> None:
    settings.TOVGOV_ENCRYPT = False
    assert ids(checks.check_keys(None)) == ["backups.W001", "backups.W003"]


def test_a_spool_that_can_be_made(settings: Any, tmp_path: Path) -> None:
    settings.TOVGOV_SPOOL = tmp_path / "not" / "yet" / "there"
    assert ids(checks.check_spool(None)) == []


def test_a_spool_that_is_a_file(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings.TOVGOV_SPOOL = tmp_path / "file"
    assert ids(checks.check_spool(None)) == ["backups.W004"]
    settings.TOVGOV_SPOOL = tmp_path / "file" / "below"
    assert ids(checks.check_spool(None)) == ["backups.W004"]


def test_no_client_tools(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.TOVGOV_PG_BIN = ""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(finding, "INSTALL_PATTERNS", ())
    monkeypatch.setattr(finding, "BUNDLE", "no_such_package")
    assert ids(checks.check_tools(None)) == ["backups.W005"] * 3


def test_client_tools_with_known_faults(settings: Any, tmp_path: Path) -> None:
    for name in checks.TOOLS:
        tool = tmp_path / name
        tool.write_text(f'#!/bin/sh\necho "{name} (PostgreSQL) 99.0"\n')
        tool.chmod(0o755)
    settings.TOVGOV_PG_BIN = str(tmp_path)
    assert checks.check_tools(None) == []
    (tmp_path / "pg_dump").write_text('#!/bin/sh\necho "pg_dump (PostgreSQL) 17.1"\n')
    [message] = checks.check_tools(None)
    assert message.id == "backups.W007"
    assert "CVE-2025-8714" in message.msg
