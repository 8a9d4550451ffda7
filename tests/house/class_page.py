"""``docs/log-classes.md``, made from the table of classes: ``python -m tests.house.class_page`` writes it anew."""

from __future__ import annotations

from audit.postgres.logs.classes import CLASSES, LogClass, Severity
from tests.house.documented import ROOT

FILE = ROOT / "docs" / "log-classes.md"
HEAD = """# Log classes

Every record of a server log is of one class. It is told by its SQLSTATE, which is the same in every language; else by
the words of its statement; else by its message in English. The severity is tovgov's own: how much it matters to a
person. What is less than *high* is hidden unless a target chooses otherwise, see [noise](noise.md). *Values* says
whether constants are masked on the way in; secrets are in any case.

This page is made from the code: `python -m tests.house.class_page`.
"""
COLUMNS = "| Class | | What it means | What to do | SQLSTATE | Values |\n|---|---|---|---|---|---|\n"


def page() -> str:
    """The whole document, the gravest first."""
    return HEAD + "".join(_severity(severity) for severity in sorted(Severity, reverse=True))


def _severity(severity: Severity) -> str:
    rows = "".join(_row(row) for row in CLASSES if row.severity == severity)
    return f"\n## {severity.name.capitalize()}\n\n{COLUMNS}{rows}"


def _row(row: LogClass) -> str:
    states = ", ".join(state if len(state) == 5 else f"{state}…" for state in row.states)
    values = "masked" if row.literals else "kept"
    words = [f"`{row.code}`", row.label, row.meaning, row.advice, states, values]
    return "| " + " | ".join(word.replace("|", "\\|") for word in words) + " |\n"


if __name__ == "__main__":
    FILE.write_text(page())
