"""A headless Chromium against the live server. Without Chromium these tests are skipped; with TOVGOV_CI they fail."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils.module_loading import import_string
from playwright.sync_api import Browser, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests.backups.conftest import keys, shelf, spool  # noqa: F401  # fixtures of whole backups
from tests.browser.visitor import PATIENCE, Visitor
from tests.cast import Cast, gather
from tests.waiting import wait_until

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright runs an event loop in this thread

expect.set_options(timeout=PATIENCE)
NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = [
    "--no-sandbox",
    "--headless=new",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in item.path.as_posix() and "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser, started once."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        if os.environ.get("TOVGOV_CI"):
            pytest.fail("No Chromium on this machine, and TOVGOV_CI demands the browser tests.")
        pytest.skip("No Chromium on this machine: install chromium to run the browser tests.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS, timeout=PATIENCE)
        yield browser
        browser.close()


@pytest.fixture
def people(transactional_db: None) -> Cast:
    """The cast, in committed rows that the live server sees."""
    return gather()


@pytest.fixture
def visit(chromium: Browser, live_server: LiveServer) -> Iterator[Callable[..., Visitor]]:
    """``visit("alice", width=390, dark=True)`` is a signed-in visitor with a browser of their own."""
    opened: list[Visitor] = []

    def open_one(name: str = "", **options: Any) -> Visitor:
        visitor = Visitor(chromium, live_server.url, **options)
        opened.append(visitor)
        if name:
            visitor.sign_in(name)
        return visitor

    yield open_one
    for visitor in opened:
        visitor.close()


class Worker:
    """Takes the place of the broker: jobs wait here until the test runs them, in this process."""

    def __init__(self) -> None:
        self.waiting: list[tuple[str, int]] = []

    def take(self, task: str, pk: int, **options: Any) -> None:
        self.waiting.append((task, pk))

    def run(self) -> int:
        """Run what waits, and what that queues in its turn; how many jobs it was. At least one is on its way: what
        was pressed may not have come through yet."""
        wait_until(lambda: self.waiting)
        count = 0
        while self.waiting:
            task, pk = self.waiting.pop(0)
            import_string(task)(pk)
            count += 1
        return count


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    found = Worker()
    monkeypatch.setattr("audit.jobs.async_task", found.take)
    monkeypatch.setattr("backups.copies.async_task", found.take)
    return found
