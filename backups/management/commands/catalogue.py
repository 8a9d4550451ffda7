"""``manage.py catalogue``: what backups there are; rebuild that knowledge from a destination."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from audit.exceptions import ExitStatus
from audit.management.base import TovgovCommand
from backups import catalogue
from backups.lookup import find_destination

COLUMNS = ("backup", "name", "snapshot_at", "level", "copies", "tables", "rows", "stored_bytes")


class Command(TovgovCommand):
    help = "List backups, or rebuild the list from the signed manifests in a destination."

    def add_arguments(self, parser: CommandParser) -> None:
        listing = self.verb(parser, "list", self.list, "show every usable backup, the newest first")
        listing.add_argument("--target", default="", help="only of this target")
        rebuild = self.verb(
            parser,
            "rebuild",
            self.rebuild,
            "make the rows that are missing from what a destination holds (exit status 5 when a manifest is damaged)",
        )
        rebuild.add_argument("destination", help="the destination's name")

    def list(self, options: dict[str, Any]) -> None:
        lines = catalogue.listing(options["target"])
        cells = [[_cell(line[column]) for column in COLUMNS] for line in lines]
        self.emit(options, lines, self.table(COLUMNS, cells))

    def rebuild(self, options: dict[str, Any]) -> None:
        destination, actor = find_destination(options["destination"]), self.actor(options)
        say = None if options["json"] else self.stderr.write
        rebuilt = catalogue.rebuild(destination, actor=actor, on_backup=say)
        words = (
            f"{len(rebuilt.added)} backups added, {len(rebuilt.known)} known already, "
            f"{len(rebuilt.targets)} targets made, {len(rebuilt.faults)} not usable."
        )
        faults = "".join(f"\n{path}: {fault}" for path, fault in rebuilt.faults.items())
        self.emit(options, rebuilt.as_dict(), words + faults)
        if rebuilt.faults:
            raise SystemExit(int(ExitStatus.PROOF_FAILED))


def _cell(value: object) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S} UTC" if hasattr(value, "strftime") else str(value)
