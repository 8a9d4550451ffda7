"""Every error has a code of its own, a sentence, a hint, and a line in ``docs/errors.md``."""

from __future__ import annotations

import re

import pytest

from audit.exceptions import ExitStatus, InfrastructureFault, Refusal, TovgovError, UsageError
from tests.house.error_page import FILE, error_classes, page

CLASSES = error_classes()


def test_there_are_errors() -> None:
    assert {"target.wrong_server", "backup.already_running", "ledger.broken"} <= {kind.code for kind in CLASSES}


def test_the_page_says_what_the_classes_say() -> None:
    assert FILE.read_text() == page(), "run: python -m tests.house.error_page"


def test_no_code_stands_for_two_errors() -> None:
    codes = [kind.code for kind in CLASSES]
    assert {code for code in codes if codes.count(code) > 1} == set()


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.code)
def test_an_error_helps(kind: type[TovgovError]) -> None:
    assert re.fullmatch(r"[a-z]+(\.[a-z_]+)+", kind.code)
    assert len(kind.code) <= 60, "it is kept in a column of a job"
    assert all(words.strip() == words and words.endswith(".") for words in (kind.sentence, kind.advice))
    assert kind.sentence != TovgovError.sentence
    assert kind.advice != TovgovError.advice or kind.exit_status in (ExitStatus.FAILED, ExitStatus.INFRASTRUCTURE)


def test_the_kind_of_an_error_decides_its_exit_status() -> None:
    expected = {
        Refusal: ExitStatus.REFUSED,
        UsageError: ExitStatus.USAGE,
        InfrastructureFault: ExitStatus.INFRASTRUCTURE,
    }
    wrong = [
        kind.code
        for kind in CLASSES
        for base, status in expected.items()
        if issubclass(kind, base) and kind.exit_status != status
    ]
    assert wrong == []
