"""A frightened person follows links: each one in README and docs leads to a page and a heading that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.documented import ROOT

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """The names that a page's headings have on the web."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page: Path, text: str) -> list[str]:
    """Links of ``text``, which stands in ``page``, that lead nowhere."""
    found = []
    for link in LINK.findall(text):
        if link.startswith(("http://", "https://")):
            continue
        name, _, anchor = link.partition("#")
        goal = (page.parent / name).resolve() if name else page
        if not goal.exists() or (anchor and anchor not in anchors(goal)):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken(page, page.read_text()) == []


def test_checker_sees_broken_links() -> None:
    page = ROOT / "docs" / "README.md"
    text = "[a](nowhere.md) [b](errors.md#no-such) [c](errors.md#errors) [d](https://example.org) [e](#nothing)"
    assert broken(page, text) == ["nowhere.md", "errors.md#no-such", "#nothing"]


def test_every_page_is_in_the_list_of_pages() -> None:
    listed = set(LINK.findall((ROOT / "docs" / "README.md").read_text()))
    assert {page.name for page in PAGES if page.parent.name == "docs"} - listed == {"README.md"}
