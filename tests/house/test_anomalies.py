"""The page about anomaly rules says what the rules say."""

from __future__ import annotations

from tests.house.anomalies_page import FILE, page


def test_the_page_says_what_the_rules_say() -> None:
    assert FILE.read_text() == page(), "python -m tests.house.anomalies_page writes it anew"
