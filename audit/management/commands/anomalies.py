"""``manage.py anomalies``: the rules of each target, tried on the past, changed, run."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import CommandParser

from audit.anomalies import configure, run
from audit.anomalies.dry_run import DAYS, DryRun, dry_run
from audit.anomalies.rules import ALL, RULES
from audit.exceptions import AnomalySettingInvalid
from audit.lookup import find_target
from audit.management.base import TovgovCommand
from audit.models import AnomalySettings, Severity, Target


def facts(row: AnomalySettings) -> dict[str, Any]:
    """The rule of a target as ``--json`` prints it."""
    return {"target": row.target.name, "rule": row.rule, "looked_at": row.looked_at} | configure.facts(row)


class Command(TovgovCommand):
    help = "Anomaly rules: list them, try them on the past, change their thresholds, run them."

    def add_arguments(self, parser: CommandParser) -> None:
        show = self.verb(parser, "list", self.list, "show the rules of a target, or of all, with their thresholds")
        show.add_argument("target", nargs="?")
        change = self.verb(parser, "set", self.set, "change a rule of a target: thresholds as name=value")
        _named(change)
        switch = change.add_mutually_exclusive_group()
        switch.add_argument("--on", dest="is_active", action="store_true", default=None)
        switch.add_argument("--off", dest="is_active", action="store_false")
        change.add_argument("--severity", choices=Severity.values)
        incident = change.add_mutually_exclusive_group()
        incident.add_argument("--incident", action="store_true", default=None, help="what it finds opens an incident")
        incident.add_argument("--no-incident", dest="incident", action="store_false")
        attempt = self.verb(parser, "dry-run", self.dry_run, "what a rule would have found; nothing is written")
        _named(attempt)
        attempt.add_argument("--days", type=int, default=DAYS, help=f"so many days back ({DAYS})")
        once = self.verb(parser, "run", self.run_now, "run the rules over what is new, as a worker does each minute")
        once.add_argument("target", nargs="?")

    def list(self, options: dict[str, Any]) -> None:
        targets = [find_target(options["target"])] if options["target"] else Target.objects.filter(is_active=True)
        rows = []
        for target in targets:
            configure.ensure(target)
            mine = {row.rule: row for row in target.anomaly_settings.select_related("target")}
            rows += [mine[rule.code] for rule in ALL]
        cells = [
            (
                r.target,
                r.rule,
                "on" if r.is_active else "off",
                r.severity,
                "yes" if r.opens_incident else "no",
                _words(r),
            )
            for r in rows
        ]
        headers = ("target", "rule", "state", "severity", "opens", "thresholds")
        self.emit(options, [facts(row) for row in rows], self.table(headers, cells))

    def set(self, options: dict[str, Any]) -> None:
        row = configure.of_target(find_target(options["target"]), options["rule"])
        configure.change(
            row,
            actor=self.actor(options),
            settings=_pairs(options["thresholds"]),
            is_active=options["is_active"],
            severity=options["severity"],
            opens_incident=options["incident"],
        )
        self.emit(options, facts(row), f"{row}: {_state(row)}, {row.severity}, {_words(row)}")

    def dry_run(self, options: dict[str, Any]) -> None:
        row = configure.of_target(find_target(options["target"]), options["rule"])
        tried = dry_run(row, _pairs(options["thresholds"]), actor=self.actor(options), days=options["days"])
        self.emit(options, _tried(row, tried), self._shown(row, tried))

    def _shown(self, row: AnomalySettings, tried: DryRun) -> Any:
        rule = RULES[row.rule]
        if not tried.episodes:
            return f"With these thresholds it would not have fired since {tried.first:%Y-%m-%d %H:%M} UTC."
        cells = [(f"{one.first_at:%Y-%m-%d %H:%M}", run.title(rule, row.target, one)) for one in tried.episodes]
        times = f"{tried.times:,} time{'s' * (tried.times != 1)}"
        return self.table(("UTC", f"It would have fired {times}"), cells)

    def run_now(self, options: dict[str, Any]) -> None:
        targets = [find_target(options["target"])] if options["target"] else Target.objects.filter(is_active=True)
        found = [firing for target in targets for firing in run.run(target)]
        run.resolve_over()
        fields = ("id", "rule", "key", "first_at", "last_at", "count", "weight")
        told = [{"target": firing.target.name} | {name: getattr(firing, name) for name in fields} for firing in found]
        shown = "\n".join(f"{firing.target}: {firing}" for firing in found) or "Nothing new was found."
        self.emit(options, told, shown)


def _named(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target")
    parser.add_argument("rule", help=f"one of {', '.join(RULES)}")
    parser.add_argument("thresholds", nargs="*", metavar="name=value", help="thresholds, as list shows them")


def _pairs(words: list[str]) -> dict[str, str]:
    """``least=10`` as name and value. Raises ``AnomalySettingInvalid``."""
    pairs = [word.partition("=") for word in words]
    for name, sign, _ in pairs:
        if not sign or not name:
            raise AnomalySettingInvalid(f"“{name}” is not like least=10.")
    return {name: value for name, _, value in pairs}


def _state(row: AnomalySettings) -> str:
    return "on" if row.is_active else "off"


def _words(row: AnomalySettings) -> str:
    return " ".join(f"{name}={value}" for name, value in configure.settings_of(row).items())


def _tried(row: AnomalySettings, tried: DryRun) -> dict[str, Any]:
    fields = ("key", "first_at", "last_at", "count", "weight")
    found = [{name: getattr(one, name) for name in fields} for one in tried.episodes]
    words = {"target": row.target.name, "rule": row.rule, "settings": tried.settings, "times": tried.times}
    return words | {"first": tried.first, "last": tried.last, "seconds": round(tried.seconds, 3), "found": found}
