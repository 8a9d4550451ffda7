"""Opening an incident, by hand or by what tovgov itself finds; the same cause joins the unresolved one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from audit import ledger, registry
from audit.actors import Actor
from audit.exceptions import IncidentInvalid, StampsOutOfOrder
from audit.incidents.lifecycle import HANDLE, hold
from audit.models import Incident, IncidentKind, LedgerEntry, Severity, Target
from audit.models.incidents import STAMPS, UNRESOLVED


def open_incident(
    title: str,
    *,
    target: Target | None,
    actor: Actor,
    reason: str = "",
    severity: Severity = Severity.WARNING,
    kind: IncidentKind = IncidentKind.OTHER,
    fingerprint: str = "",
    began_at: datetime | None = None,
    detected_at: datetime | None = None,
) -> Incident:
    """Open an incident; with a ``fingerprint``, the unresolved one of the same cause is joined instead: it grows as
    severe, and what was of no kind gets one. It is detected now unless ``detected_at`` says when.

    Raises ``NotPermitted``, ``IncidentInvalid`` and ``StampsOutOfOrder``."""
    actor.require(HANDLE)
    if not title.strip():
        raise IncidentInvalid
    detected_at = detected_at or max(timezone.now(), began_at or timezone.now())
    if began_at is not None and began_at > detected_at:
        raise StampsOutOfOrder
    with transaction.atomic():
        ledger.hold()  # numbers are given one at a time, so that none is left out
        same = Incident.objects.select_for_update(no_key=True).filter(fingerprint=fingerprint, status__in=UNRESOLVED)
        row = same.first() if fingerprint else None
        if row is not None:
            _grow(row, severity, kind, began_at, actor)
            return row
        row = Incident.objects.create(
            number=(Incident.objects.aggregate(last=Max("number"))["last"] or 0) + 1,
            target=target,
            title=title.strip()[:255],
            severity=severity,
            kind=kind,
            fingerprint=fingerprint,
            opened_by=actor.name,
            reason=reason,
            began_at=began_at,
            detected_at=detected_at,
        )
        details = {"severity": str(severity), "kind": str(kind)}
        ledger.append("incident.open", actor=actor, obj=row, target=target, reason=reason, **details)
        _tell(row)
    return row


def _grow(row: Incident, severity: Severity, kind: IncidentKind, began_at: datetime | None, actor: Actor) -> None:
    changed: dict[str, Any] = {}
    if severity.rank > Severity(row.severity).rank:
        changed["severity"] = severity
    if row.kind == IncidentKind.OTHER and kind != IncidentKind.OTHER:
        changed["kind"] = kind
    if began_at is not None and (row.began_at is None or began_at < row.began_at) and not _is_set(row):
        changed["began_at"] = min([began_at, *filter(None, [row.detected_at])])
    _set(row, changed, actor)


def reach_back(row: Incident, began_at: datetime | None, *, actor: Actor) -> None:
    """What belongs to it began earlier than was known. A beginning that a person has set stays as it is."""
    with transaction.atomic():
        held = hold(row)
        changed: dict[str, Any] = {}
        if began_at is not None and (held.began_at is None or began_at < held.began_at) and not _is_set(held):
            changed["began_at"] = min([began_at, *filter(None, (getattr(held, name) for name in STAMPS[1:]))])
        _set(held, changed, actor)
    row.began_at = held.began_at


def _is_set(row: Incident) -> bool:
    """Whether a person has said when it began."""
    rows = LedgerEntry.objects.filter(action="incident.stamps", object_type=Incident._meta.label)
    return rows.filter(object_id=str(row.pk), detail__now__has_key="began_at").exists()


def _set(row: Incident, changed: dict[str, Any], actor: Actor) -> None:
    if not changed:
        return
    for name, value in changed.items():
        setattr(row, name, value)
    row.save(update_fields=list(changed))
    details = {name: str(value) for name, value in changed.items()}
    ledger.append("incident.escalate", actor=actor, obj=row, target=row.target, **details)
    if "kind" in changed:
        _tell(row)


def _tell(row: Incident) -> None:
    for act in registry.incident_opened:
        act(row)
