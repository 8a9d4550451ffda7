"""``docs/server-logs.md`` says what the code says."""

from __future__ import annotations

import re

from audit.postgres.logs.faults import SENTENCES
from audit.postgres.logs.opening import FORMATS
from audit.postgres.logs.record import LIMIT
from tests.house.documented import ROOT

PAGE = (ROOT / "docs" / "server-logs.md").read_text()


def test_every_fault_is_explained_and_no_other() -> None:
    assert set(re.findall(r"^\| `([a-z-]+)` \|", PAGE, flags=re.M)) == set(SENTENCES)


def test_every_format_is_named() -> None:
    assert set(re.findall(r"^\| \*\*([a-z]+)\*\* \|", PAGE, flags=re.M)) == set(FORMATS)


def test_the_limit_is_the_one_that_holds() -> None:
    assert f"longer than {LIMIT // 1024**2} MiB" in PAGE
