"""JSON: one object with the head, the gaps as a list, the columns and the rows; each row has the page of its record."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, BinaryIO

from audit import conf
from audit.exports.selection import Tell, told
from audit.reports.head import Head
from audit.reports.report import Row, Scope

SUFFIX = "json"
MEDIA = "application/json; charset=utf-8"
MOST: int | None = None


def write(scope: Scope, head: Head, out: BinaryIO, tell: Tell) -> int:
    """Write it row by row, so that nothing is kept in memory; how many rows."""
    columns = scope.report.columns
    facts = {
        "report": scope.report.name,
        "title": head.title,
        "about": head.about,
        "period": _period(scope),
        "zone": scope.zone.key,
        "targets": [target.name for target in scope.targets] or "all",
        "filter": scope.answers,
        "gaps": list(head.gaps),
        "made_at": head.made_at.astimezone(scope.zone).isoformat(),
        "made_by": head.made_by,
        "columns": {column.name: column.label for column in columns},
    }
    body = json.dumps(facts, ensure_ascii=False, indent=1)
    out.write(_bytes(body[:-2] + ',\n "rows": ['))
    count = 0
    for row in told(scope.report.rows(scope).each(scope.sort), tell):
        out.write(_bytes(("," if count else "") + "\n  " + json.dumps(_row(row, scope), ensure_ascii=False)))
        count += 1
    out.write(_bytes("\n ]\n}\n"))
    return count


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _period(scope: Scope) -> dict[str, str] | None:
    if not scope.report.has_period:
        return None
    start, end = (moment.astimezone(scope.zone).isoformat() for moment in scope.span)
    return {"from": start, "before": end, "counted_by": scope.report.counted}


def _row(row: Row, scope: Scope) -> dict[str, Any]:
    found = {column.name: _plain(row[column.name], scope) for column in scope.report.columns}
    links = {column.name: url for column in scope.report.columns if column.link and (url := column.link(row, scope))}
    return found | ({"links": {name: conf.site_url() + url for name, url in links.items()}} if links else {})


def _plain(value: Any, scope: Scope) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(scope.zone).isoformat()
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
