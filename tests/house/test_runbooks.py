"""The printed runbooks are those that tovgov shows."""

from __future__ import annotations

from tests.house import runbooks_page


def test_the_page_is_up_to_date() -> None:
    assert runbooks_page.FILE.read_text() == runbooks_page.page(), "run: python -m tests.house.runbooks_page"
