"""Lines from the large logs: deletes one by one, connections and log lines by groups of alike ones."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Q, Subquery

from audit.lists import around
from audit.models import (
    ConnectionAuditLog,
    ConnectionGroup,
    DeleteAuditTransaction,
    LogSeverity,
    ServerLogEntry,
    ServerLogGroup,
    Target,
)
from audit.timeline.entry import DESTRUCTIVE, NOTABLE, OWN, REST, Entry, of

TAKES_AWAY = ("drop-database", "drop", "truncate", "delete-all", "update-all")
"""Classes of the server log that are told one by one."""


def all_of(
    target: Target, start: datetime, end: datetime, *, most: int, told: Collection[tuple[str, int, str]] = ()
) -> tuple[list[Entry], int]:
    """Up to ``most`` of each log, the weightiest first, and how many more there are; without those already ``told``."""
    found: list[Entry] = []
    more = 0
    for teller, rows in (
        (of_delete, _deletes(target, start, end)),
        (of_statement, _statements(target, start, end)),
        (of_log_group, _log_groups(target, start, end)),
        (of_connection_group, _connection_groups(target, start, end)),
    ):
        known = [pk for label, pk, what in told if label == rows.model._meta.label and not what]
        rows = rows.exclude(pk__in=known) if known else rows
        page = list(rows[: most + 1])
        found += [teller(row) for row in page[:most]]
        more += _rest(rows, most) if len(page) > most else 0
    return found, more


def _rest(rows: Any, most: int) -> int:
    return max(0, int(rows.order_by()[:100_000].count()) - most)


def _deletes(target: Target, start: datetime, end: datetime) -> Any:
    rows = around.entries(DeleteAuditTransaction, target, start, end).exclude(state__in=("accepted", "closed"))
    return rows.defer("query").order_by("-row_count", "at", "pk")


def of_delete(row: DeleteAuditTransaction) -> Entry:
    rows = "1 row was" if row.row_count == 1 else f"{row.row_count:,} rows were"
    names = sorted(row.tables, key=lambda name: -row.tables[name])
    where = ", ".join(names[:3]) + (f" and {len(names) - 3} more tables" if len(names) > 3 else "")
    who = row.application_user or row.session_role
    text = f"{rows} deleted from {where or 'the database'} by {who[:100]}"
    text += f" from {row.client_address}" if row.client_address else ""
    text += f" with {row.application_name}" if row.application_name else ""
    rank = OWN if row.incident_id else DESTRUCTIVE
    return of(row, row.at, "delete", text, rank=rank, weight=row.row_count)


def _statements(target: Target, start: datetime, end: datetime) -> Any:
    rows = ServerLogEntry.objects.filter(target=target, at__gte=start, at__lte=end, kind__in=TAKES_AWAY)
    return rows.defer("more", "query").order_by("at", "pk")


def of_statement(row: ServerLogEntry) -> Entry:
    who = f"{row.role or 'unknown role'} from {row.address or 'the server itself'}"
    text = f"{row.level} by {who}: {row.message[:400]}"
    return of(row, row.at, "log", text, rank=DESTRUCTIVE if row.kind in TAKES_AWAY else NOTABLE)


def _log_groups(target: Target, start: datetime, end: datetime) -> Any:
    """Groups that somebody must look at, each with its first entry of these hours."""
    first = ServerLogEntry.objects.filter(of_group=OuterRef("pk"), at__gte=start, at__lte=end).order_by("at")
    rows = around.groups(ServerLogEntry, target, start, end).filter(is_noise=False).exclude(kind__in=TAKES_AWAY)
    return _in_these_hours(rows, first).order_by("-severity", "first", "pk")


def of_log_group(row: ServerLogGroup) -> Entry:
    text = f"{row.get_severity_display()}, {row.kind}: {row.title[:400]}"
    text += f" ({row.role})" if row.role else ""
    rank = NOTABLE if row.severity >= LogSeverity.HIGH else REST
    at: datetime = getattr(row, "first", None) or row.at
    return of(row, at, "log", text, rank=OWN if row.incident_id else rank)


def _connection_groups(target: Target, start: datetime, end: datetime) -> Any:
    """Refused ones, and those of a client that is not known; each with its first connection of these hours."""
    first = ConnectionAuditLog.objects.filter(of_group=OuterRef("pk"), at__gte=start, at__lte=end).order_by("at")
    odd = Q(is_new=True) | ~Q(outcome="accepted")
    rows = around.groups(ConnectionAuditLog, target, start, end).filter(odd, is_noise=False)
    return _in_these_hours(rows, first).order_by("first", "pk")


def _in_these_hours(rows: Any, first: Any) -> Any:
    return rows.annotate(first=Subquery(first.values("at")[:1])).exclude(first=None)


def of_connection_group(row: ConnectionGroup) -> Entry:
    who = f"{row.role or 'unknown role'} in {row.database or 'no database'} from {row.client_address or 'the server'}"
    who += f" with {row.application_name}" if row.application_name else ""
    is_refused = row.outcome != "accepted"
    text = f"Not let in, {row.outcome}: {who}" if is_refused else f"Connected, {', '.join(row.new)} not known: {who}"
    at: datetime = getattr(row, "first", None) or row.at
    rank = OWN if row.incident_id else NOTABLE if is_refused else REST
    return of(row, at, "connection", text, rank=rank)


TELLERS: dict[type, Any] = {
    DeleteAuditTransaction: of_delete,
    ServerLogEntry: of_statement,
    ServerLogGroup: of_log_group,
    ConnectionGroup: of_connection_group,
}


def reviewed(rows: Any) -> Iterator[Entry]:
    """Lines of what was found suspicious and joined the incident."""
    for row in rows:
        yield TELLERS[type(row)](row)
