"""``manage.py lessons``: what incidents taught, found again and kept up to date."""

from __future__ import annotations

import argparse
from typing import Any
from urllib.parse import urlencode

from django.core.management.base import CommandParser

from audit import incidents, lessons
from audit.lessons import Likeness
from audit.lists import keyset
from audit.lists.lessons import LESSONS
from audit.lists.listing import WORDS
from audit.lookup import find_target
from audit.management.base import TovgovCommand
from audit.models import IncidentKind, Lesson
from audit.templatetags.format import visible

ANY = "any"
NAMES = ("id", "problem", "cause", "solution", "tags", "kind", "version", "made_at", "made_by", "changed_at",
         "changed_by", "is_retired", "retired_at", "retired_by", "retired_why")  # fmt: skip


def facts(row: Lesson) -> dict[str, Any]:
    """The lesson as ``--json`` prints it."""
    return {name: getattr(row, name) for name in NAMES} | {
        "target": row.target.name if row.target else None,
        "incident": row.incident.code if row.incident else None,
    }


class Command(TovgovCommand):
    help = "Keep what incidents taught, find it again, and see what resembles an incident."

    def add_arguments(self, parser: CommandParser) -> None:
        listed = self.verb(parser, "list", self.list, "lessons, newest first")
        search = self.verb(parser, "search", self.list, "lessons with these words, newest first")
        search.add_argument("words", help='as a person writes them: deletes -backup "sync script"')
        for sub in (listed, search):
            sub.add_argument("--where", default="", help="the list's query string, for example kind=sync&tag=roles")
            sub.add_argument("--limit", type=int, default=20)
        self._one(parser, "show", self.show, "one lesson in full")
        like = self.verb(parser, "like", self.like, "what resembles an incident, each with the reason why")
        like.add_argument("incident", help="its number, 12 or INC-12")
        like.add_argument("--limit", type=int, default=5, help="so many incidents and so many lessons")
        add = self.verb(parser, "add", self.add, "write down what was learned")
        add.add_argument("problem")
        add.add_argument("solution")
        self._facts(add)
        change = self._one(parser, "change", self.change, "change its words, tags, kind, target or incident")
        change.add_argument("--problem", default=None)
        change.add_argument("--solution", default=None)
        self._facts(change)
        for name, act, words in (("retire", self.retire, "it holds no longer"), ("restore", self.restore, "it holds")):
            self._one(parser, name, act, f"{words}, for a reason").add_argument("--reason", required=True)

    def _one(self, parser: CommandParser, name: str, act: Any, words: str) -> argparse.ArgumentParser:
        sub = self.verb(parser, name, act, words)
        sub.add_argument("lesson", help="its number in lessons list")
        return sub

    def _facts(self, parser: Any) -> None:
        parser.add_argument("--cause", default=None)
        parser.add_argument("--tags", default=None, help="between commas or blanks")
        parser.add_argument("--kind", choices=[*IncidentKind.values, ANY], default=None)
        parser.add_argument("--target", default=None, help=f"a target, or {ANY}")
        parser.add_argument("--incident", default=None, help="the number of the one that taught it, or none")

    # --- verbs --------------------------------------------------------------------------------------------------------

    def list(self, options: dict[str, Any]) -> None:
        words = {WORDS: options["words"]} if "words" in options else {}
        wanted = LESSONS.read("&".join(part for part in (options["where"], urlencode(words)) if part))
        found = keyset.page(LESSONS, wanted, size=options["limit"]).rows
        cells = [
            (row.pk, "retired" if row.is_retired else "", row.kind or ANY, row.target or ANY, " ".join(row.tags),
             visible(str(row)), visible(row.solution.split("\n")[0][:120]))
            for row in found
        ]  # fmt: skip
        table = self.table(("", "", "kind", "target", "tags", "problem", "solution"), cells)
        self.emit(options, [facts(row) for row in found], table)

    def show(self, options: dict[str, Any]) -> None:
        row = lessons.find(options["lesson"])
        lines = [f"Lesson {row.pk}, by {row.made_by}", f"Problem: {row.problem}", f"Cause: {row.cause or 'not told'}"]
        lines.append(f"Solution: {row.solution}")
        lines.append(f"{row.get_kind_display() or 'any kind'}; {row.target or 'any target'}; {' '.join(row.tags)}")
        lines += [f"From {row.incident}"] if row.incident else []
        lines += [f"Retired by {row.retired_by}: {row.retired_why}"] if row.is_retired else []
        self.emit(options, facts(row), "\n".join(visible(part) for line in lines for part in line.split("\n")))

    def like(self, options: dict[str, Any]) -> None:
        found = lessons.resembling(incidents.find(options["incident"]), options["limit"])
        cells = [(_name(one), one.score, visible(str(one.found)), "; ".join(one.reasons)) for one in found]
        told = [{"what": _name(one), "score": one.score, "reasons": one.reasons} for one in found]
        self.emit(options, told, self.table(("", "points", "what", "because of"), cells))

    def add(self, options: dict[str, Any]) -> None:
        row = lessons.add(options["problem"], options["solution"], actor=self.actor(options), **_asked(options))
        self.emit(options, facts(row), f"Lesson {row.pk}: {row}")

    def change(self, options: dict[str, Any]) -> None:
        row = lessons.find(options["lesson"])
        asked = _asked(options) | {
            name: options[name] for name in ("problem", "solution") if options[name] is not None
        }  # fmt: skip
        lessons.change(row, version=row.version, actor=self.actor(options), **asked)
        self.emit(options, facts(row), f"Lesson {row.pk}: {row}")

    def retire(self, options: dict[str, Any]) -> None:
        row = lessons.find(options["lesson"])
        lessons.retire(row, actor=self.actor(options), reason=options["reason"])
        self.emit(options, facts(row), f"Retired: {row}")

    def restore(self, options: dict[str, Any]) -> None:
        row = lessons.find(options["lesson"])
        lessons.restore(row, actor=self.actor(options), reason=options["reason"])
        self.emit(options, facts(row), f"It holds again: {row}")


def _name(one: Likeness) -> str:
    return f"lesson {one.found.pk}" if isinstance(one.found, Lesson) else one.found.code


def _asked(options: dict[str, Any]) -> dict[str, Any]:
    """The facts that were named. Raises ``NoSuchTarget`` and ``NoSuchIncident``."""
    found: dict[str, Any] = {}
    if options["cause"] is not None:
        found["cause"] = options["cause"]
    if options["tags"] is not None:
        found["tags"] = lessons.read_tags(options["tags"])
    if options["kind"] is not None:
        found["kind"] = "" if options["kind"] == ANY else options["kind"]
    if options["target"] is not None:
        found["target"] = None if options["target"] == ANY else find_target(options["target"])
    if options["incident"] is not None:
        found["incident"] = None if options["incident"] == "none" else incidents.find(options["incident"])
    return found
