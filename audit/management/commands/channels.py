"""``manage.py channels``: where people are told of alerts."""

from __future__ import annotations

import getpass
import os
import sys
from datetime import time
from typing import Any

from django.core.management.base import CommandParser

from audit.exceptions import ChannelInvalid, NoSuchChannel
from audit.lookup import find_target
from audit.management.base import TovgovCommand
from audit.models import NotificationChannel, Severity
from audit.notifications import channels

FIELDS = ("name", "schema", "place", "minimum_severity", "is_active", "quiet_from", "quiet_until", "quiet_zone",
          "breaks_quiet", "tested_at", "test_error")  # fmt: skip


def facts(row: NotificationChannel) -> dict[str, Any]:
    """The channel as ``--json`` prints it; never its address."""
    return {name: getattr(row, name) for name in FIELDS} | {"targets": [t.name for t in row.targets.all()]}


class Command(TovgovCommand):
    help = "List, add, test and remove channels that alerts are sent through."

    def add_arguments(self, parser: CommandParser) -> None:
        self.verb(parser, "list", self.list, "show channels, never their addresses")
        add = self.verb(parser, "add", self.add, "add a channel; its Apprise address is asked for or read from stdin")
        add.add_argument("name")
        add.add_argument("--address-env", metavar="NAME", help="read the address from this environment variable")
        add.add_argument("--severity", choices=Severity.values, default="warning", help="the least that it is told")
        add.add_argument("--target", action="append", default=[], help="only of this target; may be given again")
        add.add_argument("--quiet", metavar="22:00-07:00", help="hours in which only what is critical is sent")
        add.add_argument("--zone", default="UTC", help="time zone of the quiet hours, for example Asia/Jerusalem")
        for name, act, words in (
            ("test", self.test, "send one message and say how it went"),
            ("remove", self.remove, "forget a channel and its address"),
        ):
            self.verb(parser, name, act, words).add_argument("name")

    def list(self, options: dict[str, Any]) -> None:
        rows = list(NotificationChannel.objects.prefetch_related("targets"))
        cells = [
            (r.name, r.place or r.schema, r.minimum_severity, "in use" if r.is_active else "not in use", _tested(r))
            for r in rows
        ]
        headers = ("name", "kind", "from severity", "state", "last test")
        self.emit(options, [facts(row) for row in rows], self.table(headers, cells))

    def add(self, options: dict[str, Any]) -> None:
        begins, ends = _hours(options["quiet"])
        row = channels.add(
            options["name"],
            _address(options),
            actor=self.actor(options),
            targets=[find_target(name) for name in options["target"]],
            minimum_severity=options["severity"],
            quiet_from=begins,
            quiet_until=ends,
            quiet_zone=options["zone"],
        )
        self.emit(options, facts(row), f"{row} is added: {row.place}. Test it: manage.py channels test “{row}”")

    def test(self, options: dict[str, Any]) -> None:
        row = _find(options["name"])
        error = channels.send_test(row, actor=self.actor(options))
        if error is not None:
            raise error
        self.emit(options, facts(row), f"{row} took the message. Look whether it arrived.")

    def remove(self, options: dict[str, Any]) -> None:
        row = _find(options["name"])
        channels.remove(row, actor=self.actor(options))
        self.emit(options, {"removed": options["name"]}, f"{options['name']} is removed.")


def _find(name: str) -> NotificationChannel:
    row = NotificationChannel.objects.filter(name=name).first()
    if row is None:
        raise NoSuchChannel(f'There is no channel "{name}".')
    return row


def _address(options: dict[str, Any]) -> str:
    """The address: never an argument, every user of the machine sees those."""
    name = options["address_env"]
    if name:
        return os.environ.get(name, "")
    if sys.stdin.isatty():
        return getpass.getpass("Apprise address: ")
    return sys.stdin.readline().strip()


def _hours(text: str | None) -> tuple[time | None, time | None]:
    if not text:
        return None, None
    begins, _, ends = text.partition("-")
    try:
        return time.fromisoformat(begins.strip()), time.fromisoformat(ends.strip())
    except ValueError:
        raise ChannelInvalid(f"“{text}” are no quiet hours; 22:00-07:00 are.") from None


def _tested(row: NotificationChannel) -> str:
    if row.tested_at is None:
        return "never"
    return row.test_error or f"{row.tested_at:%Y-%m-%d %H:%M}, taken"
