"""System checks of audit: silent when all is well, each fault with its id and what to do."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import ERROR, run_checks
from django.core.management import call_command

from audit import checks, ledger
from audit.actors import Actor
from audit.models import LedgerHead
from tests.factories import TargetFactory

KEY, OTHER = (base64.urlsafe_b64encode(letter * 32).decode() for letter in (b"k", b"o"))


def ids(found: list[Any]) -> list[str]:
    assert all(message.hint for message in found), "each says what to do"
    return [message.id for message in found]


def test_the_tests_themselves_are_configured_well() -> None:
    assert [message for message in run_checks() if message.level >= ERROR] == []


@pytest.mark.parametrize(
    ("keys", "expected"),
    [([KEY], []), ([], ["audit.E001"]), (["short"], ["audit.E002"]), ([KEY, "x"], ["audit.E002"]),
     ([OTHER, KEY], ["audit.W001"])],
)  # fmt: skip
def test_secret_keys(settings: Any, keys: list[str], expected: list[str]) -> None:
    settings.TOVGOV_SECRET_KEYS = keys
    found = checks.check_secret_keys(None)
    assert ids(found) == expected
    assert not [key for key in keys if key in str(found)], "a key is never shown"


@pytest.mark.parametrize(("hours", "expected"), [(1, []), (0, ["audit.E003"]), (-1, ["audit.E003"])])
def test_hours_of_an_approval(settings: Any, hours: int, expected: list[str]) -> None:
    settings.TOVGOV_APPROVAL_HOURS = hours
    assert ids(checks.check_numbers(None)) == expected


@pytest.mark.parametrize(("minutes", "expected"), [(2, []), (1, ["audit.E004"]), (-5, ["audit.E004"])])
def test_minutes_of_an_imports_lag(settings: Any, minutes: int, expected: list[str]) -> None:
    settings.TOVGOV_IMPORT_LAG_MINUTES = minutes
    assert ids(checks.check_numbers(None)) == expected


@pytest.mark.parametrize(("debug", "expected"), [(False, []), (True, ["audit.W002"])])
def test_debug(settings: Any, debug: bool, expected: list[str]) -> None:
    settings.DEBUG = debug
    assert ids(checks.check_debug(None)) == expected


def test_static_files(settings: Any, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path / "static"
    assert ids(checks.check_static(None)) == ["audit.W003"]
    settings.STATIC_ROOT.mkdir()
    (settings.STATIC_ROOT / "skin.css").touch()
    assert ids(checks.check_static(None)) == []


@pytest.mark.django_db
def test_a_ledger_that_no_key_of_ours_has_sealed(settings: Any) -> None:
    settings.EMBEDDED = False
    ledger.append("test.act", actor=Actor.system("tests"))
    assert ids(checks.check_database(None, databases=["default"])) == []
    LedgerHead.objects.update(seal="f" * 64)
    assert ids(checks.check_database(None, databases=["default"])) == ["audit.W010"]
    assert checks.check_database(None, databases=None) == [], "the database is asked only when that was wanted"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("embedded", "facts", "expected"),
    [
        (True, {"production": True}, ["audit.W011"]),
        (False, {"production": True}, []),
        (True, {}, []),
        (True, {"production": True, "is_active": False}, []),
    ],
)
def test_production_in_the_embedded_database(
    settings: Any, embedded: bool, facts: dict[str, Any], expected: list[str]
) -> None:
    settings.EMBEDDED = embedded
    TargetFactory(**facts)
    assert ids(checks.check_database(None, databases=["default"])) == expected


@pytest.mark.django_db
def test_the_command_runs_them(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings.DEBUG = True
    call_command("check", "--database", "default")
    assert "audit.W002" in capsys.readouterr().err
