"""``manage.py schedules``: when targets are backed up by themselves."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from audit.lookup import find_target
from audit.management.base import TovgovCommand
from backups import cron, schedules
from backups.exceptions import UnknownSchedule
from backups.lookup import find_destination
from backups.models import Schedule

SHOWN = 3  # upcoming runs in a list


def facts(schedule: Schedule) -> dict[str, Any]:
    """The schedule as ``--json`` prints it."""
    names = ("id", "cron", "timezone", "prove", "is_enabled", "last_due_at", "last_run_at", "last_note")
    places = list(schedule.destinations.values_list("name", flat=True))
    return {name: getattr(schedule, name) for name in names} | {
        "target": schedule.target.name,
        "destinations": places,
        "next_runs": schedules.next_runs(schedule),
    }


class Command(TovgovCommand):
    help = "List schedules, add one, turn one off or on."

    def add_arguments(self, parser: CommandParser) -> None:
        listing = self.verb(parser, "list", self.list, "show schedules and their next runs")
        listing.add_argument("--target")
        add = self.verb(parser, "add", self.add, "back a target up every so often")
        add.add_argument("target")
        presets = ", ".join(f'"{name}"' for name in cron.PRESETS)
        add.add_argument("when", help=f'hours (6), a preset ({presets}) or a cron line ("0 */6 * * *")')
        add.add_argument("--timezone", default="UTC")
        add.add_argument("--to", action="append", default=[], metavar="DESTINATION", help="only there; repeatable")
        add.add_argument("--no-prove", action="store_true", help="do not prove each backup after it is made")
        add.add_argument("--replace", action="store_true", help="turn the target's other schedules off")
        for name, act, words in (("disable", self.disable, "turn one off"), ("enable", self.enable, "turn one on")):
            one = self.verb(parser, name, act, words)
            one.add_argument("schedule", type=int, help="its number")
            one.add_argument("--reason", default="")

    def list(self, options: dict[str, Any]) -> None:
        rows = Schedule.objects.select_related("target").order_by("target__name", "pk")
        if options["target"]:
            rows = rows.filter(target=find_target(options["target"]))
        cells = [
            (row.pk, row.target, row.cron, row.timezone, _state(row), _upcoming(row), row.last_note) for row in rows
        ]
        headers = ("number", "target", "when", "time zone", "", "next (UTC)", "last")
        self.emit(options, [facts(row) for row in rows], self.table(headers, cells))

    def add(self, options: dict[str, Any]) -> None:
        schedule = schedules.every(
            find_target(options["target"]),
            options["when"],
            actor=self.actor(options),
            timezone=options["timezone"],
            prove=not options["no_prove"],
            destinations=[find_destination(name) for name in options["to"]],
            replace=options["replace"],
        )
        self.emit(options, facts(schedule), f"Schedule {schedule.pk}: {schedule}. Next: {_upcoming(schedule)} UTC.")

    def disable(self, options: dict[str, Any]) -> None:
        self._turn(options, is_enabled=False)

    def enable(self, options: dict[str, Any]) -> None:
        self._turn(options, is_enabled=True)

    def _turn(self, options: dict[str, Any], *, is_enabled: bool) -> None:
        schedule = Schedule.objects.select_related("target").filter(pk=options["schedule"]).first()
        if schedule is None:
            raise UnknownSchedule(f"There is no schedule {options['schedule']}.")
        schedules.change(schedule, actor=self.actor(options), reason=options["reason"], is_enabled=is_enabled)
        self.emit(options, facts(schedule), f"{schedule} is {_state(schedule)}.")


def _upcoming(schedule: Schedule) -> str:
    return ", ".join(f"{moment:%Y-%m-%d %H:%M}" for moment in schedules.next_runs(schedule, SHOWN))


def _state(schedule: Schedule) -> str:
    return "on" if schedule.is_enabled else "off"
