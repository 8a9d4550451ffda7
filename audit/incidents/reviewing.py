"""The review of an incident: a person who may lead has read the whole record, and its lessons are drawn.

Where a post-mortem is expected (``Incident.wants_post_mortem``) a reviewed one must be there, or an approver's waiver.
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from audit import approvals
from audit.actors import Actor
from audit.exceptions import ApprovalMissing, IncidentMisfit, PostMortemOwed
from audit.incidents.lifecycle import HANDLE, LEAD, REVIEWED, fits, walk
from audit.models import Approval, ApprovalState, Incident, PostMortem, PostMortemState

WAIVE = "incident.waive_post_mortem"
"""The approval of a review without a post-mortem."""


def review(row: Incident, *, actor: Actor, note: str = "") -> None:
    """Its lessons are drawn. Uses the waiver when there is no reviewed post-mortem where one is expected.

    Raises ``NotPermitted``, ``IncidentMisfit`` and ``PostMortemOwed``."""
    actor.require(LEAD)
    who: dict[str, Any] = {"reviewed_at": timezone.now(), "reviewed_by": actor.name}
    walk(row, "review", REVIEWED, actor, note, guard=lambda found: _told(found, actor), **who)


def lacks_post_mortem(row: Incident) -> bool:
    """Whether a post-mortem is expected and none is reviewed."""
    there = PostMortem.objects.filter(incident=row.pk, state=PostMortemState.REVIEWED)
    return row.wants_post_mortem and not there.exists()


def waiver(row: Incident) -> Approval | None:
    """The newest request to do without a post-mortem for exactly this incident as it is, in whatever state."""
    return approvals.find(WAIVE, _waiver(row))


def request_waiver(row: Incident, *, actor: Actor, reason: str) -> Approval:
    """Ask an approver that it may be reviewed without a post-mortem. Raises ``NotPermitted``, ``ReasonMissing``, and
    ``IncidentMisfit`` when it is not resolved or none is missing."""
    actor.require(HANDLE)
    if not fits(row, "review"):
        raise IncidentMisfit
    if not lacks_post_mortem(row):
        raise IncidentMisfit("No post-mortem is missing.", hint="It can be reviewed as it is.")
    summary = f"{row.code}: it is reviewed without a post-mortem."
    what = _waiver(row)
    return approvals.request(WAIVE, actor=actor, target=row.target, what=what, summary=summary, reason=reason)


def _waiver(row: Incident) -> dict[str, Any]:
    """What exactly is waived: an incident that turns out to be another kind or worse is another one, and so is one
    that was reopened and resolved again."""
    return {"incident": row.pk, "kind": row.kind, "severity": row.severity, "resolved": row.resolved_at}


def _told(row: Incident, actor: Actor) -> dict[str, Any]:
    """How it is told, for the ledger. Raises ``PostMortemOwed``."""
    if not row.wants_post_mortem:
        return {}
    if not lacks_post_mortem(row):
        return {"post_mortem": "reviewed"}
    try:
        found = approvals.require(WAIVE, actor=actor, what=_waiver(row))
    except ApprovalMissing:
        raise _owed(row, actor) from None
    return {"post_mortem": f"waived by {found.decided_name}: {found.reason}"}


def _owed(row: Incident, actor: Actor) -> PostMortemOwed:
    asked = waiver(row)
    if asked is not None and asked.state == ApprovalState.APPROVED:
        return PostMortemOwed(f"{actor.name} waived the post-mortem.", hint="Another person than that reviews it.")
    if asked is not None and asked.state == ApprovalState.WAITING:
        return PostMortemOwed(hint="An approver was asked to do without one and has not decided yet.")
    return PostMortemOwed()
