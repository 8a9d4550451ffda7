"""Whether changes were foreseen: windows, approvals, DDL outside of them, and drift of what protects."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q

from audit.evidence.checks.words import named
from audit.evidence.held import Held
from audit.evidence.scope import Scope
from audit.models import (
    SERVER_LOGS,
    Approval,
    ImportSource,
    MaintenanceWindow,
    Protection,
    ServerLogEntry,
    Target,
)
from audit.registry import Checked

TOPIC, SETTINGS = "change", "configuration"
DDL = ("ddl", "drop", "drop-database")


def check(scope: Scope, held: Held) -> Iterator[Checked]:
    for target in scope.targets:
        yield _windows(scope, target)
        yield _ddl(scope, target)
        yield _approvals(scope, target)
        yield _protection(scope, target)


def _windows(scope: Scope, target: Target) -> Checked:
    rows = MaintenanceWindow.objects.filter(scope.open_during("opened_at", "closed_at"), target=target).order_by("pk")
    return Checked(
        TOPIC,
        f"{target}: maintenance windows; did a second person approve them?",
        rows.count(),
        rows.count(),
        named(rows.filter(approval=None), lambda row: f"{row} was opened by {row.opened_by} without an approval."),
    )


def _ddl(scope: Scope, target: Target) -> Checked:
    rows = ServerLogEntry.objects.filter(scope.during("at"), target=target, kind__in=DDL).order_by("at", "pk")
    inside = Q(pk=None)
    for window in MaintenanceWindow.objects.filter(scope.open_during("opened_at", "closed_at"), target=target):
        inside |= Q(at__gte=window.opened_at, at__lte=window.closed_at or window.closes_at)
    has_log = ImportSource.objects.filter(target=target, kind__in=SERVER_LOGS, is_active=True).exists()
    gap = f"{target}: no server log is read, so DDL outside of windows is not known."
    return Checked(
        TOPIC,
        f"{target}: statements of DDL in the server's log; did they fall into a window?",
        rows.count(),
        rows.count(),
        named(
            rows.exclude(inside),
            lambda row: f"{row.at:%Y-%m-%d %H:%M:%S} UTC: {row.kind} by {row.role or 'an unknown role'} outside.",
        ),
        [] if has_log else [gap],
    )


def _approvals(scope: Scope, target: Target) -> Checked:
    rows = Approval.objects.filter(scope.during("asked_at"), target=target).order_by("pk")
    refused = rows.filter(state="refused").count()
    expired = rows.filter(state="expired").order_by("pk")
    note = [f"{target}: {refused:,} requests were refused; their reasons are in the records."] if refused else []
    return Checked(
        TOPIC,
        f"{target}: requests that need a second person; were they decided by one?",
        rows.count(),
        rows.count(),
        named(expired, lambda row: f"{row.summary} asked by {row.asked_name}: nobody decided in time.") + note,
    )


def _protection(scope: Scope, target: Target) -> Checked:
    row = Protection.objects.filter(target=target).first()
    if row is None or not row.is_installed:
        gap = f"{target}: no protection policy is installed."
        return Checked(SETTINGS, f"{target}: what protects it; is it as it was installed?", 0, 0, [], [gap])
    when = f"{row.verified_at:%Y-%m-%d %H:%M} UTC" if row.verified_at else "never"
    return Checked(
        SETTINGS,
        f"{target}: parts of its protection; are they as they were installed?",
        len(row.findings),
        len(row.findings),
        [f"{one['object']}: {one['status']}. {one['detail']}".strip() for one in row.wrong],
        [f"{target}: this is what was seen when it was last looked at ({when}), not at each moment of the period."],
    )
