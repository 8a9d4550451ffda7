"""The steps of an incident: open → investigating → mitigated → resolved → reviewed → closed, and back with a reason.

What was lost is resolved only with a proof that it is back, or with an approver's acceptance of the loss.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import approvals, ledger, registry
from audit.actors import Actor
from audit.exceptions import (
    IncidentClosed,
    IncidentMisfit,
    IncidentUnanswered,
    IncidentUnproved,
    NoSuchIncident,
    ReasonMissing,
    StampsOutOfOrder,
)
from audit.models import Approval, Incident, IncidentStatus, Reviewed, ReviewState

HANDLE = "audit.handle_incident"
LEAD = "audit.lead_incident"
ACCEPT = "incident.accept_loss"
"""The approval of a loss that stays."""

OPEN, INVESTIGATING, MITIGATED, RESOLVED, REVIEWED, CLOSED = IncidentStatus

FROM: dict[str, tuple[IncidentStatus, ...]] = {
    "investigate": (OPEN,),
    "mitigate": (OPEN, INVESTIGATING),
    "resolve": (OPEN, INVESTIGATING, MITIGATED),
    "review": (RESOLVED,),
    "close": (OPEN, INVESTIGATING, MITIGATED, RESOLVED, REVIEWED),
    "reopen": (RESOLVED, REVIEWED, CLOSED),
}
"""Which step fits which statuses."""


def fits(row: Incident, step: str) -> bool:
    """Whether ``step`` fits its status."""
    return row.status in FROM[step]


def find(name: str | int) -> Incident:
    """The incident of a number: 12 or INC-12. Raises ``NoSuchIncident``."""
    text = str(name).strip().upper().removeprefix("INC-")
    row = Incident.objects.filter(number=int(text)).first() if text.isdecimal() and len(text) < 10 else None
    if row is None:
        raise NoSuchIncident(f"There is no incident {str(name)[:20]}.")
    return row


def join(row: Incident) -> Incident:
    """The incident, held unresolved to the end of the caller's transaction. Raises ``IncidentClosed``."""
    found = hold(row)
    if not found.is_open:
        raise IncidentClosed
    return found


def hold(row: Incident) -> Incident:
    """The incident as it is now, and nobody else changes it until the caller's transaction ends."""
    ledger.hold()
    return Incident.objects.select_for_update(no_key=True).get(pk=row.pk)


def investigate(row: Incident, *, actor: Actor, note: str = "") -> None:
    """Take it: the actor leads, and it is acknowledged. Raises ``NotPermitted`` and ``IncidentMisfit``."""
    lead: dict[str, Any] = {} if row.lead_name else {"lead": actor.user, "lead_name": actor.name}
    walk(row, "investigate", INVESTIGATING, actor, note, stamp="acknowledged_at", **lead)


def mitigate(row: Incident, *, actor: Actor, note: str = "", at: datetime | None = None) -> None:
    """The impact is over, since ``at`` (now). Raises ``NotPermitted``, ``IncidentMisfit`` and ``StampsOutOfOrder``."""
    walk(row, "mitigate", MITIGATED, actor, note, stamp="mitigated_at", at=at)


def resolve(row: Incident, *, actor: Actor, note: str, at: datetime | None = None) -> None:
    """Everything is as it should be, since ``at`` (now). Raises ``NotPermitted``, ``ReasonMissing``,
    ``IncidentMisfit``, ``StampsOutOfOrder``, ``IncidentUnanswered`` and ``IncidentUnproved``."""
    _need(note)
    walk(row, "resolve", RESOLVED, actor, note, stamp="resolved_at", at=at, guard=_answered)


def close(row: Incident, *, actor: Actor, note: str) -> None:
    """The end. Raises ``NotPermitted``, ``ReasonMissing``, ``IncidentMisfit``, ``IncidentUnanswered`` and
    ``IncidentUnproved``."""
    _need(note)
    if row.status == CLOSED:
        raise IncidentClosed
    who: dict[str, Any] = {"closed_at": timezone.now(), "closed_by": actor.name, "closing_note": note.strip()}
    walk(row, "close", CLOSED, actor, note, guard=_answered, **who)


def reopen(row: Incident, *, actor: Actor, note: str) -> None:
    """Look again: its resolution, review and end are taken back, its proof stays on record in the ledger only.
    Raises ``NotPermitted``, ``ReasonMissing`` and ``IncidentMisfit``."""
    _need(note)
    nothing: dict[str, Any] = {"resolved_at": None, "reviewed_at": None, "reviewed_by": ""}
    nothing |= {"closed_at": None, "closed_by": "", "closing_note": "", "acceptance": None}
    nothing |= {"proof_kind": "", "proof_id": None, "proof_line": "", "proof_at": None}
    walk(row, "reopen", INVESTIGATING, actor, note, **nothing)


# --- a loss that stays ------------------------------------------------------------------------------------------------


def _acceptance(row: Incident) -> dict[str, Any]:
    """What exactly is accepted: another number of rows is another loss."""
    return {"incident": row.pk, "lost": row.lost_rows, "returned": row.returned_rows}


def acceptance(row: Incident) -> Approval | None:
    """The newest request to accept exactly the loss that stands there now, in whatever state."""
    return approvals.find(ACCEPT, _acceptance(row))


def request_acceptance(row: Incident, *, actor: Actor, reason: str) -> Approval:
    """Ask an approver to accept that rows stay lost. Raises ``NotPermitted``, ``ReasonMissing`` and
    ``IncidentMisfit``."""
    actor.require(HANDLE)
    if not fits(row, "resolve"):
        raise IncidentMisfit
    missing = "an unknown number of" if row.lost_rows is None else f"{row.lost_rows - (row.returned_rows or 0):,}"
    summary = f"{row.code}: {missing} lost rows are given up."
    what = _acceptance(row)
    return approvals.request(ACCEPT, actor=actor, target=row.target, what=what, summary=summary, reason=reason)


def accept_loss(row: Incident, *, actor: Actor) -> None:
    """Use the approver's acceptance: the incident may be resolved without a proof. Raises ``NotPermitted``,
    ``ApprovalMissing`` and ``IncidentClosed``."""
    actor.require(HANDLE)
    with transaction.atomic():
        found = join(row)
        found.acceptance = approvals.require(ACCEPT, actor=actor, what=_acceptance(found))
        found.save(update_fields=["acceptance"])
        ledger.append("incident.accept_loss", actor=actor, obj=found, target=found.target,
                      reason=found.acceptance.reason, lost=found.lost_rows, returned=found.returned_rows)  # fmt: skip
    row.refresh_from_db()


# --- what every step shares -------------------------------------------------------------------------------------------


def walk(
    row: Incident, step: str, to: IncidentStatus, actor: Actor, note: str, *, stamp: str = "",
    at: datetime | None = None, guard: Any = None, **changes: Any,
) -> None:  # fmt: skip
    """Take a step: from a status that it fits to ``to``, with its ``stamp`` and ``changes``, once ``guard`` let it
    pass; what the guard returns stands in the ledger's entry. Raises ``NotPermitted``, ``IncidentMisfit``,
    ``StampsOutOfOrder`` and what the guard raises."""
    actor.require(HANDLE)
    if stamp:
        changes[stamp] = at or timezone.now()
    try:
        with transaction.atomic():
            found = hold(row)
            if not fits(found, step):
                raise IncidentMisfit(f"{found.code} is {found.get_status_display().lower()}: this step does not fit.")
            more = guard(found) if guard is not None else None
            Incident.objects.filter(pk=found.pk).update(status=to, **changes)
            details = {"status": str(to)} | ({stamp: changes[stamp].isoformat()} if stamp else {})
            details |= {"proof": found.proof_line} if found.proof_line else {}
            details |= more or {}
            ledger.append(f"incident.{step}", actor=actor, obj=found, target=found.target, reason=note, **details)
    except IntegrityError as error:
        if "incident_stamps_are_in_order" in str(error):
            raise StampsOutOfOrder from None
        if "one_unresolved_incident_a_cause" in str(error):
            raise IncidentMisfit(
                "Another unresolved incident has the same cause.", hint="Work on that one; it has everything new."
            ) from None
        raise
    row.refresh_from_db()


def _need(note: str) -> None:
    if not note.strip():
        raise ReasonMissing


def _answered(row: Incident) -> None:
    if any(suspicious(row)):
        raise IncidentUnanswered
    if row.is_lossy and not row.is_answered:
        raise IncidentUnproved
    if row.is_lossy and row.acceptance_id is None and is_undone(row):
        raise IncidentUnproved("The proof was undone since: what had come back is out of service again.")


def is_undone(row: Incident) -> bool:
    """Whether what proved it was undone since then."""
    teller = registry.recovery_of.get(row.proof_kind)
    if teller is None:
        return False
    record = apps.get_model(row.proof_kind)._default_manager.filter(pk=row.proof_id).first()
    return record is not None and teller(record).undone


def suspicious(row: Incident) -> Iterable[Reviewed]:
    """What joined the incident and is still suspicious, of every kind that is reviewed."""
    for kind in Reviewed.__subclasses__():
        yield from kind._default_manager.filter(incident=row, state=ReviewState.SUSPICIOUS)[:50]
