"""``docs/runbooks.md``, made from the templates: ``python -m tests.house.runbooks_page`` writes it anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.house.documented import ROOT, write

if TYPE_CHECKING:
    from audit.runbooks.book import Book, Step

FILE = ROOT / "docs" / "runbooks.md"
HEAD = """# Runbooks

What to do, in which order, when something has happened. **Find what you see in the table, and begin at step 1.** These
are the checklists that tovgov shows on an incident; they stand here for the night on which tovgov cannot be reached.
Print them, and put them where the telephone numbers are.

| What you see | Runbook |
|---|---|
"""
FOOT = """
## In tovgov

When an incident of a kind is opened, its runbook is begun by itself; every other one can be begun on the incident's
page. There each step leads to the page that does it, for this incident's target, time and last proved backup. Where
there is no such page, because there is no backup or you may not do it, the step says so.

- **Tick** a step when it is done; a note is welcome. Your name and the moment stand beside it. Who comes second is told
  who was first.
- **Not done after all** takes a tick back, with a reason. Who had ticked it stays in the ledger.
- **Add a step of your own** at the end, when this night needs one more.
- A runbook keeps the words that it had when it was begun. When tovgov's template changes, old incidents do not.
- When the incident is closed, its runbooks are a record that nobody changes.

The same on the command line: `manage.py runbooks` ([commands](commands.md#runbooks)).

Ticking needs `audit.handle_incident`: managers, staff and approvers have it. Auditors read.
"""


def page() -> str:
    """The whole document."""
    from audit.runbooks.books import BOOKS

    rows = "".join(f"| {_first(book.intro)} | [{book.title}](#{_anchor(book.title)}) |\n" for book in BOOKS.values())
    return HEAD + rows + "".join(_book(book) for book in BOOKS.values()) + FOOT


def _book(book: Book) -> str:
    kinds = ", ".join(f"*{kind.label}*" for kind in book.begun_for)
    when = f"Begun by itself with an incident of the kind {kinds}.\n\n" if kinds else ""
    steps = "".join(f"{place}. {_step(step)}" for place, step in enumerate(book.steps, 1))
    return f"\n## {book.title}\n\n{book.intro}\n\n{when}{steps}"


def _step(step: Step) -> str:
    from audit.registry import doors

    lines = [f"**{step.title}.**" if step.title[-1] not in "?." else f"**{step.title}**", _escaped(step.why)]
    lines += [f"*With {step.with_whom}.*"] if step.with_whom else []
    lines += [f"In tovgov: {doors[step.door].label}."] if step.door else []
    text = " ".join(lines) + "\n"
    return text + (f"   ```\n   {step.command}\n   ```\n" if step.command else "")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("_", "\\_").replace("*", "\\*")


def _first(text: str) -> str:
    """The first sentence."""
    return text.split(". ")[0].rstrip(".") + "."


def _anchor(title: str) -> str:
    return "".join(sign for sign in title.lower() if sign.isalnum() or sign in " -_").replace(" ", "-")


if __name__ == "__main__":
    write(FILE, page)
