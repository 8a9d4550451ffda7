"""With TOVGOV_CI=1 (.ci/run) everything is installed: what is skipped all the same has proved nothing, and fails."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

MAY_BE_SKIPPED = ("only root", "only Linux", "only with the sample archives")


def _objection(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why this skip is a failure; empty when it is none."""
    if not os.environ.get("TOVGOV_CI") or not report.skipped or hasattr(report, "wasxfail"):
        return ""
    reason = report.longrepr[2].removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else "no reason"
    return "" if reason.startswith(MAY_BE_SKIPPED) else f"{report.nodeid} must not be skipped here: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if why := _objection(report):
        report.outcome, report.longrepr = "failed", why
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if why := _objection(report):
        report.outcome, report.longrepr = "failed", why
    return report
