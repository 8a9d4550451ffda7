"""``manage.py imports``: read the delete logs of targets, see how far they were read, verify what was stored."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from audit.imports import deletions
from audit.jobs import facts as job_facts
from audit.lookup import find_target
from audit.management.sealing import SealVerbs
from audit.models import ImportSource
from audit.tasks import run_import


class Command(SealVerbs):
    help = "Import the delete logs of targets, and verify the seals of what was imported."

    def add_arguments(self, parser: CommandParser) -> None:
        run = self.verb(parser, "run", self.run, "read a target's delete log now")
        run.add_argument("target")
        run.add_argument("--reason", default="")
        self.job_arguments(run)
        self.verb(parser, "status", self.status, "show how far each log was read")
        self.seal_verbs(parser)

    def run(self, options: dict[str, Any]) -> None:
        target, actor = find_target(options["target"]), self.actor(options)
        asked = deletions.request(target, actor=actor, reason=options["reason"])
        job = self.run_job(asked, run_import, options, actor=actor)
        job.refresh_from_db()
        facts = job_facts(job) | {name: getattr(job, name) for name in ("records", "rows", "known", "pruned", "seal")}
        words = f"{job} is queued." if job.is_open else f"{target}: {facts['rows']:,} deleted rows were imported."
        self.emit(options, facts, words)

    def status(self, options: dict[str, Any]) -> None:
        rows = list(ImportSource.objects.select_related("target").order_by("target__name"))
        fields = ("looked_at", "lag_seconds", "incarnation", "position", "error_code", "error")
        found = [{"target": row.target.name} | {name: getattr(row, name) for name in fields} for row in rows]
        cells = [
            (r.target, f"{r.looked_at:%Y-%m-%d %H:%M:%S}" if r.looked_at else "never", _lag(r), r.error) for r in rows
        ]
        self.emit(options, found, self.table(("target", "read to the end (UTC)", "oldest waiting", "error"), cells))


def _lag(row: ImportSource) -> str:
    return f"{row.lag_seconds:.0f} s" if row.lag_seconds else "nothing waits"
