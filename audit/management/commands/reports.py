"""``manage.py reports``: what reports there are, make one, read access anew, and those that are sent by mail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from audit import tasks
from audit.exports import request as exports
from audit.lookup import find_target
from audit.management.base import TovgovCommand
from audit.management.files import copy_out
from audit.models import REPORT_FORMATS, ReportSchedule
from audit.reports import access, known, mail, make, schedules
from audit.reports import scope as scopes


class Command(TovgovCommand):
    help = "Reports of a period: list them, make one as a file, see those that are sent by mail."

    def add_arguments(self, parser: CommandParser) -> None:
        self.verb(parser, "list", self.list, "show the reports that you may see, and their filters")
        one = self.verb(parser, "make", self.make, "make a report as a file")
        one.add_argument("report", help="its name, for example deletes")
        one.add_argument("--where", default="", help="its query string: from=2026-03-01&to=2026-03-31&target=Club")
        one.add_argument("--format", default="pdf", choices=[str(form) for form in REPORT_FORMATS])
        one.add_argument("--to", type=Path, metavar="FILE", help="copy the file there; it must not be there yet")
        self.job_arguments(one)
        read = self.verb(parser, "read-access", self.read_access, "read the roles and rights of a target now")
        read.add_argument("target")
        self.verb(parser, "schedules", self.schedules, "show the reports that are sent by mail")
        send = self.verb(parser, "send", self.send, "make one of these and mail it now")
        send.add_argument("schedule", help="its number or name in reports schedules")
        send.add_argument("--reason", default="")
        self.job_arguments(send)

    def list(self, options: dict[str, Any]) -> None:
        actor = self.actor(options)
        seen = [report for report in known.every().values() if known.may_see(report, actor)]
        facts = [
            {"name": one.name, "title": one.title, "about": one.about, "has_period": one.has_period,
             "filters": [each.name for each in one.filters], "columns": [each.name for each in one.columns]}
            for one in seen
        ]  # fmt: skip
        rows = [(one["name"], one["title"], " ".join(one["filters"])) for one in facts]  # type: ignore[arg-type]
        self.emit(options, facts, self.table(("", "report", "filters"), rows))

    def make(self, options: dict[str, Any]) -> None:
        actor = self.actor(options)
        scope = scopes.read(known.find(options["report"]), options["where"])
        row = make.start(scope, options["format"], actor=actor)
        self.run_job(row, tasks.run_export, options, actor=actor)
        row.refresh_from_db()
        if options["to"] and row.path:
            copy_out(exports.download(row, actor=actor), options["to"])
        facts = {"id": row.pk, "page": row.page, "query": row.query, "format": row.format, "state": row.state,
                 "rows": row.rows, "bytes": row.bytes, "sha256": row.sha256}  # fmt: skip
        self.emit(options, facts, f"export-{row.pk}: {row.state}, {row.rows:,} rows, SHA-256 {row.sha256 or '–'}")

    def read_access(self, options: dict[str, Any]) -> None:
        row = access.read(find_target(options["target"]), actor=self.actor(options))
        facts = {"target": str(row.target), "read_at": row.read_at, "roles": len(row.roles), "grants": len(row.grants),
                 "left_out": row.left_out}  # fmt: skip
        self.emit(options, facts, f"{row.target}: {len(row.roles):,} roles, {len(row.grants):,} rights.")

    def schedules(self, options: dict[str, Any]) -> None:
        self.actor(options).require("audit.view_reportschedule")
        rows = list(ReportSchedule.objects.prefetch_related("recipients"))
        facts = [_facts(row) for row in rows]
        cells = [
            (one["id"], one["name"], one["report"], one["format"], one["rhythm"], one["at"], one["zone"],
             one["next_at"] or "off", " ".join(one["recipients"] + one["addresses"]), one["last_note"])
            for one in facts
        ]  # fmt: skip
        headers = ("", "name", "report", "format", "rhythm", "at", "zone", "next", "to", "last")
        self.emit(options, facts, self.table(headers, cells))

    def send(self, options: dict[str, Any]) -> None:
        """The mails that wait are sent in this process; what is not taken stays with the workers, who try again."""
        actor = self.actor(options)
        row = schedules.find(options["schedule"])
        export = schedules.send_now(row, actor=actor, reason=options["reason"])
        try:
            self.run_job(export, tasks.run_export, options, actor=actor)
        finally:
            mail.give_up()
        export.refresh_from_db()
        if not export.is_open:
            mail.send_due()
        rows = list(export.mails.order_by("address"))
        told = [{"address": one.address, "state": one.state, "error": one.error} for one in rows]
        facts = _facts(row) | {"export": export.pk, "state": export.state, "mails": told}
        cells = [(one["address"], one["state"], one["error"]) for one in told]
        self.emit(options, facts, self.table(("to", "mail", "what went wrong"), cells))


def _facts(row: ReportSchedule) -> dict[str, Any]:
    names = ("id", "name", "report", "query", "format", "rhythm", "weekday", "day", "zone", "is_active", "next_at",
             "covered_until", "last_note", "addresses")  # fmt: skip
    people = [user.username for user in row.recipients.all()]
    return {name: getattr(row, name) for name in names} | {"at": f"{row.at:%H:%M}", "recipients": people}
