"""Incidents, plain: opened with a title, joined by what belongs to them, closed with a note."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from audit import ledger
from audit.actors import Actor
from audit.exceptions import IncidentClosed, IncidentInvalid, IncidentUnanswered, ReasonMissing
from audit.models import Incident, Reviewed, ReviewState, Severity, Target

HANDLE = "audit.handle_incident"


def open_incident(
    title: str,
    *,
    target: Target | None,
    actor: Actor,
    reason: str = "",
    severity: Severity = Severity.WARNING,
    fingerprint: str = "",
) -> Incident:
    """Open an incident; with a ``fingerprint``, the open one of the same cause is joined instead, and grows as severe.
    Raises ``NotPermitted`` and ``IncidentInvalid``."""
    actor.require(HANDLE)
    if not title.strip():
        raise IncidentInvalid
    facts = {"target": target, "title": title.strip()[:255], "severity": severity}
    facts |= {"opened_by": actor.name, "reason": reason}
    with transaction.atomic():
        if fingerprint:
            rows = Incident.objects.select_for_update()
            row, is_new = rows.get_or_create(fingerprint=fingerprint, closed_at=None, defaults=facts)
        else:
            row, is_new = Incident.objects.create(**facts), True
        if is_new:
            ledger.append("incident.open", actor=actor, obj=row, target=target, reason=reason, severity=str(severity))
        elif severity.rank > Severity(row.severity).rank:
            row.severity = severity
            row.save(update_fields=["severity"])
            ledger.append("incident.escalate", actor=actor, obj=row, target=target, severity=str(severity))
    return row


def join(row: Incident) -> Incident:
    """The incident, held open to the end of the caller's transaction. Raises ``IncidentClosed``."""
    found = Incident.objects.select_for_update().get(pk=row.pk)
    if not found.is_open:
        raise IncidentClosed
    return found


def close(row: Incident, *, actor: Actor, note: str) -> None:
    """Close it, once nothing in it is suspicious any more. Raises ``NotPermitted``, ``ReasonMissing``,
    ``IncidentClosed`` and ``IncidentUnanswered``."""
    actor.require(HANDLE)
    if not note.strip():
        raise ReasonMissing
    with transaction.atomic():
        found = join(row)
        if any(suspicious(found)):
            raise IncidentUnanswered
        now = timezone.now()
        Incident.objects.filter(pk=found.pk).update(closed_at=now, closed_by=actor.name, closing_note=note.strip())
        ledger.append("incident.close", actor=actor, obj=found, target=found.target, reason=note)
    row.refresh_from_db()


def suspicious(row: Incident) -> Iterable[Reviewed]:
    """What joined the incident and is still suspicious, of every kind that is reviewed."""
    for kind in Reviewed.__subclasses__():
        yield from kind._default_manager.filter(incident=row, state=ReviewState.SUSPICIOUS)[:50]
