"""``manage.py postmortem``: start, show, edit, review and export the post-mortem of an incident."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from audit import incidents, postmortems
from audit.documents.text import clean
from audit.exceptions import PostMortemChanged, PostMortemUnreadable, PostMortemUnwritable
from audit.management.base import TovgovCommand
from audit.models import PostMortem

FACTS = ("state", "version", "opened_by", "edited_at", "edited_by", "asked_by", "reviewed_at", "reviewed_by")


class Command(TovgovCommand):
    help = "The post-mortem of an incident: start it, write it, review it, export it."

    def add_arguments(self, parser: CommandParser) -> None:
        self._of(self.verb(parser, "start", self.start, "start it, filled from the record"))
        show = self._of(self.verb(parser, "show", self.show, "its text in Markdown"))
        show.add_argument("--revision", type=int, help="another text that was saved")
        self._of(self.verb(parser, "revisions", self.revisions, "every text that was saved"))
        self._of(self.verb(parser, "check", self.look, "words that may read as blame, with what to say instead"))
        take = self._of(self.verb(parser, "import", self.take, "save an edited text"))
        take.add_argument("file", help="Markdown in UTF-8; - is standard input")
        take.add_argument("--onto", type=int, required=True, metavar="N", help="the revision that you edited")
        settle = self._of(self.verb(parser, "settle", self.settle, "a revision beside it was taken over"))
        settle.add_argument("--revision", type=int, required=True)
        self._of(self.verb(parser, "ask", self.ask, "put it up for review"))
        review = self._of(self.verb(parser, "review", self.review, "it is good, says somebody who did not write last"))
        review.add_argument("--revision", type=int, required=True, help="the one that you read")
        review.add_argument("--note", default="")
        back = self._of(self.verb(parser, "send-back", self.send_back, "something is missing: a draft again"))
        back.add_argument("--reason", required=True)
        export = self._of(self.verb(parser, "export", self.export, "with timeline and loss table, as a file"))
        export.add_argument("--format", choices=list(postmortems.FORMATS), default="pdf")
        export.add_argument("--output", metavar="FILE", help="a file or folder; the working folder when left out")

    def _of(self, parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
        parser.add_argument("incident", help="its number, for example 12 or INC-12")
        return parser

    def _row(self, options: dict[str, Any]) -> PostMortem:
        return postmortems.find(incidents.find(options["incident"]))

    def _facts(self, row: PostMortem) -> dict[str, Any]:
        return {"incident": row.incident.number} | {name: getattr(row, name) for name in FACTS}

    def start(self, options: dict[str, Any]) -> None:
        row = postmortems.start(incidents.find(options["incident"]), actor=self.actor(options))
        self.emit(options, self._facts(row), f"{row}: {row.get_state_display().lower()}, revision {row.version}.")

    def show(self, options: dict[str, Any]) -> None:
        row = self._row(options)
        text = postmortems.revision(row, options["revision"]).text if options["revision"] else row.text
        if options.get("json"):
            self.print_json(self._facts(row) | {"text": text})
        else:
            shown = clean(text) if self.stdout.isatty() else text  # a terminal obeys escapes, a file does not
            self.stdout.write(shown, ending="" if text.endswith("\n") else "\n")

    def revisions(self, options: dict[str, Any]) -> None:
        rows = list(
            self._row(options).revisions.values("number", "onto", "made_at", "made_by", "is_beside", "settled_at")
        )
        cells = [(r["number"], r["onto"], f"{r['made_at']:%Y-%m-%d %H:%M}", r["made_by"], _beside(r)) for r in rows]
        self.emit(options, rows, self.table(("revision", "written onto", "at (UTC)", "by", ""), cells))

    def look(self, options: dict[str, Any]) -> None:
        row = self._row(options)
        found = postmortems.hints(row.text, row.incident)
        facts = [{"line": hint.line, "words": hint.words, "why": hint.why, "instead": hint.instead} for hint in found]
        cells = [(hint.line, hint.words, hint.why, hint.instead) for hint in found]
        if not found and not options.get("json"):
            self.emit(options, facts, "Nothing in it reads as blame.")
        else:
            self.emit(options, facts, self.table(("line", "words", "why", "better"), cells))

    def take(self, options: dict[str, Any]) -> None:
        row, actor = self._row(options), self.actor(options)
        try:
            data = sys.stdin.buffer.read() if options["file"] == "-" else Path(options["file"]).read_bytes()
            text = data.decode("utf-8-sig")
        except OSError as error:
            raise PostMortemUnreadable(f"It cannot be read: {error.strerror}.") from None
        except UnicodeDecodeError:
            raise PostMortemUnreadable from None
        saved = postmortems.save(row, text, version=options["onto"], actor=actor)
        if saved.is_beside:
            raise PostMortemChanged(f"It is at revision {row.version} now; yours is kept as revision {saved.number}.")
        self.emit(options, self._facts(row), f"Saved as revision {saved.number}.")

    def settle(self, options: dict[str, Any]) -> None:
        row = self._row(options)
        postmortems.settle(row, options["revision"], actor=self.actor(options))
        self.emit(options, self._facts(row), f"Revision {options['revision']} is settled.")

    def ask(self, options: dict[str, Any]) -> None:
        row = self._row(options)
        postmortems.ask_review(row, actor=self.actor(options))
        self.emit(options, self._facts(row), f"In review: {row}")

    def review(self, options: dict[str, Any]) -> None:
        row = self._row(options)
        postmortems.review(row, version=options["revision"], actor=self.actor(options), note=options["note"])
        self.emit(options, self._facts(row), f"Reviewed: {row}")

    def send_back(self, options: dict[str, Any]) -> None:
        row = self._row(options)
        postmortems.send_back(row, actor=self.actor(options), reason=options["reason"])
        self.emit(options, self._facts(row), f"A draft again: {row}")

    def export(self, options: dict[str, Any]) -> None:
        made = postmortems.export(self._row(options), options["format"], actor=self.actor(options))
        path = Path(options["output"] or made.name)
        path = path / made.name if path.is_dir() else path
        try:
            path.write_bytes(made.data)
        except OSError as error:
            raise PostMortemUnwritable(f"{path} cannot be written: {error.strerror}.") from None
        facts = {"file": str(path), "bytes": len(made.data), "sha256": made.sha256}
        self.emit(options, facts, f"{path}: {len(made.data):,} bytes, SHA-256 {made.sha256}")


def _beside(row: Any) -> str:
    if not row["is_beside"]:
        return ""
    return "stood beside, settled" if row["settled_at"] else "stands beside, not settled"
