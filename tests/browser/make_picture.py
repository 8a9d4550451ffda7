"""Make the README's picture: ``python -m pytest tests/browser/make_picture.py``. Not collected otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.browser import scenery
from tests.browser.visitor import Visitor

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "images" / "dashboard.png"
WIDTH, HEIGHT = 1280, 940


def test_make_the_picture(transactional_db: None, visit: Callable[..., Visitor]) -> None:
    scenery.build()
    alice = visit("alice", width=WIDTH)
    alice.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    alice.go("/admin/")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    alice.page.screenshot(path=PICTURE, animations="disabled")
    assert PICTURE.stat().st_size < 300_000
