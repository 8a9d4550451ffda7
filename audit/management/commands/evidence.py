"""``manage.py evidence``: build, verify and list evidence packs."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from audit import tasks
from audit.evidence import ask
from audit.exceptions import ExportFolderUnusable, NoSuchPack, PackDamaged, PackPeriodInvalid
from audit.lookup import find_target
from audit.management.base import TovgovCommand
from audit.models import EvidencePack, EvidencePart, Target

FIELDS = ("id", "start", "end", "scope", "parts", "reason", "state", "files", "records", "bytes", "sha256", "signer",
          "time_stamp", "gaps", "faults", "asked_name", "queued_at", "expires_at", "error")  # fmt: skip


def facts(row: EvidencePack) -> dict[str, Any]:
    """The pack as ``--json`` prints it."""
    return {name: getattr(row, name) for name in FIELDS} | {"has_file": bool(row.path)}


class Command(TovgovCommand):
    help = "Build evidence packs for auditors, verify them, and see which there are."

    def add_arguments(self, parser: CommandParser) -> None:
        build = self.verb(parser, "build", self.build, "build a pack; with --to its file is copied there")
        build.add_argument("targets", nargs="+", metavar="TARGET")
        build.add_argument("--from", dest="start", required=True, metavar="DAY")
        build.add_argument("--until", dest="end", required=True, metavar="DAY", help="the first day after")
        build.add_argument("--part", action="append", choices=EvidencePart.values, help="only this, may be repeated")
        build.add_argument("--reason", default="", help="what it is for; it stands in the pack and in the ledger")
        build.add_argument("--to", type=Path, metavar="FILE", help="copy the file there; it must not be there yet")
        self.job_arguments(build)
        fetch = self.verb(parser, "fetch", self.fetch, "copy the file of a pack that is done")
        fetch.add_argument("id", type=int)
        fetch.add_argument("--to", type=Path, required=True, metavar="FILE")
        verify = self.verb(parser, "verify", self.verify, "verify the file of a pack, whoever made it")
        verify.add_argument("file", type=Path)
        verify.add_argument("--signer", default="", help="the fingerprint that you trust; ours when it is not named")
        show = self.verb(parser, "list", self.list, "show packs, the newest first")
        show.add_argument("--limit", type=int, default=20)
        self.verb(parser, "expire", self.expire, "remove the files whose days are over (a worker does so each minute)")

    def build(self, options: dict[str, Any]) -> None:
        actor = self.actor(options)
        chosen: list[Target] = [find_target(name) for name in options["targets"]]
        parts = options["part"] or EvidencePart.values
        start, end = moment(options["start"]), moment(options["end"])
        row = ask.ask(start, end, chosen, actor=actor, reason=options["reason"], parts=parts)
        self.run_job(row, tasks.run_evidence, options, actor=actor)
        row.refresh_from_db()
        if options["to"] and row.path:
            self._copy(row, options)
        text = f"evidencepack-{row.pk}: {row.state}, {row.files:,} files, {row.records:,} records, {len(row.gaps)} gaps"
        more = [f"SHA-256 {row.sha256 or '–'}, signer {row.signer or '–'}", f"Time stamp: {row.time_stamp or '–'}"]
        self.emit(options, facts(row), "\n".join([text, *more, *(f"NOT AS SIGNED: {one}" for one in row.faults)]))

    def fetch(self, options: dict[str, Any]) -> None:
        row = EvidencePack.objects.filter(pk=options["id"]).first()
        if row is None:
            raise NoSuchPack(f"There is no evidence pack {options['id']}.")
        self._copy(row, options)
        self.emit(options, facts(row), f"{options['to']}: SHA-256 {row.sha256}")

    def _copy(self, row: EvidencePack, options: dict[str, Any]) -> None:
        fetched = ask.download(row, actor=self.actor(options))
        with fetched.file:
            try:
                with options["to"].open("xb") as out:
                    options["to"].chmod(0o600)
                    shutil.copyfileobj(fetched.file, out)
            except OSError as error:
                raise ExportFolderUnusable(
                    f"{options['to']}: {error.strerror}.", hint="Name a new file in a folder that you may write to."
                ) from error

    def verify(self, options: dict[str, Any]) -> None:
        verdict = ask.verify_file(options["file"], signer=options["signer"].replace(":", "").lower())
        if verdict.faults:
            raise PackDamaged(" ".join(verdict.faults[:20]), faults=verdict.faults)
        trust = "whom you trust" if verdict.is_anchored else "whom nobody named: only its inner fit was shown"
        last = f"Everything is as it was signed by {verdict.signer}, {trust}."
        facts = {"said": verdict.said, "signer": verdict.signer, "is_anchored": verdict.is_anchored}
        self.emit(options, facts, "\n".join([*verdict.said, last]))

    def list(self, options: dict[str, Any]) -> None:
        rows = list(EvidencePack.objects.order_by("-queued_at", "-id")[: options["limit"]])
        cells = [
            (f"evidencepack-{r.pk}", ", ".join(one["name"] for one in r.scope), f"{r.start:%Y-%m-%d}",
             f"{r.end:%Y-%m-%d}", r.state, r.records, len(r.gaps), len(r.faults), r.asked_name, r.sha256)
            for r in rows
        ]  # fmt: skip
        headers = ("", "targets", "from", "until", "state", "records", "gaps", "faults", "asked by", "SHA-256")
        self.emit(options, [facts(row) for row in rows], self.table(headers, cells))

    def expire(self, options: dict[str, Any]) -> None:
        gone = ask.expire()
        self.emit(options, {"removed": gone}, f"{gone} files were removed.")


def moment(text: str) -> datetime:
    """A day, or a moment as ISO writes it; without a zone it is UTC. Raises ``PackPeriodInvalid``."""
    try:
        found = datetime.combine(date.fromisoformat(text), time()) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        raise PackPeriodInvalid(f"“{text[:40]}” is no day.", hint="Write it as 2026-07-01.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
