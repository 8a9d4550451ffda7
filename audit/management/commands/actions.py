"""``manage.py actions``: what is owed, by whom, until when."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandParser

from audit import action_items, incidents
from audit.action_items import reminders
from audit.exceptions import ActionInvalid, ActionOwnerUnfit
from audit.management.base import TovgovCommand
from audit.models import ActionItem, ActionState, Priority

PRIORITIES = [one.name.lower() for one in Priority]
NOBODY = "nobody"


def facts(row: ActionItem) -> dict[str, Any]:
    """The action item as ``--json`` prints it."""
    names = ("id", "title", "detail", "state", "due_on", "version", "made_by", "made_at", "finished_by", "finished_at",
             "finish_note", "is_overdue")  # fmt: skip
    return {name: getattr(row, name) for name in names} | {
        "owner": row.owner_name or None,
        "priority": Priority(row.priority).name.lower(),
        "incident": row.incident.code if row.incident else None,
    }


class Command(TovgovCommand):
    help = "Say what is still owed after incidents, by whom, and until when."

    def add_arguments(self, parser: CommandParser) -> None:
        shown = self.verb(parser, "list", self.list, "show what is owed, the earliest day first")
        shown.add_argument("--overdue", action="store_true", help="only what is overdue")
        shown.add_argument("--mine", action="store_true", help="only those of the person who acts")
        shown.add_argument("--owner", default="", help="only those of this person")
        shown.add_argument("--incident", default="", help="only those of this incident")
        shown.add_argument(
            "--state", choices=[*ActionState.values, "all"], default="", help="what is owed, unless told"
        )
        add = self.verb(parser, "add", self.add, "write down what is to be done")
        add.add_argument("title")
        self._facts(add)
        change = self.verb(parser, "change", self.change, "give it another owner, day or title")
        change.add_argument("action", help="its number in actions list")
        change.add_argument("--title", default=None)
        change.add_argument("--reason", default="")
        self._facts(change)
        for name, act, words in (
            ("start", self.start, "somebody works on it"),
            ("done", self.done, "it is done"),
            ("drop", self.drop, "it will not be done, for a reason"),
            ("reopen", self.reopen, "it is owed again, for a reason"),
        ):
            step = self.verb(parser, name, act, words)
            step.add_argument("action", help="its number in actions list")
            if name == "done":
                step.add_argument("--note", default="", help="what was done")
            elif name != "start":
                step.add_argument("--reason", required=True)
        self.verb(parser, "remind", self.remind, "send today's reminders now, one mail a person a day at most")

    def _facts(self, parser: Any) -> None:
        parser.add_argument("--detail", default=None)
        parser.add_argument("--owner", default=None, help=f"a user name, or {NOBODY}")
        parser.add_argument("--due", default=None, help="a day, 2026-12-04, or never")
        parser.add_argument("--priority", choices=PRIORITIES, default=None)
        parser.add_argument("--incident", default=None, help="its number")

    # --- verbs --------------------------------------------------------------------------------------------------------

    def list(self, options: dict[str, Any]) -> None:
        rows = ActionItem.objects.select_related("incident")
        if options["overdue"]:
            rows = rows.overdue()
        elif not options["state"]:
            rows = rows.owed()
        if options["state"] not in ("", "all"):
            rows = rows.filter(state=options["state"])
        if options["incident"]:
            rows = rows.filter(incident=incidents.find(options["incident"]))
        name = self.actor(options).name if options["mine"] else options["owner"]
        if name:
            rows = rows.filter(owner_name=name)
        found = list(rows)
        cells = [
            (row.pk, "overdue" if row.is_overdue else row.state, row.due_on, row.owner_name or NOBODY,
             Priority(row.priority).label, row.incident.code if row.incident else "", row.title)
            for row in found
        ]  # fmt: skip
        table = self.table(("", "state", "due", "owner", "priority", "incident", "title"), cells)
        self.emit(options, [facts(row) for row in found], table)

    def add(self, options: dict[str, Any]) -> None:
        row = action_items.add(options["title"], actor=self.actor(options), **_asked(options))
        self.emit(options, facts(row), f"Action item {row.pk}: {row}")

    def change(self, options: dict[str, Any]) -> None:
        row = action_items.find(options["action"])
        asked = _asked(options) | ({"title": options["title"]} if options["title"] is not None else {})
        action_items.change(row, version=row.version, actor=self.actor(options), reason=options["reason"], **asked)
        self.emit(options, facts(row), f"Action item {row.pk}: {row}")

    def start(self, options: dict[str, Any]) -> None:
        row = action_items.find(options["action"])
        action_items.start(row, actor=self.actor(options))
        self.emit(options, facts(row), f"In progress: {row}")

    def done(self, options: dict[str, Any]) -> None:
        row = action_items.find(options["action"])
        action_items.finish(row, actor=self.actor(options), note=options["note"])
        self.emit(options, facts(row), f"Done: {row}")

    def drop(self, options: dict[str, Any]) -> None:
        row = action_items.find(options["action"])
        action_items.drop(row, actor=self.actor(options), reason=options["reason"])
        self.emit(options, facts(row), f"Dropped: {row}")

    def reopen(self, options: dict[str, Any]) -> None:
        row = action_items.find(options["action"])
        action_items.reopen(row, actor=self.actor(options), reason=options["reason"])
        self.emit(options, facts(row), f"Open again: {row}")

    def remind(self, options: dict[str, Any]) -> None:
        sent = reminders.remind_now(actor=self.actor(options))
        self.emit(options, {"sent": sent}, f"{sent} mail{'' if sent == 1 else 's'} sent.")


def _asked(options: dict[str, Any]) -> dict[str, Any]:
    """The facts that were named. Raises ``ActionInvalid``, ``ActionOwnerUnfit`` and ``NoSuchIncident``."""
    found: dict[str, Any] = {}
    if options["detail"] is not None:
        found["detail"] = options["detail"]
    if options["owner"] is not None:
        found["owner"] = None if options["owner"] == NOBODY else _person(options["owner"])
    if options["due"] is not None:
        found["due_on"] = None if options["due"] == "never" else _day(options["due"])
    if options["priority"] is not None:
        found["priority"] = Priority[options["priority"].upper()]
    if options["incident"] is not None:
        found["incident"] = incidents.find(options["incident"])
    return found


def _person(name: str) -> User:
    user = User.objects.filter(username=name).first()
    if user is None:
        raise ActionOwnerUnfit(f"There is no user “{name}”.")
    return user


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ActionInvalid(f"“{text[:40]}” is no day.", hint="Write it as 2026-12-04, or never.") from None
