"""``manage.py runbooks``: the checklists of incidents, begun and ticked where no browser is at hand."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import CommandParser
from django.db.models import Q

from audit import incidents, runbooks
from audit.management.base import TovgovCommand
from audit.models import Runbook, RunbookStep
from audit.runbooks.book import Book
from audit.runbooks.books import BOOKS
from audit.templatetags.format import visible

STEP = ("position", "title", "why", "command", "with_whom", "added_by", "is_done", "done_at", "done_by", "note",
        "undone_at", "undone_by", "undone_why")  # fmt: skip


def facts(row: Runbook) -> dict[str, Any]:
    """The runbook as ``--json`` prints it."""
    steps = list(row.steps.all())
    return {
        "id": row.pk, "incident": row.incident.code, "book": row.book, "title": row.title, "intro": row.intro,
        "started_at": row.started_at, "started_by": row.started_by, "done": sum(step.is_done for step in steps),
        "steps": [{name: getattr(step, name) for name in STEP} for step in steps],
    }  # fmt: skip


class Command(TovgovCommand):
    help = "Begin the checklists of incidents, tick their steps, and see what is still to be done."

    def add_arguments(self, parser: CommandParser) -> None:
        books = self.verb(parser, "books", self.books, "the templates that there are")
        books.add_argument("--incident", default="", help="those not begun on it yet, what fits its kind first")
        listed = self.verb(parser, "list", self.list, "what was begun, newest first")
        search = self.verb(parser, "search", self.list, "what was begun with this in its title, steps or incident")
        search.add_argument("words")
        for sub in (listed, search):
            sub.add_argument("--incident", default="", help="only those of this incident")
            sub.add_argument("--book", choices=sorted(BOOKS), default="")
            sub.add_argument("--open", action="store_true", help="only those with a step that is not done")
            sub.add_argument("--limit", type=int, default=20)
        show = self.verb(parser, "show", self.show, "one with its steps; or a template, by its name")
        show.add_argument("runbook", help="its number in runbooks list, or a name in runbooks books")
        begin = self.verb(parser, "begin", self.begin, "begin one on an incident")
        begin.add_argument("incident", help="its number, 12 or INC-12")
        begin.add_argument("book", help="a name in runbooks books")
        self._step(parser, "tick", self.tick, "a step is done").add_argument("--note", default="")
        untick = self._step(parser, "untick", self.untick, "it is not done after all, for a reason")
        untick.add_argument("--reason", required=True)
        add = self.verb(parser, "add", self.add, "add a step that the template does not have, at the end")
        add.add_argument("runbook", help="its number in runbooks list")
        add.add_argument("title")
        add.add_argument("--why", default="")
        add.add_argument("--with-whom", default="", help="who else is needed")

    def _step(self, parser: CommandParser, name: str, act: Any, words: str) -> argparse.ArgumentParser:
        sub = self.verb(parser, name, act, words)
        sub.add_argument("runbook", help="its number in runbooks list")
        sub.add_argument("step", help="its number in runbooks show")
        return sub

    # --- looking --------------------------------------------------------------------------------------------------

    def books(self, options: dict[str, Any]) -> None:
        asked = options["incident"]
        found = runbooks.offered(incidents.find(asked)) if asked else list(BOOKS.values())
        cells = [(book.name, book.title, len(book.steps), ", ".join(book.begun_for)) for book in found]
        told = [_template(book) for book in found]
        self.emit(options, told, self.table(("", "title", "steps", "begun by itself for"), cells))

    def list(self, options: dict[str, Any]) -> None:
        rows = Runbook.objects.select_related("incident").prefetch_related("steps")
        if options["incident"]:
            rows = rows.filter(incident=incidents.find(options["incident"]))
        rows = rows.filter(book=options["book"]) if options["book"] else rows
        for word in options.get("words", "").split():
            steps = RunbookStep.objects.filter(title__icontains=word).values("runbook")
            rows = rows.filter(Q(title__icontains=word) | Q(incident__title__icontains=word) | Q(pk__in=steps))
        if options["open"]:
            rows = rows.filter(pk__in=RunbookStep.objects.filter(done_at=None).values("runbook"))
        told = [facts(row) for row in rows[: options["limit"]]]
        cells = [
            (one["id"], one["incident"], one["book"], f"{one['done']} of {len(one['steps'])}", one["started_by"],
             one["title"])
            for one in told
        ]  # fmt: skip
        self.emit(options, told, self.table(("", "incident", "book", "done", "begun by", "title"), cells))

    def show(self, options: dict[str, Any]) -> None:
        name = options["runbook"]
        if name in BOOKS:
            self._show_template(options, BOOKS[name])
            return
        row = runbooks.find_begun(name)
        cells = [
            (step.position, "done" if step.is_done else "", step.done_by, visible(step.title), visible(step.note),
             step.command)
            for step in row.steps.all()
        ]  # fmt: skip
        self.emit(options, facts(row), self.table(("", "", "by", "step", "note", "command"), cells))

    def _show_template(self, options: dict[str, Any], book: Book) -> None:
        cells = [(place, step.title, step.with_whom, step.command) for place, step in enumerate(book.steps, 1)]
        self.emit(options, _template(book), self.table(("", "step", "with", "command"), cells))

    # --- acting ---------------------------------------------------------------------------------------------------

    def begin(self, options: dict[str, Any]) -> None:
        row = runbooks.begin(incidents.find(options["incident"]), options["book"], actor=self.actor(options))
        self.emit(options, facts(row), f"Runbook {row.pk}: {row}, on {row.incident.code}")

    def tick(self, options: dict[str, Any]) -> None:
        row = runbooks.find_begun(options["runbook"])
        runbooks.tick(runbooks.step_of(row, options["step"]), actor=self.actor(options), note=options["note"])
        self._told(options, row)

    def untick(self, options: dict[str, Any]) -> None:
        row = runbooks.find_begun(options["runbook"])
        runbooks.untick(runbooks.step_of(row, options["step"]), actor=self.actor(options), reason=options["reason"])
        self._told(options, row)

    def add(self, options: dict[str, Any]) -> None:
        row = runbooks.find_begun(options["runbook"])
        words = {"why": options["why"], "with_whom": options["with_whom"]}
        runbooks.add_step(row, options["title"], actor=self.actor(options), **words)
        self._told(options, row)

    def _told(self, options: dict[str, Any], row: Runbook) -> None:
        told = facts(row)
        self.emit(options, told, f"{row}: {told['done']} of {len(told['steps'])} steps are done.")


def _template(book: Book) -> dict[str, Any]:
    steps = [
        {"title": step.title, "why": step.why, "command": step.command, "with_whom": step.with_whom}
        for step in book.steps
    ]
    return {"name": book.name, "title": book.title, "intro": book.intro, "begun_for": list(book.begun_for),
            "offered_for": list(book.offered_for), "steps": steps}  # fmt: skip
