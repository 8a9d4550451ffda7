"""``manage.py noise``: what of the server logs nobody has to look at."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from audit import noise
from audit.exceptions import NoSuchNoiseFilter
from audit.lookup import find_target
from audit.management.base import TovgovCommand
from audit.models import LogSeverity, NoiseFilter, Target


def facts(row: NoiseFilter) -> dict[str, Any]:
    """The filter as ``--json`` prints it."""
    names = ("id", "pattern", "kind", "reason", "is_active", "made_by", "made_at", "changed_by", "changed_at")
    return {"target": row.target.name if row.target else None} | {name: getattr(row, name) for name in names}


class Command(TovgovCommand):
    help = "Say what of the server logs is noise. It is hidden, never deleted, and always counted."

    def add_arguments(self, parser: CommandParser) -> None:
        self.verb(parser, "list", self.list, "show the filters, and how much is hidden")
        add = self.verb(parser, "add", self.add, "hide groups whose masked message the pattern finds")
        self._what(add)
        add.add_argument("--reason", required=True)
        self._what(self.verb(parser, "preview", self.preview, "show which past groups a filter would hide"))
        remove = self.verb(parser, "remove", self.remove, "switch a filter off; what it hid is shown again")
        remove.add_argument("filter", type=int, help="its number in noise list")
        minimum = self.verb(parser, "minimum", self.minimum, "show only what is at least this grave")
        minimum.add_argument("target")
        minimum.add_argument("severity", choices=[one.name.lower() for one in LogSeverity])

    def _what(self, parser: Any) -> None:
        parser.add_argument("pattern", nargs="?", default="", help="a regular expression (RE2)")
        parser.add_argument("--target", default="", help="of this target only")
        parser.add_argument("--class", dest="kind", default="", help="of this class only")

    def list(self, options: dict[str, Any]) -> None:
        rows = list(NoiseFilter.objects.select_related("target"))
        hidden = noise.hidden_count()
        cells = [(r.pk, "on" if r.is_active else "off", r.target or "all", r.kind, r.pattern, r.made_by, r.reason)
                 for r in rows]  # fmt: skip
        told = {"filters": [facts(row) for row in rows], "groups": hidden.groups, "entries": hidden.entries}
        self.emit(options, told, self.table(("", "", "target", "class", "pattern", "made by", "reason"), cells))
        if not options["json"]:
            self.emit(options, None, f"Hidden: {hidden.groups:,} groups with {hidden.entries:,} entries.")

    def add(self, options: dict[str, Any]) -> None:
        row = noise.add(options["pattern"], target=_target(options), kind=options["kind"], reason=options["reason"],
                        actor=self.actor(options))  # fmt: skip
        self.emit(options, facts(row), f"Filter {row.pk} hides {row}.")

    def preview(self, options: dict[str, Any]) -> None:
        found = noise.preview(options["pattern"], target=_target(options), kind=options["kind"])
        told = {
            "looked_at": found.looked_at, "groups": found.groups, "shown": found.shown, "entries": found.entries,
            "by_class": dict(found.by_class), "critical": found.critical,
            "samples": [{"kind": row.kind, "title": row.title, "count": row.count} for row in found.samples],
        }  # fmt: skip
        cells = [(row.kind, row.count, row.title) for row in found.samples]
        self.emit(options, told, self.table(("class", "entries", "message of the first"), cells))
        if not options["json"]:
            self.emit(options, None, f"{found.groups:,} of the newest {found.looked_at:,} groups, {found.entries:,} "
                                     f"entries; {found.shown:,} groups are shown now.")  # fmt: skip
            for message in found.critical:
                self.emit(options, None, f"Refused, because it would hide: {message}")

    def remove(self, options: dict[str, Any]) -> None:
        row = NoiseFilter.objects.filter(pk=options["filter"]).first()
        if row is None:
            raise NoSuchNoiseFilter(f"There is no noise filter {options['filter']}.")
        changed = noise.switch(row, on=False, actor=self.actor(options))
        self.emit(options, {"id": row.pk, "changed": changed}, f"Off; {changed:,} waiting groups changed.")

    def minimum(self, options: dict[str, Any]) -> None:
        target = find_target(options["target"])
        severity = LogSeverity[options["severity"].upper()]
        row = noise.change_minimum(target, severity, actor=self.actor(options))
        self.emit(options, {"target": target.name, "minimum_severity": row.minimum_severity},
                  f"{target} shows what is at least {severity.label.lower()}.")  # fmt: skip


def _target(options: dict[str, Any]) -> Target | None:
    return find_target(options["target"]) if options["target"] else None
