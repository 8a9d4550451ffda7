"""``manage.py reviews``: what waits for a review, and the steps of a review."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandParser

from audit import incidents, reviews
from audit.exceptions import ReviewTooMany, UnknownActor
from audit.lists import keyset, waiting
from audit.lists.saved import LISTINGS
from audit.management.base import TovgovCommand
from audit.models import Reviewed

FIELDS = ("state", "assignee_name", "decided_by", "decided_at", "closed_by", "closed_at")


def facts(row: Reviewed) -> dict[str, Any]:
    """The review as ``--json`` prints it."""
    return {"id": row.pk, "what": str(row), "incident": row.incident_id} | {name: getattr(row, name) for name in FIELDS}


class Command(TovgovCommand):
    help = "See what waits for a review, and review it."

    def add_arguments(self, parser: CommandParser) -> None:
        self._kind(self.verb(parser, "queue", self.queue, "how many wait of each target, the oldest first"))
        show = self._kind(self.verb(parser, "show", self.show, "one review with its history"))
        show.add_argument("id", type=int)
        for name, words in (
            ("take", "review them yourself"), ("accept", "they are as they should be"), ("close", "done with them"),
            ("reopen", "look again, for a reason"), ("note", "say something about them"),
        ):  # fmt: skip
            self._chosen(self.verb(parser, name, self.step, words))
        assign = self._chosen(self.verb(parser, "assign", self.step, "give them to somebody who may review"))
        assign.add_argument("--to", required=True, metavar="USER")
        suspect = self._chosen(self.verb(parser, "suspect", self.step, "they are suspicious: open or join an incident"))
        suspect.add_argument("--incident", type=int, help="the number of an open incident to join")
        suspect.add_argument("--title", default="", help="the title of a new incident")

    def _kind(self, parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
        parser.add_argument("--kind", default="deletion", choices=list(reviews.KINDS))
        return parser

    def _chosen(self, parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
        self._kind(parser)
        parser.add_argument("ids", nargs="*", type=int, metavar="ID")
        parser.add_argument("--where", help="instead of numbers: all that a list's query string chooses")
        parser.add_argument("--note", default="")
        return parser

    def queue(self, options: dict[str, Any]) -> None:
        found = waiting.by_target(reviews.KINDS[options["kind"]])
        names = ("unreviewed", "in_review", "suspicious", "hidden")
        rows = [
            {"target": one.target, "oldest": one.oldest} | {name: getattr(one, name).number for name in names}
            for one in found
        ]
        cells = [(w.target, w.unreviewed, w.oldest or "", w.in_review, w.suspicious, w.hidden) for w in found]
        self.emit(
            options, rows, self.table(("target", "unreviewed", "oldest", "in review", "suspicious", "hidden"), cells)
        )

    def show(self, options: dict[str, Any]) -> None:
        row = reviews.find(options["kind"], [options["id"]])[0]
        steps = list(reviews.history(row).values("at", "who", "act", "from_state", "to_state", "assignee_name", "note"))
        cells = [(f"{s['at']:%Y-%m-%d %H:%M}", s["who"], s["act"], s["to_state"], s["note"]) for s in steps]
        if not options.get("json"):
            self.emit(options, {}, f"{row}\n{row.get_state_display()}")
        headers = ("at (UTC)", "who", "act", "state", "note")
        self.emit(options, facts(row) | {"history": steps}, self.table(headers, cells))

    def step(self, options: dict[str, Any]) -> None:
        rows, actor, act = self._rows(options), self.actor(options), options["verb"]
        more: dict[str, Any] = {"actor": actor, "note": options["note"]}
        if act == "assign":
            moved = reviews.assign(rows, _user(options["to"]), **more)
        elif act == "suspect":
            incident = incidents.find(options["incident"]) if options["incident"] else None
            moved = reviews.suspect(rows, incident=incident, title=options["title"], **more)
        else:
            verbs = {"take": reviews.take, "accept": reviews.accept, "close": reviews.close,
                     "reopen": reviews.reopen, "note": reviews.add_note}  # fmt: skip
            moved = verbs[act](rows, **more)
        number = moved.incident.number if moved.incident else None
        told = {"changed": moved.changed, "left_out": moved.left_out, "incident": number}
        self.emit(options, told, f"{moved.changed} changed, {moved.left_out} left as they are.")

    def _rows(self, options: dict[str, Any]) -> Sequence[Reviewed]:
        kind = options["kind"]
        if options["where"] is None:
            return reviews.find(kind, options["ids"])
        listing = next(one for one in LISTINGS.values() if one.model is reviews.KINDS[kind])
        found = keyset.page(listing, listing.read(options["where"]), size=reviews.CAP)
        if found.older:
            raise ReviewTooMany(f"More than {reviews.CAP:,} fit this filter.")
        return found.rows


def _user(name: str) -> User:
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise UnknownActor(f'There is no active tovgov user "{name}".')
    return user
