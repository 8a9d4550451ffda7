"""``manage.py imports``: read the logs of targets, keep their sources, see how far they were read, verify what was
stored."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from audit.imports import asking, deletions
from audit.imports.retention import keeping
from audit.imports.server_logs import setup
from audit.jobs import facts as job_facts
from audit.lookup import find_target
from audit.management.sealing import SealVerbs
from audit.models import SERVER_LOGS, AuditImport, ImportSource, LogFileState, Target
from audit.postgres.logs.opening import FORMATS
from audit.tasks import run_import

PIECE = 1024 * 1024
FAILED_SHOWN = 5
COUNTS = ("records", "rows", "known", "ours", "explained", "faults", "pruned", "seal")


class Command(SealVerbs):
    help = "Import the logs of targets, and verify the seals of what was imported."

    def add_arguments(self, parser: CommandParser) -> None:
        self._run_arguments(parser)
        self._source_arguments(parser)
        self.verb(parser, "list", self.list, "show the sources of server logs")
        self.verb(parser, "status", self.status, "show how far each log was read")
        self.seal_verbs(parser)

    def _run_arguments(self, parser: CommandParser) -> None:
        run = self.verb(parser, "run", self.run, "read a log now: the delete log, a server log, or standard input")
        run.add_argument("target")
        run.add_argument(
            "source", nargs="?", default="", help="a server log's name, kind or number; - is standard input"
        )
        run.add_argument("--name", default="", help="with -: the name of the file that comes there")
        run.add_argument("--reason", default="")
        self.job_arguments(run)

    def _source_arguments(self, parser: CommandParser) -> None:
        add = self.verb(parser, "add", self.add, "add a source of server logs")
        add.add_argument("target")
        add.add_argument("kind", choices=list(SERVER_LOGS))
        add.add_argument("--name", default="", help="tells two sources of one kind apart")
        add.add_argument("--folder", default="")
        add.add_argument("--pattern", action="append", default=[], help="names of files; may be given several times")
        add.add_argument("--format", choices=FORMATS, default="", help="guessed when not given")
        add.add_argument("--prefix", default="", help="log_line_prefix of stderr and syslog; guessed when not given")
        add.add_argument("--encoding", default="")
        add.add_argument("--timezone", default="")
        add.add_argument("--keep-days", type=int, help="retire entries that are older; 365 when not given, 0: never")
        add.add_argument("--reason", default="")
        add.add_argument("--try", dest="attempt", action="store_true", help="only look what would be read")
        keep = self.verb(parser, "keep", self.keep, "say how many days the entries of a source are kept")
        keep.add_argument("target")
        keep.add_argument("source", help="its name, kind or number")
        keep.add_argument("days", type=_days, help="a number of days, or forever")
        keep.add_argument("--reason", default="")
        for name, act, words in (
            ("pause", self.pause, "read a server log no more"),
            ("resume", self.resume, "read a paused server log again"),
            ("remove", self.remove, "remove a server log of which nothing is kept"),
        ):
            verb = self.verb(parser, name, act, words)
            verb.add_argument("target")
            verb.add_argument("source", nargs="?", default="", help="its name, kind or number")
            verb.add_argument("--reason", default="")

    # --- reading ------------------------------------------------------------------------------------------------

    def run(self, options: dict[str, Any]) -> None:
        target, actor = find_target(options["target"]), self.actor(options)
        asked = self._asked(target, options)
        job = self.run_job(asked, run_import, options, actor=actor)
        job.refresh_from_db()
        facts = job_facts(job) | {name: getattr(job, name) for name in COUNTS}
        asked.refresh_from_db()
        self.emit(options, facts, f"{job} is queued." if job.is_open else _brought(asked))

    def _asked(self, target: Target, options: dict[str, Any]) -> AuditImport:
        actor, reason = self.actor(options), options["reason"]
        if not options["source"]:
            return deletions.request(target, actor=actor, reason=reason)
        if options["source"] != "-":
            return asking.request(setup.find(target, options["source"]), actor=actor, reason=reason)
        source = setup.sent_source(target, actor=actor)
        pieces = iter(lambda: sys.stdin.buffer.read(PIECE), b"")
        return setup.send(source, pieces, Path(options["name"]).name or "stdin", actor=actor, reason=reason)

    def status(self, options: dict[str, Any]) -> None:
        rows = list(ImportSource.objects.select_related("target").order_by("target__name", "kind", "name"))
        fields = ("kind", "name", "is_active", "looked_at", "heard_at", "lag_seconds", "incarnation", "position")
        found = [
            {"target": row.target.name, "id": row.pk, "error_code": row.error_code, "error": row.error}
            | {name: getattr(row, name) for name in fields}
            for row in rows
        ]
        cells = [
            (
                r.target,
                r.name or r.kind,
                f"{r.looked_at:%Y-%m-%d %H:%M:%S}" if r.looked_at else "never",
                _lag(r),
                r.error,
            )
            for r in rows
        ]
        headers = ("target", "source", "read to the end (UTC)", "oldest waiting", "error")
        self.emit(options, found, self.table(headers, cells))

    # --- sources of server logs ---------------------------------------------------------------------------------

    def add(self, options: dict[str, Any]) -> None:
        target, actor = find_target(options["target"]), self.actor(options)
        names = ("folder", "format", "prefix", "encoding", "timezone")
        settings = {name: options[name] for name in names} | {"patterns": options["pattern"]}
        if options["attempt"]:
            trial = setup.attempt(target, options["kind"], settings, actor=actor)
            cells = [(one["name"], one.get("format"), one.get("at"), one.get("fault")) for one in trial.shown]
            facts = {"files": trial.files, "bytes": trial.bytes, "newest": trial.shown}
            self.emit(options, facts, self.table(("file", "format", "first record (UTC)", "fault"), cells))
            return
        days = setup.USUAL if options["keep_days"] is None else options["keep_days"] or None
        source = setup.add(
            target, options["kind"], name=options["name"], settings=settings, keep_days=days,
            actor=actor, reason=options["reason"],
        )  # fmt: skip
        self.emit(options, _facts(source), f"{source} is read once a minute; its number is {source.pk}.")

    def list(self, options: dict[str, Any]) -> None:
        rows = ImportSource.objects.filter(kind__in=SERVER_LOGS).select_related("target").order_by("target__name", "pk")
        cells = [
            (r.pk, r.target, r.kind, r.name, r.settings.get("folder", ""), "" if r.is_active else "paused", r.error)
            for r in rows
        ]
        headers = ("number", "target", "kind", "name", "folder", "state", "error")
        self.emit(options, [_facts(row) for row in rows], self.table(headers, cells))

    def pause(self, options: dict[str, Any]) -> None:
        source = setup.find(find_target(options["target"]), options["source"])
        setup.pause(source, actor=self.actor(options), reason=options["reason"])
        self.emit(options, _facts(source), f"{source} is paused.")

    def resume(self, options: dict[str, Any]) -> None:
        source = setup.find(find_target(options["target"]), options["source"])
        setup.resume(source, actor=self.actor(options), reason=options["reason"])
        self.emit(options, _facts(source), f"{source} is read again.")

    def keep(self, options: dict[str, Any]) -> None:
        found = keeping.find(find_target(options["target"]), options["source"])
        source = keeping.keep(found, options["days"], actor=self.actor(options), reason=options["reason"])
        days = keeping.days_of(source)
        words = "for ever" if days is None else f"for {days:,} days; what is older is retired from now on"
        self.emit(options, _facts(source), f"Entries of {source} are kept {words}.")

    def remove(self, options: dict[str, Any]) -> None:
        source = setup.find(find_target(options["target"]), options["source"])
        facts, words = _facts(source), f"{source} is removed."
        setup.remove(source, actor=self.actor(options), reason=options["reason"])
        self.emit(options, facts, words)


def _brought(run: AuditImport) -> str:
    """What an import brought, and what it could not read."""
    source = run.source
    if source.kind not in SERVER_LOGS:
        return f"{source.target}: {run.rows:,} deleted rows were imported."
    said = [f"{source.target}: {run.rows:,} entries were imported."]
    if run.ours:
        said.append(f"{run.ours:,} records of tovgov's own were left out.")
    if run.faults:
        places = f"{run.faults:,} place{'s' * (run.faults > 1)}"
        said.append(f"At {places} there was no whole record: the page of {source} names them.")
    failed = source.files.filter(state=LogFileState.FAILED).order_by("-pk")
    said += [f"{file.name} cannot be read: {file.error}" for file in failed[:FAILED_SHOWN]]
    if failed[FAILED_SHOWN:].exists():
        said.append(f"And {failed.count() - FAILED_SHOWN:,} files more.")
    return "\n".join(said)


def _facts(row: ImportSource) -> dict[str, Any]:
    names = ("kind", "name", "settings", "is_active", "keep_days", "looked_at", "heard_at", "error_code", "error")
    return {"id": row.pk, "target": row.target.name} | {name: getattr(row, name) for name in names}


def _days(text: str) -> int | None:
    return None if text == "forever" else int(text)


def _lag(row: ImportSource) -> str:
    return f"{row.lag_seconds:.0f} s" if row.lag_seconds else "nothing waits"
