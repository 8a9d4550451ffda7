"""Small pasts of a target, written as a log would have them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from audit.anomalies import configure, run
from audit.models import Alert, AnomalyFiring, AnomalySettings, ConnectionAuditLog, Target
from tests import factories

NOON = timezone.now().astimezone(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
"""Yesterday at noon: far from midnight, where findings are cut."""


def at(minutes: float) -> datetime:
    """So many minutes after noon."""
    return NOON + timedelta(minutes=minutes)


def deletes(target: Target, minutes: float, rows: int, role: str = "tovplay_admin", **facts: Any) -> Any:
    """A transaction that deleted rows, with one of its rows."""
    facts = {"tables": {"public.GameRequest": rows}} | facts
    made = factories.DeleteAuditTransactionFactory(
        target=target, at=at(minutes), row_count=rows, session_role=role, **facts
    )
    factories.DeleteAuditLogFactory(of_transaction=made)
    return made


def logged(target: Target, minutes: float, kind: str = "drop", **facts: Any) -> Any:
    """An entry of the server's log."""
    return factories.ServerLogEntryFactory(target=target, at=at(minutes), kind=kind, **facts)


def login(target: Target, minutes: float, **facts: Any) -> ConnectionAuditLog:
    """A connection that was let in, or refused."""
    made: ConnectionAuditLog = factories.ConnectionAuditLogFactory(
        target=target, at=at(minutes), source="server log", **facts
    )
    return made


def look(target: Target) -> list[AnomalyFiring]:
    """Run the rules over what is new."""
    return run.run(target)


def only(target: Target, code: str, **settings: Any) -> AnomalySettings:
    """That rule alone is on, with these thresholds."""
    row = configure.of_target(target, code)
    AnomalySettings.objects.filter(target=target).update(is_active=False)
    AnomalySettings.objects.filter(pk=row.pk).update(is_active=True, settings=settings)
    row.refresh_from_db()
    return row


def alerts_of(code: str) -> list[Alert]:
    """The alerts of a rule, oldest first."""
    return list(Alert.objects.filter(kind=f"anomaly.{code}").order_by("id"))


def firings() -> list[tuple[Any, ...]]:
    """What is kept of all findings."""
    fields = ("rule", "key", "first_at", "last_at", "count", "weight")
    return sorted(AnomalyFiring.objects.values_list(*fields))
