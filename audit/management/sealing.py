"""The verbs of ``manage.py imports`` that concern seals."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from audit.exceptions import SealBroken
from audit.lookup import find_target
from audit.management.base import TovgovCommand
from audit.models import Checkpoint, SealTree, Target
from audit.seals import checkpoints, verify, witnesses


class SealVerbs(TovgovCommand):
    """Mixed into the command ``imports``."""

    def seal_verbs(self, parser: CommandParser) -> None:
        """Add the verbs."""
        prove = self.verb(parser, "verify", self.verify, "read every sealed entry again and compare it with its seal")
        prove.add_argument("target", nargs="?", help="all of them when none is named")
        prove.add_argument("--published", metavar="FOLDER", help="checkpoints as they were kept outside, a file each")
        shown = self.verb(parser, "checkpoints", self.checkpoints, "sign what has grown, and show the last checkpoints")
        shown.add_argument("target", nargs="?", help="all of them when none is named")

    def verify(self, options: dict[str, Any]) -> None:
        actor, targets = self.actor(options), _targets(options)
        published = witnesses.published_in(Path(options["published"])) if options["published"] else None
        found: list[dict[str, Any]] = []
        for target in targets:
            verdict = verify.verify(target, actor=actor, published=published)
            found.append({"target": target.name, "is_sound": verdict.is_sound} | asdict(verdict))
            if not options["json"]:
                self.stdout.write("".join(f"{line}\n" for line in verdict.notices), ending="")
                if verdict.is_sound:
                    self.stdout.write(verdict.words(target))
        if faults := [fault for facts in found for fault in facts["faults"]]:
            raise SealBroken("\n".join(faults), faults=faults)
        if options["json"]:
            self.print_json(found[0] if options["target"] else found)

    def checkpoints(self, options: dict[str, Any]) -> None:
        self.actor(options).require(verify.VERIFY)
        rows: list[Checkpoint] = []
        for tree in SealTree.objects.filter(source__target__in=_targets(options), size__gt=0).order_by("pk"):
            checkpoints.make(tree)
            rows += tree.checkpoints.select_related("tree__source__target").order_by("-number")[:1]
        if options["json"]:
            self.print_json([{"number": row.number, "size": row.size, "at": row.at, "note": row.note} for row in rows])
            return
        self.stdout.write("\n".join(row.note for row in rows) or "Nothing is sealed yet.")


def _targets(options: dict[str, Any]) -> list[Target]:
    return [find_target(options["target"])] if options["target"] else list(Target.objects.order_by("name"))
