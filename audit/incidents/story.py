"""What people say of an incident: its words, its kind and causes, its stamps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from audit import ledger
from audit.actors import Actor
from audit.exceptions import (
    IncidentChanged,
    IncidentInvalid,
    IncidentUnproved,
    NotPermitted,
    PostMortemOwed,
    ReasonMissing,
    StampsOutOfOrder,
)
from audit.incidents.lifecycle import HANDLE, LEAD, hold
from audit.incidents.reviewing import lacks_post_mortem
from audit.models import Cause, Incident, IncidentKind, IncidentStatus, Severity
from audit.models.incidents import STAMPS

STORY = (
    "summary", "impact", "trigger", "detection", "root_causes", "contributing_factors",
    "went_well", "went_wrong", "lucky",
)  # fmt: skip
"""The fields in people's words."""


def tell(
    row: Incident, words: Mapping[str, str], *, version: int, actor: Actor, causes: Sequence[str] | None = None
) -> None:
    """Write its story; ``version`` is the one that the writer read. Raises ``NotPermitted``, and ``IncidentChanged``
    when somebody has written since."""
    actor.require(HANDLE)
    changes: dict[str, Any] = {name: words[name].strip() for name in STORY if name in words}
    if causes is not None:
        changes["causes"] = sorted({str(Cause(one)) for one in causes})
    with transaction.atomic():
        found = hold(row)
        if found.version != version:
            raise IncidentChanged
        changed = {name: value for name, value in changes.items() if getattr(found, name) != value}
        if changed:
            Incident.objects.filter(pk=found.pk).update(version=version + 1, **changed)
            former = {name: getattr(found, name) for name in changed}  # what was overwritten stays on record
            ledger.append("incident.tell", actor=actor, obj=found, target=found.target, now=changed, before=former)
    row.refresh_from_db()


def change_stamps(row: Incident, stamps: Mapping[str, datetime | None], *, actor: Actor, reason: str) -> None:
    """Correct its times. Raises ``NotPermitted``, ``ReasonMissing`` and ``StampsOutOfOrder``."""
    actor.require(LEAD)
    if not reason.strip():
        raise ReasonMissing
    changes = {name: stamps[name] for name in STAMPS if name in stamps}
    _change(row, "incident.stamps", changes, actor, reason)


def classify(
    row: Incident, *, actor: Actor, reason: str, title: str | None = None, kind: IncidentKind | None = None,
    severity: Severity | None = None, lead: User | None = None,
) -> None:  # fmt: skip
    """Change its title, kind, severity or lead. Raises ``NotPermitted``, ``ReasonMissing``, ``IncidentInvalid``, and
    ``IncidentUnproved`` when what is resolved without a proof became a loss, ``PostMortemOwed`` when what is reviewed
    became what expects a post-mortem."""
    actor.require(LEAD)
    if not reason.strip():
        raise ReasonMissing
    if title is not None and not title.strip():
        raise IncidentInvalid
    if lead is not None and not (lead.is_active and lead.has_perm(HANDLE)):
        raise NotPermitted(f"{lead.get_username()} may not work on incidents.", hint="Choose a manager or staff.")
    changes: dict[str, Any] = {}
    changes |= {"title": title.strip()[:255]} if title is not None else {}
    changes |= {"kind": kind} if kind is not None else {}
    changes |= {"severity": severity} if severity is not None else {}
    changes |= {"lead": lead, "lead_name": lead.get_username()} if lead is not None else {}
    _change(row, "incident.classify", changes, actor, reason)


def _change(row: Incident, action: str, changes: dict[str, Any], actor: Actor, reason: str) -> None:
    try:
        with transaction.atomic():
            found = hold(row)
            changed = {name: value for name, value in changes.items() if getattr(found, name) != value}
            if changed:
                Incident.objects.filter(pk=found.pk).update(**changed)
                before = {name: str(getattr(found, name)) for name in changed}
                _stays_reviewed(found, changed)
                now = {name: str(value) for name, value in changed.items()}
                ledger.append(
                    action, actor=actor, obj=found, target=found.target, reason=reason, before=before, now=now
                )
    except IntegrityError as error:
        if "incident_stamps_are_in_order" in str(error) or "resolved_incident_has_its_time" in str(error):
            raise StampsOutOfOrder from None
        if "a_data_loss_resolves_with_a_proof" in str(error):
            raise IncidentUnproved from None
        raise
    row.refresh_from_db()


def _stays_reviewed(row: Incident, changed: Mapping[str, Any]) -> None:
    """What was reviewed does not become one that could not have been. Raises ``PostMortemOwed``."""
    wanted = row.wants_post_mortem
    now = Incident(pk=row.pk, kind=changed.get("kind", row.kind), severity=changed.get("severity", row.severity))
    if row.status == IncidentStatus.REVIEWED and not wanted and lacks_post_mortem(now):
        raise PostMortemOwed(hint="Reopen it with a reason first: its review was of a lesser incident.")
