"""Alarms: raised once a cause, counted when seen again, resolved when the cause is gone."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from audit import ledger
from audit.actors import Actor
from audit.models import Alert, Severity, Target


def alert(
    kind: str,
    *,
    fingerprint: str,
    title: str,
    target: Target | None = None,
    severity: Severity = Severity.WARNING,
    hint: str = "",
    actor: Actor,
) -> Alert:
    """Open an alert, or count one more sight of the open one with the same kind and fingerprint."""
    with transaction.atomic():
        row, created = Alert.objects.select_for_update().get_or_create(
            kind=kind,
            fingerprint=fingerprint,
            resolved_at=None,
            defaults={"target": target, "title": title[:255], "severity": severity, "hint": hint},
        )
        if created:
            ledger.append("alert.open", actor=actor, obj=row, target=target, kind=kind)
        else:
            row.times, row.seen_at = row.times + 1, timezone.now()
            row.title, row.severity, row.hint = title[:255], severity, hint
            row.save(update_fields=["times", "seen_at", "title", "severity", "hint"])
    return row


def resolve(kind: str, *, fingerprint: str, actor: Actor) -> bool:
    """Close the open alert of this cause, if there is one; whether there was."""
    with transaction.atomic():
        row = Alert.objects.select_for_update().filter(kind=kind, fingerprint=fingerprint, resolved_at=None).first()
        if row is None:
            return False
        row.resolved_at = timezone.now()
        row.save(update_fields=["resolved_at"])
        ledger.append("alert.resolve", actor=actor, obj=row, target=row.target, kind=kind)
    return True


def acknowledge(row: Alert, *, actor: Actor) -> None:
    """Note that a person has seen it. Raises ``NotPermitted``."""
    actor.require("audit.acknowledge_alert")
    with transaction.atomic():
        rows = Alert.objects.filter(pk=row.pk, acknowledged_at=None)
        if rows.update(acknowledged_at=timezone.now(), acknowledged_by=actor.name):
            ledger.append("alert.acknowledge", actor=actor, obj=row, target=row.target)
