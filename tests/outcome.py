"""What a run came to, kept in pytest's cache for ``tests/second_chance.py``.

``--last-failed`` would not do: under ``--dist loadgroup`` the names it keeps end in ``@group`` and are not found again,
and a worker that crashed looks like a test that failed.
"""

from __future__ import annotations

import time

import pytest

KEY = "tovgov/outcome"  # .pytest_cache/v/tovgov/outcome
CRASHED = "???"  # xdist's word for when a test ended whose worker died


def pytest_configure(config: pytest.Config) -> None:
    """Record in the controlling process only."""
    if not hasattr(config, "workerinput") and hasattr(config, "cache"):
        config.pluginmanager.register(Recorder(config))


class Recorder:
    """Names of tests that passed and failed, and of what broke otherwise: a worker that died, a file that could not
    be collected."""

    def __init__(self, config: pytest.Config) -> None:
        self.config, self.start = config, time.monotonic()
        self.passed, self.failed, self.broken = list[str](), list[str](), list[str]()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = plain(report.nodeid)
        if report.when == CRASHED:
            self.broken.append(name)
        elif report.failed and name not in self.failed:
            self.failed.append(name)
        elif report.passed and report.when == "call":
            self.passed.append(name)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.broken.append(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        passed = [name for name in self.passed if name not in self.failed]  # it may have failed in its teardown
        facts = {
            "status": int(session.exitstatus),
            "passed": passed,
            "failed": self.failed,
            "broken": self.broken,
            "seconds": time.monotonic() - self.start,
        }
        self.config.cache.set(KEY, facts)  # type: ignore[union-attr]


def plain(nodeid: str) -> str:
    """The name without the ``@group`` that xdist writes behind it; an ``@`` within a parameter stays."""
    return nodeid.rpartition("@")[0] if nodeid.rfind("@") > max(nodeid.rfind("]"), nodeid.rfind("::")) else nodeid
