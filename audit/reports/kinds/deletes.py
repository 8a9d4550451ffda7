"""Deletes by actor and table."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from audit.lists.deletions import user_clause
from audit.lists.listing import Filter
from audit.lists.questions import address_clause
from audit.models import DeleteAuditTransaction, ImportKind
from audit.reports import gaps
from audit.reports.report import Column, Kind, Report, Row, Scope, list_url, target_column
from audit.reports.rows import Statement

ROWS, TRANSACTIONS = "audit.DeleteAuditLog", "audit.DeleteAuditTransaction"

SQL = """
SELECT t.name AS target, d.target_id, e.key AS "table", d.session_role AS role, d.application_user AS "user",
       count(*) AS transactions, sum(e.value::bigint)::bigint AS rows,
       count(*) FILTER (WHERE d.state IN ('unreviewed', 'in review')) AS waiting,
       count(*) FILTER (WHERE d.state = 'suspicious' OR d.incident_id IS NOT NULL) AS suspicious,
       min(d.at) AS first, max(d.last_at) AS last
  FROM ({transactions}) d JOIN audit_target t ON t.id = d.target_id, LATERAL jsonb_each_text(d.tables) e
 {where}
 GROUP BY t.name, d.target_id, e.key, d.session_role, d.application_user
"""
NEEDED = ("target_id", "tables", "session_role", "application_user", "state", "incident_id", "at", "last_at")


def _rows(scope: Scope) -> Statement:
    found: Any = DeleteAuditTransaction.objects.filter(*scope.clause(), **scope.within("at"), **scope.of_targets())
    inner, values = found.order_by().values(*NEEDED).query.sql_with_params()
    where, more = _of_table(scope.answers.get("table", ""))
    return Statement(
        SQL.format(transactions=inner, where=where), (*values, *more), ("target_id", "table", "role", "user")
    )


def _of_table(answer: str) -> tuple[str, list[str]]:
    """The rows of one table alone, named with its schema or without."""
    if not answer:
        return "", []
    return "WHERE e.key = %s OR substr(e.key, strpos(e.key, '.') + 1) = %s", [answer, answer]


def _asked(row: Row, scope: Scope) -> dict[str, Any]:
    start, end = scope.span
    return {
        "target": row["target_id"], "table": row["table"], "role": row["role"], "user": row["user"],
        "address": scope.answers.get("address", ""), "from": start, "to": end,
    }  # fmt: skip


def _gaps(scope: Scope) -> list[str]:
    kinds = [ImportKind.DELETIONS]
    return [
        *gaps.of_targets(scope),
        *gaps.of_sources(scope, kinds, "deletes"),
        *gaps.of_captures(scope),
        *gaps.running_imports(scope, kinds),
    ]


REPORT = Report(
    name="deletes",
    title="Deletes by actor and table",
    about="Who deleted how many rows of which table: the session's role, and the application's user where it says.",
    permissions=("audit.view_deleteaudittransaction", "audit.view_target"),
    columns=(
        target_column(),
        Column("table", "Table"),
        Column("role", "Session role"),
        Column("user", "Application user"),
        Column("rows", "Rows", Kind.NUMBER, lambda row, scope: list_url(ROWS, **_asked(row, scope))),
        Column(
            "transactions", "Transactions", Kind.NUMBER, lambda row, scope: list_url(TRANSACTIONS, **_asked(row, scope))
        ),
        Column(
            "waiting", "To review", Kind.NUMBER,
            lambda row, scope: list_url(TRANSACTIONS, **_asked(row, scope), state="waiting") if row["waiting"] else "",
        ),
        Column("suspicious", "Suspicious", Kind.NUMBER),
        Column("first", "First", Kind.MOMENT),
        Column("last", "Last", Kind.MOMENT),
    ),
    rows=_rows,
    gaps=_gaps,
    sort="-rows",
    counted="the time of a transaction's first delete",
    paper=("target", "table", "role", "user", "rows", "transactions", "last"),
    filters=(
        Filter("table", "Table", lambda text: Q(), hint="public.User or User"),
        Filter("role", "Session role", lambda text: Q(session_role=text)),
        Filter("user", "Application user", user_clause),
        Filter("address", "Address", address_clause, hint="10.0.0.7 or local"),
    ),
)  # fmt: skip
