"""``manage.py exports``: write a filtered list to a file, and see what was exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from audit import tasks
from audit.exceptions import NoSuchExport
from audit.exports import request as exports
from audit.lists.saved import LISTINGS, listing_of
from audit.management.base import TovgovCommand
from audit.management.files import copy_out
from audit.models import LIST_FORMATS, Export

FIELDS = ("id", "page", "query", "format", "state", "rows", "bytes", "sha256", "asked_name", "queued_at", "expires_at",
          "error")  # fmt: skip


def facts(row: Export) -> dict[str, Any]:
    """The export as ``--json`` prints it."""
    return {name: getattr(row, name) for name in FIELDS} | {"has_file": bool(row.path)}


class Command(TovgovCommand):
    help = "Export deletes, connections, server logs or the ledger, as a list's filter chooses them."

    def add_arguments(self, parser: CommandParser) -> None:
        make = self.verb(parser, "make", self.make, "export a list; with --to the file is copied there")
        make.add_argument("list", choices=sorted(page.removeprefix("audit_") for page in LISTINGS))
        make.add_argument("--where", default="", help="the list's query string, for example table=User&from=2026-03-12")
        make.add_argument("--format", default="csv", choices=LIST_FORMATS)
        make.add_argument("--to", type=Path, metavar="FILE", help="copy the file there; it must not be there yet")
        self.job_arguments(make)
        fetch = self.verb(parser, "fetch", self.fetch, "copy the file of an export that is done")
        fetch.add_argument("id", type=int)
        fetch.add_argument("--to", type=Path, required=True, metavar="FILE")
        show = self.verb(parser, "list", self.list, "show exports, the newest first")
        show.add_argument("--limit", type=int, default=20)
        self.verb(parser, "expire", self.expire, "remove the files whose days are over (a worker does so each minute)")

    def make(self, options: dict[str, Any]) -> None:
        actor = self.actor(options)
        row = exports.start(listing_of(f"audit_{options['list']}"), options["where"], options["format"], actor=actor)
        self.run_job(row, tasks.run_export, options, actor=actor)
        row.refresh_from_db()
        if options["to"] and row.path:
            self._copy(row, options)
        self.emit(options, facts(row), f"export-{row.pk}: {row.state}, {row.rows:,} rows, SHA-256 {row.sha256 or '–'}")

    def fetch(self, options: dict[str, Any]) -> None:
        row = Export.objects.filter(pk=options["id"]).first()
        if row is None:
            raise NoSuchExport(f"There is no export {options['id']}.")
        self._copy(row, options)
        self.emit(options, facts(row), f"{options['to']}: {row.rows:,} rows, SHA-256 {row.sha256}")

    def _copy(self, row: Export, options: dict[str, Any]) -> None:
        copy_out(exports.download(row, actor=self.actor(options)), options["to"])

    def list(self, options: dict[str, Any]) -> None:
        rows = list(Export.objects.order_by("-queued_at", "-id")[: options["limit"]])
        cells = [(f"export-{r.pk}", r.page, r.query, r.format, r.state, r.rows, r.asked_name, r.sha256) for r in rows]
        headers = ("", "list", "filter", "format", "state", "rows", "asked by", "SHA-256")
        self.emit(options, [facts(row) for row in rows], self.table(headers, cells))

    def expire(self, options: dict[str, Any]) -> None:
        gone = exports.expire()
        self.emit(options, {"removed": gone}, f"{gone} files were removed.")
