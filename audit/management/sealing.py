"""The verbs of ``manage.py imports`` that concern seals."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.db.models import Max

from audit.exceptions import NoSuchPlace, NotSealed, PublicationFailed, SealBroken, TovgovError
from audit.lookup import find_target
from audit.management.base import TovgovCommand
from audit.models import (
    Checkpoint,
    ConnectionAuditLog,
    DeleteAuditLog,
    ImportKind,
    PlaceKind,
    PublicationPlace,
    SealTree,
    ServerLogEntry,
    Target,
)
from audit.seals import checkpoints, places, proofs, publication, verify, witnesses


class SealVerbs(TovgovCommand):
    """Mixed into the command ``imports``."""

    def seal_verbs(self, parser: CommandParser) -> None:
        """Add the verbs."""
        prove = self.verb(parser, "verify", self.verify, "read every sealed entry again and compare it with its seal")
        prove.add_argument("target", nargs="?", help="all of them when none is named")
        prove.add_argument("--published", metavar="FOLDER", help="checkpoints as they were kept outside, a file each")
        shown = self.verb(parser, "checkpoints", self.checkpoints, "sign what has grown, and show the last checkpoints")
        shown.add_argument("target", nargs="?", help="all of them when none is named")

        proof = self.verb(
            parser, "prove", self.prove, "write an entry with its proof as JSON, for the stand-alone verifier"
        )
        proof.add_argument("entry", help="deletion:ID, connection:ID or log:ID")
        bundle = self.verb(parser, "bundle", self.bundle, "write the sealed entries of a log with their proof as a ZIP")
        bundle.add_argument("target")
        bundle.add_argument("--kind", default=ImportKind.DELETIONS, choices=ImportKind.values, help="which of its logs")
        bundle.add_argument("--name", default="", help="tells several logs of one kind apart")
        bundle.add_argument("--from-leaf", type=int, default=0)
        bundle.add_argument("--to-leaf", type=int)
        bundle.add_argument("--out", required=True, metavar="FILE")
        self.place_verbs(parser)

    def place_verbs(self, parser: CommandParser) -> None:
        """Add the verbs about where checkpoints are published."""
        self.verb(parser, "places", self.places, "show where checkpoints are published")
        more = self.verb(parser, "add-place", self.add_place, "publish checkpoints at one more place")
        more.add_argument("name")
        more.add_argument("kind", choices=PlaceKind.values)
        more.add_argument("address")
        more.add_argument("--secret-stdin", action="store_true", help="read the key or the password from stdin")
        more.add_argument("--every-minutes", type=int, default=0, help="at most so often")
        more.add_argument("--insecure", action="store_true", help="allow http:// and addresses of this machine")
        less = self.verb(parser, "remove-place", self.remove_place, "publish no more at a place")
        less.add_argument("name")
        for name, act, words in (
            ("pause-place", self.pause_place, "publish nothing at a place for now"),
            ("resume-place", self.resume_place, "publish at a paused place again"),
        ):
            verb = self.verb(parser, name, act, words)
            verb.add_argument("name")
            verb.add_argument("--reason", default="")
        publish = self.verb(parser, "publish", self.publish, "publish what waits, now")
        publish.add_argument("name", nargs="?", help="all places when none is named")

    def prove(self, options: dict[str, Any]) -> None:
        kind, _, key = options["entry"].partition(":")
        model = {"deletion": DeleteAuditLog, "connection": ConnectionAuditLog, "log": ServerLogEntry}.get(kind)
        entry = model._default_manager.filter(pk=key).first() if model and key.isdecimal() else None
        if entry is None:
            raise NotSealed("There is no such entry.", hint="Name it as deletion:17, connection:17 or log:17.")
        self.print_json(proofs.of_entry(entry, actor=self.actor(options)))

    def bundle(self, options: dict[str, Any]) -> None:
        target, actor, path = find_target(options["target"]), self.actor(options), Path(options["out"])
        source = target.import_sources.filter(kind=options["kind"], name=options["name"]).first()
        if source is None:
            raise NotSealed(f"{target} has no such log.")
        with path.open("xb") as out:
            try:
                count = proofs.write_bundle(
                    source, out, actor=actor, first=options["from_leaf"], last=options["to_leaf"]
                )
            except TovgovError:
                path.unlink()
                raise
        self.emit(options, {"file": str(path), "entries": count}, f"{count:,} entries are in {path}.")

    def places(self, options: dict[str, Any]) -> None:
        self.actor(options)
        rows = list(PublicationPlace.objects.annotate(last=Max("publications__at")))
        names = ("name", "kind", "is_active", "every_minutes", "last")
        found = [{name: getattr(row, name) for name in names} for row in rows]
        cells = [
            (r.name, r.kind, f"{r.last:%Y-%m-%d %H:%M}" if r.last else "never", "" if r.is_active else "paused")
            for r in rows
        ]
        self.emit(options, found, self.table(("place", "kind", "last published (UTC)", "state"), cells))

    def add_place(self, options: dict[str, Any]) -> None:
        secret = sys.stdin.readline().rstrip("\n") if options["secret_stdin"] else ""
        row = publication.add(
            options["name"], options["kind"], options["address"], actor=self.actor(options), secret=secret,
            every_minutes=options["every_minutes"], insecure=options["insecure"],
        )  # fmt: skip
        words = f"Checkpoints are published at {row} from now on."
        if row.kind == PlaceKind.DATABASE:
            words += "\nRun this there once:\n" + places.create_statement(row)
        self.emit(options, {"name": row.name, "kind": row.kind}, words)

    def remove_place(self, options: dict[str, Any]) -> None:
        publication.remove(options["name"], actor=self.actor(options))
        self.emit(options, {"name": options["name"]}, "Nothing more is published there.")

    def pause_place(self, options: dict[str, Any]) -> None:
        row = publication.pause(options["name"], actor=self.actor(options), reason=options["reason"])
        self.emit(options, {"name": row.name, "is_active": row.is_active}, f"{row} is paused.")

    def resume_place(self, options: dict[str, Any]) -> None:
        row = publication.resume(options["name"], actor=self.actor(options), reason=options["reason"])
        self.emit(options, {"name": row.name, "is_active": row.is_active}, f"{row} is used again.")

    def publish(self, options: dict[str, Any]) -> None:
        self.actor(options).require(publication.CHANGE)
        rows = PublicationPlace.objects.filter(**({"name": options["name"]} if options["name"] else {}))
        if options["name"] and not rows:
            raise NoSuchPlace(f"There is no place “{options['name']}”.")
        counts = {row.name: publication.publish(row, now=True) for row in rows}
        for row in rows:
            failed = row.publications.exclude(error="").order_by("-pk").first()
            if failed is not None:
                raise PublicationFailed(f"{row}: {failed.error}")
        self.emit(options, counts, "\n".join(f"{name}: {count} published" for name, count in counts.items()))

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
