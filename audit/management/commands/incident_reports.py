"""``manage.py incident_reports``: import incident reports written in Markdown, look at their drafts, confirm them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from audit import incident_reports
from audit.exceptions import ExitStatus, IncidentReportUnreadable, TovgovError
from audit.incident_reports.draft import Draft
from audit.lookup import find_target
from audit.management.base import TovgovCommand
from audit.models import IncidentKind, IncidentReport, Severity
from audit.models.incidents import STAMPS

SUFFIXES = {".md", ".markdown", ".mdown", ".txt"}


class Command(TovgovCommand):
    help = "Incident reports written in Markdown: import them, look at their drafts, make them incidents."

    def add_arguments(self, parser: CommandParser) -> None:
        take = self.verb(parser, "import", self.take, "read files, or all Markdown in folders, into drafts")
        take.add_argument("paths", nargs="+", metavar="PATH", help="files or folders; - is standard input")
        take.add_argument("--anyway", action="store_true", help="also what looks like no incident")
        self._how(take)
        shown = self.verb(parser, "list", self.rows, "what was imported, newest first")
        shown.add_argument("--limit", type=int, default=20)
        self._of(self.verb(parser, "show", self.show, "a draft, and what could not be placed"))
        self._how(self._of(self.verb(parser, "read", self.read, "read its file again")))
        confirm = self._of(self.verb(parser, "confirm", self.confirm, "make it an incident"))
        confirm.add_argument("--title")
        confirm.add_argument("--kind", choices=IncidentKind.values)
        confirm.add_argument("--severity", choices=Severity.values)
        confirm.add_argument("--target", help="another target than the one that the report names")
        for name in STAMPS:
            confirm.add_argument(f"--{name.removesuffix('_at')}", type=datetime.fromisoformat, metavar="TIME")
        away = self._of(self.verb(parser, "throw-away", self.throw_away, "it is no incident of ours"))
        away.add_argument("--reason", required=True)

    def _of(self, parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
        parser.add_argument("report", help="its number")
        return parser

    def _how(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--zone", default="", help="time zone of times that name none, for example Europe/Berlin")
        parser.add_argument("--day", type=date.fromisoformat, help="of clock times without a date: 2026-03-01")

    def take(self, options: dict[str, Any]) -> None:
        actor = self.actor(options)
        how = {"zone": options["zone"], "day": options["day"], "anyway": options["anyway"], "actor": actor}
        taken, failed = [], []
        for name, path in files(options["paths"]):
            try:
                taken.append(incident_reports.take(_bytes(path), name, **how))
            except TovgovError as error:
                failed.append((name, error))
        facts = [_facts(row) for row in taken] + [{"name": name, "error": why.as_dict()} for name, why in failed]
        cells = [(row.pk, row.name, _summary(row)) for row in taken]
        self.emit(options, facts, self.table(("report", "file", "what was read"), cells))
        for name, why in failed:
            self.stderr.write(f"{name}: {why.code}: {why.message}\n{why.hint}")
        if failed:
            sys.exit(int(failed[0][1].exit_status if len(failed) == 1 else ExitStatus.FAILED))

    def rows(self, options: dict[str, Any]) -> None:
        found = list(IncidentReport.objects.select_related("incident")[: options["limit"]])
        cells = [(row.pk, row.name, row.state, row.incident.code if row.incident else "") for row in found]
        self.emit(options, [_facts(row) for row in found], self.table(("report", "file", "state", "incident"), cells))

    def show(self, options: dict[str, Any]) -> None:
        row = incident_reports.find(options["report"])
        draft = Draft.from_json(row.draft)
        unplaced = list(draft.unplaced(row.text))
        words = [f"{row.name}: {row.get_state_display().lower()}, {_summary(row)}", f"Title: {draft.title}"]
        words += [
            f"Kind: {draft.kind}. Severity: {draft.severity}. Target: {row.target or draft.target or 'not named'}"
        ]
        words += [f"{name}: {at}{' (guessed)' if name in draft.guessed else ''}" for name, at in draft.stamps.items()]
        words += [f"{event.at}  {event.text}" for event in draft.events]
        words += draft.notes
        words += [f"Not placed, from line {number}:\n{text}" for number, text in unplaced]
        facts = _facts(row) | {
            "draft": row.draft,
            "unplaced": [{"line": number, "text": text} for number, text in unplaced],
        }
        self.emit(options, facts, "\n".join(words))

    def read(self, options: dict[str, Any]) -> None:
        row = incident_reports.find(options["report"])
        zone = options["zone"] or row.zone
        incident_reports.read_again(row, zone=zone, day=options["day"], actor=self.actor(options))
        self.emit(options, _facts(row), f"{row.name}: {_summary(row)}")

    def confirm(self, options: dict[str, Any]) -> None:
        row = incident_reports.find(options["report"])
        draft = Draft.from_json(row.draft)
        stamps = {name: datetime.fromisoformat(draft.stamps[name]) for name in STAMPS if name in draft.stamps}
        stamps |= {name: _aware(at) for name in STAMPS if (at := options[name.removesuffix("_at")])}
        incident = incident_reports.confirm(
            row, actor=self.actor(options), title=options["title"] or draft.title,
            kind=IncidentKind(options["kind"] or draft.kind), severity=Severity(options["severity"] or draft.severity),
            target=find_target(options["target"]) if options["target"] else row.target, stamps=dict(stamps),
        )  # fmt: skip
        self.emit(options, _facts(row), f"Opened: {incident}")

    def throw_away(self, options: dict[str, Any]) -> None:
        row = incident_reports.find(options["report"])
        incident_reports.throw_away(row, actor=self.actor(options), reason=options["reason"])
        self.emit(options, _facts(row), f"Thrown away: {row}")


def files(paths: list[str]) -> Iterator[tuple[str, Path | None]]:
    """Each file with its name; of a folder all Markdown and text below it, in the order of their names."""
    for name in paths:
        path = Path(name)
        if name == "-":
            yield "standard input", None
        elif path.is_dir():
            yield from ((str(one), one) for one in sorted(path.rglob("*")) if one.suffix.lower() in SUFFIXES)
        else:
            yield name, path


def _bytes(path: Path | None) -> bytes:
    try:
        return sys.stdin.buffer.read() if path is None else path.read_bytes()
    except OSError as error:
        raise IncidentReportUnreadable(
            f"It cannot be read: {error.strerror}.", hint="Look at its name and its rights."
        ) from None


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.astimezone()


def _facts(row: IncidentReport) -> dict[str, Any]:
    incident = row.incident.number if row.incident else None
    return {"report": row.pk, "name": row.name, "state": row.state, "incident": incident, "encoding": row.encoding,
            "repairs": len(row.repairs)}  # fmt: skip


def _summary(row: IncidentReport) -> str:
    draft = Draft.from_json(row.draft)
    unplaced = sum(words.count("\n") + 1 for _, words in draft.unplaced(row.text))
    parts = f"{len(draft.events)} timeline, {len(draft.actions)} actions, {len(draft.lessons)} lessons"
    return f"{parts}, {len(draft.story)} story fields; {unplaced} lines not placed; {row.encoding}"
