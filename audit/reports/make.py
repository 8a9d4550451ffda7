"""The verbs of a report's files: a small one at once, a large one by a worker, with the machinery of exports."""

from __future__ import annotations

import tempfile
from datetime import datetime
from typing import BinaryIO

from audit import ledger
from audit.actors import Actor
from audit.exceptions import ReportTooLong
from audit.exports import content, files
from audit.exports import request as exports
from audit.exports.content import Content
from audit.exports.request import Made
from audit.exports.selection import Tell
from audit.models import Export
from audit.reports import formats, head, known
from audit.reports import scope as scopes
from audit.reports.report import EXPORT, Scope

DIRECT = 2_000
"""So many rows are made while the person waits; more are a worker's."""
STEM = "report"


def is_small(scope: Scope) -> bool:
    """Whether a file of it can be made while the person waits. Reads at most ``DIRECT`` rows and one more."""
    return len(scope.report.rows(scope).page(scope.sort, 0, DIRECT + 1)) <= DIRECT


def direct(scope: Scope, kind: str, *, actor: Actor) -> Made:
    """Make a file now; the caller closes it. Raises ``NotPermitted``, ``ReportInvalid`` and ``ReportTooLong``."""
    known.require_to_export(scope.report, actor)
    form = formats.find(kind)
    out = tempfile.SpooledTemporaryFile(max_size=8 * files.CHUNK)  # noqa: SIM115  # handed out open
    rows = write(scope, kind, out, made_by=actor.name)  # type: ignore[arg-type]
    made = Made(out, exports.file_name(scope.report.name, form.SUFFIX), form.MEDIA, rows, files.digest(out))  # type: ignore[arg-type]
    ledger.append(
        "report.made", actor=actor, page=scope.report.page, query=scope.query, format=kind, rows=rows,
        sha256=made.sha256,
    )  # fmt: skip
    return made


def start(scope: Scope, kind: str, *, actor: Actor) -> Export:
    """Ask a worker for a file. Raises ``NotPermitted`` and ``ReportInvalid``."""
    known.require_to_export(scope.report, actor)
    formats.find(kind)
    return exports.queue(scope.report.page, scope.query, kind, actor=actor)


def write(
    scope: Scope,
    kind: str,
    out: BinaryIO,
    *,
    made_by: str,
    made_at: datetime | None = None,
    tell: Tell = lambda count: None,
) -> int:
    """Write the report into ``out``; how many rows. With the same ``made_at`` and the same records it is the same
    file, byte for byte. Raises ``ReportInvalid`` and ``ReportTooLong``."""
    form = formats.find(kind)
    if form.MOST is not None and len(scope.report.rows(scope).page(scope.sort, form.MOST, 1)):
        raise ReportTooLong(f"{scope.report.title} has more than {form.MOST:,} rows; a {kind} holds no more.")
    rows: int = form.write(scope, head.of(scope, made_by=made_by, made_at=made_at), out, tell)
    return rows


def content_of(export: Export) -> Content:
    """What an export of a report holds. Raises ``NoSuchReport`` and what ``scope.read`` raises."""
    report = known.find(export.page.removeprefix(f"{STEM}."))
    form = formats.find(export.format)

    def write_it(out: BinaryIO, tell: Tell, actor: Actor) -> int:
        return write(scopes.read(report, export.query), export.format, out, made_by=actor.name, tell=tell)

    return Content(report.title, [*report.permissions, EXPORT], form.SUFFIX, form.MEDIA, write_it)


content.OTHERS[STEM] = content_of
