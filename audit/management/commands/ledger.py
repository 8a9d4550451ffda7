"""``manage.py ledger``: read the ledger and prove that nobody altered it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from audit import ledger, registry
from audit.exceptions import LedgerBroken
from audit.management.base import TovgovCommand
from audit.models import LedgerEntry


class Command(TovgovCommand):
    help = "Read the ledger, or verify its chain (exit status 5 when it was altered)."

    def add_arguments(self, parser: CommandParser) -> None:
        self.verb(parser, "verify", self.verify, "walk the whole chain and name every altered or missing entry")
        listing = self.verb(parser, "list", self.list, "show entries, the newest first")
        listing.add_argument("--limit", type=int, default=50)
        listing.add_argument("--target", help="only acts on this target")
        listing.add_argument("--actor", help="only acts of this person")
        listing.add_argument("--action", help="only this action, for example backup.request")

    def verify(self, options: dict[str, Any]) -> None:
        verdict = ledger.verify(anchors=registry.anchors())
        if not verdict.is_sound:
            raise LedgerBroken(" ".join(verdict.faults), faults=verdict.faults, entries=verdict.entries)
        facts = {"entries": verdict.entries, "head": verdict.head, "is_sound": True}
        self.emit(options, facts, f"The ledger is sound: {verdict.entries} entries, head {verdict.head}.")

    def list(self, options: dict[str, Any]) -> None:
        rows = LedgerEntry.objects.order_by("-number")
        wanted = {name: options[name] for name in ("target", "actor", "action") if options[name]}
        entries = list(rows.filter(**wanted)[: options["limit"]])
        fields = ("number", "at", "actor", "source", "action", "object_label", "target", "reason", "detail", "hash")
        cells = [
            (e.number, f"{e.at:%Y-%m-%d %H:%M:%S}", e.actor, e.action, e.object_label, e.target, e.reason)
            for e in entries
        ]
        self.emit(
            options,
            [{name: getattr(entry, name) for name in fields} for entry in entries],
            self.table(("number", "at (UTC)", "who", "action", "object", "target", "reason"), cells),
        )
