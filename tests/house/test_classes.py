"""Every class of log records has a line in ``docs/log-classes.md``."""

from __future__ import annotations

from audit.postgres.logs.classes import CLASSES
from tests.house.class_page import FILE, page


def test_the_page_says_what_the_table_says() -> None:
    assert FILE.read_text() == page(), "run: python -m tests.house.class_page"


def test_the_page_has_them_all() -> None:
    assert all(f"| `{row.code}` |" in page() for row in CLASSES)
