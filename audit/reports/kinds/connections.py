"""Connections: who was in a target, from where, how often, and who was refused."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.db.models import Q

from audit.lists.listing import Filter
from audit.lists.questions import address_clause
from audit.models import SERVER_LOGS, ConnectionGroup, ConnectionOutcome, ImportKind
from audit.reports import gaps
from audit.reports.report import Column, Kind, Report, Row, Scope, list_url, target_column
from audit.reports.rows import Statement

GROUPS, EACH = "audit.ConnectionGroup", "audit.ConnectionAuditLog"
LOGS = (ImportKind.LOGINS, ImportKind.SAMPLES, *SERVER_LOGS)
REFUSED = "not let in"

SQL = """
SELECT t.name AS target, g.target_id, g.role, g.database, host(g.client_address) AS address,
       g.application_name AS application, g.outcome, sum(g.count)::bigint AS connections, count(DISTINCT g.day) AS days,
       count(*) FILTER (WHERE g.state IN ('unreviewed', 'in review') AND NOT g.is_noise) AS waiting,
       min(g.at) AS first, max(g.last_at) AS last
  FROM ({groups}) g JOIN audit_target t ON t.id = g.target_id
 GROUP BY t.name, g.target_id, g.role, g.database, g.client_address, g.application_name, g.outcome
"""
NEEDED = ("target_id", "role", "database", "client_address", "application_name", "outcome", "count", "day", "state",
          "is_noise", "at", "last_at")  # fmt: skip
KEY = ("target_id", "role", "database", "address", "application", "outcome")


def _days(scope: Scope) -> tuple[datetime, datetime]:
    """The period as whole days (UTC): connections are kept together by these."""
    start, end = (moment.astimezone(UTC) for moment in scope.span)
    first = datetime.combine(start.date(), time(), tzinfo=UTC)
    last = datetime.combine((end - timedelta(microseconds=1)).date(), time(), tzinfo=UTC)
    return first, last + timedelta(days=1)


def _rows(scope: Scope) -> Statement:
    first, end = _days(scope)
    days = {"day__gte": first.date(), "day__lt": end.date()}
    found: Any = ConnectionGroup.objects.filter(*scope.clause(), **days, **scope.of_targets())
    inner, values = found.order_by().values(*NEEDED).query.sql_with_params()
    return Statement(SQL.format(groups=inner), values, KEY)


def _asked(row: Row, scope: Scope) -> dict[str, Any]:
    first, end = _days(scope)
    return {
        "target": row["target_id"], "role": row["role"], "database": row["database"],
        "address": row["address"] or "local", "application": row["application"], "outcome": row["outcome"],
        "from": first, "to": end,
    }  # fmt: skip


def _gaps(scope: Scope) -> list[str]:
    return [
        *_widened(scope),
        *gaps.of_targets(scope),
        *gaps.of_sources(scope, LOGS, "connections"),
        *gaps.running_imports(scope, LOGS),
    ]


def _widened(scope: Scope) -> list[str]:
    first, end = _days(scope)
    if (first, end) == scope.span:
        return []
    return [
        f"Connections are counted by days of UTC: what is shown goes from {scope.moment(first)} to {scope.moment(end)}."
    ]


def _outcome(answer: str) -> Q:
    if answer == REFUSED:
        return ~Q(outcome=ConnectionOutcome.ACCEPTED)
    if answer not in ConnectionOutcome.values:
        raise ValueError(f"“{answer[:40]}” is none of them.")
    return Q(outcome=answer)


REPORT = Report(
    name="connections",
    title="Connections",
    about="Who connected to a target or was refused: role, address, application, and how often.",
    permissions=("audit.view_connectiongroup", "audit.view_connectionauditlog", "audit.view_target"),
    columns=(
        target_column(),
        Column("role", "Role"),
        Column("database", "Database"),
        Column("address", "Address"),
        Column("application", "Application"),
        Column("outcome", "Outcome", Kind.STATE),
        Column(
            "connections", "Connections", Kind.NUMBER, lambda row, scope: list_url(EACH, **_asked(row, scope))
        ),
        Column("days", "Days", Kind.NUMBER, lambda row, scope: list_url(GROUPS, **_asked(row, scope), noise="shown")),
        Column(
            "waiting", "To review", Kind.NUMBER,
            lambda row, scope: list_url(GROUPS, **_asked(row, scope), state="waiting") if row["waiting"] else "",
        ),
        Column("first", "First", Kind.MOMENT),
        Column("last", "Last", Kind.MOMENT),
    ),
    rows=_rows,
    gaps=_gaps,
    sort="-connections",
    counted="day (UTC)",
    paper=("target", "role", "address", "application", "outcome", "connections", "last"),
    filters=(
        Filter("role", "Role", lambda text: Q(role=text)),
        Filter("database", "Database", lambda text: Q(database=text)),
        Filter("address", "Address", address_clause, hint="10.0.0.7 or local"),
        Filter("application", "Application", lambda text: Q(application_name=text)),
        Filter(
            "outcome", "Outcome", _outcome, "choice", lambda: [(REFUSED, "Refused (any)"), *ConnectionOutcome.choices]
        ),
    ),
)  # fmt: skip
