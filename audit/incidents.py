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
    title: str, *, target: Target | None, actor: Actor, reason: str = "", severity: Severity = Severity.WARNING
) -> Incident:
    """Open an incident. Raises ``NotPermitted`` and ``IncidentInvalid``."""
    actor.require(HANDLE)
    if not title.strip():
        raise IncidentInvalid
    with transaction.atomic():
        row = Incident.objects.create(
            target=target, title=title.strip()[:255], severity=severity, opened_by=actor.name, reason=reason
        )
        ledger.append("incident.open", actor=actor, obj=row, target=target, reason=reason, severity=str(severity))
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
