"""``manage.py clients``: who uses a target, from where, with what and when; confirmed or refused by a person."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandParser

from audit import clients
from audit.actors import Actor
from audit.exceptions import ClientInvalid
from audit.lookup import find_target
from audit.management.base import TovgovCommand
from audit.models import ClientPart, ClientState, KnownClient

FIELDS = ("part", "value", "state", "times", "days", "first_at", "last_at", "decided_by", "decided_at")


class Command(TovgovCommand):
    help = "See and decide which clients of a target are known."

    def add_arguments(self, parser: CommandParser) -> None:
        shown = self.verb(parser, "list", self.list, "the known clients of a target, or of all")
        shown.add_argument("target", nargs="?")
        shown.add_argument("--state", choices=ClientState.values)
        for name, words in (
            ("confirm", "they belong to the target: nobody has to look at their logins"),
            ("refuse", "they do not: their logins stand out, however often they come"),
        ):
            self._chosen(made := self.verb(parser, name, self.decide, words))
            if name == "confirm":
                made.add_argument("--all", action="store_true", help="all that --target has seen and nobody decided on")

    def _chosen(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("ids", nargs="*", type=int, metavar="ID")
        parser.add_argument("--target", help="with --part and --value instead of numbers: also what was never seen")
        parser.add_argument("--part", choices=ClientPart.values)
        parser.add_argument("--value", help="10.0.0.0/8, a name, or hours such as 06-22 (UTC)")
        parser.add_argument("--reason", default="")

    def list(self, options: dict[str, Any]) -> None:
        rows = KnownClient.objects.select_related("target").order_by("target__name", "part", "value")
        if options["target"]:
            rows = rows.filter(target=find_target(options["target"]))
        rows = rows.filter(state=options["state"]) if options["state"] else rows
        found = [
            {"id": row.pk, "target": row.target.name} | {name: getattr(row, name) for name in FIELDS} for row in rows
        ]
        headers = ("id", "target", "part", "value", "state", "times", "days", "last (UTC)")
        cells = [
            (r.pk, r.target, r.part, r.value or "(none)", r.state, r.times, r.days,
             f"{r.last_at:%Y-%m-%d %H:%M}" if r.last_at else "") for r in rows
        ]  # fmt: skip
        self.emit(options, found, self.table(headers, cells))

    def decide(self, options: dict[str, Any]) -> None:
        actor = self.actor(options)
        rows = clients.find(options["ids"])
        if options.get("all"):
            rows += self._undecided(options)
        elif options["target"] or options["part"] or options["value"] is not None:
            if not (options["target"] and options["part"] and options["value"] is not None):
                raise ClientInvalid("--target, --part and --value belong together.")
            rows.append(clients.give(find_target(options["target"]), options["part"], options["value"], actor=actor))
        if not rows:
            raise ClientInvalid("Name clients by their numbers, or one by --target, --part and --value.")
        self._apply(options, rows, actor)

    def _undecided(self, options: dict[str, Any]) -> Sequence[KnownClient]:
        if not options["target"] or options["part"] or options["value"] is not None:
            raise ClientInvalid("--all takes --target, and neither --part nor --value.")
        return list(clients.undecided(find_target(options["target"])))

    def _apply(self, options: dict[str, Any], rows: Sequence[KnownClient], actor: Actor) -> None:
        verb = clients.confirm if options["verb"] == "confirm" else clients.refuse
        changed = verb(rows, actor=actor, reason=options["reason"])
        self.emit(options, {"changed": changed}, f"{changed} changed.")
