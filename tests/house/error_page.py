"""``docs/errors.md``, made from the error classes: ``python -m tests.house.error_page`` writes it anew."""

from __future__ import annotations

import importlib
import pkgutil
from collections import defaultdict

from tests.house.documented import OURS, ROOT, write

FILE = ROOT / "docs" / "errors.md"
HEAD = """# Errors

Every error that tovgov means for a person has a code that never changes, a sentence and a hint. The admin, the command
line (`code: sentence`, then the hint), the API and the ledger name the same code. *Exit status* is what a command ends
with, see [commands](commands.md). *Tried again* says whether tovgov repeats the work by itself when attempts are left.

This page is made from the code: `python -m tests.house.error_page`. The sentence of a real case usually says more.
"""


COLUMNS = "| Code | What happened | What to do | Exit status | Tried again |\n"


def load_all() -> None:
    """Import every module of ours, so that every class is known."""
    for app in OURS:
        package = importlib.import_module(app)
        for module in pkgutil.walk_packages(package.__path__, f"{app}."):
            importlib.import_module(module.name)


def error_classes() -> list[type]:
    """Every concrete error of ours, by code."""
    from audit.exceptions import TovgovError

    load_all()
    found: dict[str, type] = {}
    waiting: list[type] = [TovgovError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.split(".")[0] in OURS and "code" in vars(kind) and not kind.code.startswith("tovgov."):
            found[f"{kind.code} {kind.__qualname__}"] = kind
    return [found[name] for name in sorted(found)]


def page() -> str:
    """The whole document."""
    groups: dict[str, list[type]] = defaultdict(list)
    for kind in error_classes():
        groups[kind.code.split(".")[0]].append(kind)
    return HEAD + "".join(_group(name, kinds) for name, kinds in sorted(groups.items()))


def _group(name: str, kinds: list[type]) -> str:
    rows = "".join(_row(kind) for kind in kinds)
    return f"\n## {name}\n\n{COLUMNS}|---|---|---|---|---|\n{rows}"


def _row(kind: type) -> str:
    again = "no" if kind.permanent else "yes"
    words = [f"`{kind.code}`", kind.sentence, kind.advice, str(int(kind.exit_status)), again]
    return "| " + " | ".join(word.replace("|", "\\|") for word in words) + " |\n"


if __name__ == "__main__":
    write(FILE, page)
