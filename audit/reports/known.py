"""Every report by its name: those of ``kinds``, and those that other apps registered."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from audit import registry
from audit.actors import Actor
from audit.exceptions import NoSuchReport
from audit.reports import kinds
from audit.reports.report import EXPORT, Report


@cache
def _ours() -> tuple[Report, ...]:
    names = sorted(module.name for module in pkgutil.iter_modules(kinds.__path__))
    return tuple(importlib.import_module(f"{kinds.__name__}.{name}").REPORT for name in names)


def every() -> dict[str, Report]:
    """All of them by name, by title."""
    found = sorted([*_ours(), *registry.reports], key=lambda report: report.title)
    return {report.name: report for report in found}


def find(name: str) -> Report:
    """Raises ``NoSuchReport``."""
    report = every().get(name)
    if report is None:
        raise NoSuchReport(f"“{name[:60]}” is no report; there are {', '.join(every())}.")
    return report


def may_see(report: Report, actor: Actor) -> bool:
    return all(actor.may(permission) for permission in report.permissions)


def may_export(report: Report, actor: Actor) -> bool:
    return may_see(report, actor) and actor.may(EXPORT)


def require_to_see(report: Report, actor: Actor) -> None:
    """Raises ``NotPermitted``, which names the permission that is missing."""
    for permission in report.permissions:
        actor.require(permission)


def require_to_export(report: Report, actor: Actor) -> None:
    """Raises ``NotPermitted``, which names the permission that is missing."""
    require_to_see(report, actor)
    actor.require(EXPORT)
