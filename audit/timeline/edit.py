"""What people do to a timeline: add a note with its own time, pin, hide with a reason, show again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit import ledger
from audit.actors import Actor
from audit.exceptions import IncidentClosed, LineMisfit, NoSuchLine, NoteInvalid, ReasonMissing
from audit.incidents import HANDLE, hold
from audit.models import Incident, IncidentStatus, TimelineLine

LONGEST = 10_000


def line(row: Incident, number: int) -> TimelineLine:
    """A line of it by its number. Raises ``NoSuchLine``."""
    found = row.lines.filter(pk=number).first()
    if found is None:
        raise NoSuchLine(f"{row.code} has no line {number}.")
    return found


def add(row: Incident, text: str, *, actor: Actor, at: datetime | None = None) -> TimelineLine:
    """Add a note that happened ``at`` (now). Raises ``NotPermitted``, ``NoteInvalid`` and ``IncidentClosed``."""
    actor.require(HANDLE)
    at = at or timezone.now()
    text = text.replace("\0", "").strip()
    if not text or at > timezone.now() or len(text) > LONGEST:
        raise NoteInvalid
    with transaction.atomic():
        held = _held(row)
        made = TimelineLine.objects.create(incident=held, at=at, kind="note", text=text, added_by=actor.name)
        ledger.append("incident.note", actor=actor, obj=held, target=held.target, reason=text, line=made.pk,
                      at_time=at.isoformat())  # fmt: skip
    return made


def pin(found: TimelineLine, *, actor: Actor) -> None:
    """Let it stand out. Raises ``NotPermitted``, ``LineMisfit`` and ``IncidentClosed``."""
    _change(found, "pin", actor, "", {"is_pinned": False}, is_pinned=True)


def unpin(found: TimelineLine, *, actor: Actor) -> None:
    """Let it be a line as others are. Raises as ``pin`` does."""
    _change(found, "unpin", actor, "", {"is_pinned": True}, is_pinned=False)


def hide(found: TimelineLine, *, actor: Actor, reason: str) -> None:
    """Leave it out of what is shown and printed; it stays on record. Also raises ``ReasonMissing``."""
    if not reason.strip():
        raise ReasonMissing
    who = {"hidden_at": timezone.now(), "hidden_by": actor.name, "hidden_why": reason.strip(), "is_pinned": False}
    _change(found, "hide", actor, reason, {"hidden_at": None}, **who)


def unhide(found: TimelineLine, *, actor: Actor) -> None:
    """Show it again. Raises as ``pin`` does."""
    nobody = {"hidden_at": None, "hidden_by": "", "hidden_why": ""}
    _change(found, "unhide", actor, found.hidden_why, {"hidden_at__isnull": False}, **nobody)


def _change(found: TimelineLine, act: str, actor: Actor, reason: str, fitting: dict[str, Any], **changes: Any) -> None:
    actor.require(HANDLE)
    with transaction.atomic():
        held = _held(found.incident)
        if not TimelineLine.objects.filter(pk=found.pk, **fitting).update(**changes):
            raise LineMisfit
        ledger.append(
            f"incident.{act}", actor=actor, obj=held, target=held.target, reason=reason, line=found.pk,
            text=found.text[:200],
        )  # fmt: skip
    found.refresh_from_db()


def _held(row: Incident) -> Incident:
    """The incident, held to the end of the transaction; a closed one is not written to any more."""
    held = hold(row)
    if held.status == IncidentStatus.CLOSED:
        raise IncidentClosed
    return held
