"""Reviews: unreviewed → in review → accepted or suspicious → closed; reopened with a reason.

One code for every model that is ``Reviewed``. Each verb takes one row or many of one kind; many are one act: one
conditional UPDATE, one ``ReviewEvent`` a row, one entry in the ledger. What has moved on meanwhile is left out, and
that is said.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit import incidents, ledger
from audit.actors import Actor
from audit.exceptions import NoSuchReview, NotPermitted, ReasonMissing, ReviewBySame, ReviewMisfit, ReviewTooMany
from audit.models import (
    ConnectionGroup,
    DeleteAuditTransaction,
    Incident,
    Reviewed,
    ReviewEvent,
    ReviewState,
    ServerLogGroup,
    Severity,
    Target,
)

KINDS: dict[str, type[Reviewed]] = {
    "deletion": DeleteAuditTransaction,
    "connection": ConnectionGroup,
    "log": ServerLogGroup,
}
"""What is reviewed, by the name that the command line uses. A log that is to be reviewed joins here."""

CAP = 10_000
"""One act reviews at most so many."""
LISTED = 100
"""So many ids stand in a ledger entry; the hash beside them covers all."""

U, R, A, S, C = ReviewState

FROM: dict[str, tuple[ReviewState, ...]] = {
    "take": (U, R),
    "assign": (U, R, S),
    "accept": (U, R),
    "suspect": (U, R),
    "close": (A, S),
    "reopen": (A, S, C),
    "note": tuple(ReviewState),
}
"""Which act fits which states."""
TO: dict[str, ReviewState | None] = {
    "take": R,
    "assign": None,
    "accept": A,
    "suspect": S,
    "close": C,
    "reopen": R,
    "note": None,
}
"""Where each act leads; None leaves the state as it is, but what is assigned is in review."""


@dataclass(frozen=True, slots=True)
class Moved:
    """How many an act has changed, and how many it left out because it did not fit them."""

    changed: int
    left_out: int
    incident: Incident | None = None


def take(rows: Sequence[Reviewed], *, actor: Actor, note: str = "") -> Moved:
    """Review it oneself. Raises ``NotPermitted`` and ``ReviewMisfit``, as every verb here does."""
    return _act("take", rows, actor=actor, note=note, changes=_assigned(actor.user))


def assign(rows: Sequence[Reviewed], to: User, *, actor: Actor, note: str = "") -> Moved:
    """Give it to somebody who may review."""
    for row in rows[:1]:
        if not to.is_active or not to.has_perm(row.review_permission):
            raise NotPermitted(f"{to.get_username()} may not review.", hint="Choose somebody of the staff.")
    return _act("assign", rows, actor=actor, note=note, changes=_assigned(to))


def accept(rows: Sequence[Reviewed], *, actor: Actor, note: str = "") -> Moved:
    """It is as it should be."""
    return _act("accept", rows, actor=actor, note=note, changes=_decided(actor))


def suspect(
    rows: Sequence[Reviewed], *, actor: Actor, note: str, incident: Incident | None = None, title: str = ""
) -> Moved:
    """It is suspicious: it joins ``incident``, or opens one under ``title``. Also raises ``ReasonMissing``,
    ``IncidentClosed`` and ``IncidentInvalid``."""
    _need(note)
    began_at = min((row.at for row in rows), default=None)  # type: ignore[attr-defined]
    with transaction.atomic():
        if incident is None:
            if rows:
                actor.require(rows[0].review_permission)
            target = _one_target(rows)
            severity = Severity.CRITICAL if target is not None and target.is_production else Severity.WARNING
            incident = incidents.open_incident(
                title, target=target, actor=actor, reason=note, severity=severity, began_at=began_at
            )
        incident = incidents.join(incident)
        incidents.reach_back(incident, began_at, actor=actor)
        moved = _act("suspect", rows, actor=actor, note=note, changes=_decided(actor) | {"incident": incident})
    return Moved(moved.changed, moved.left_out, incident)


def close(rows: Sequence[Reviewed], *, actor: Actor, note: str = "") -> Moved:
    """Done with it. A suspicious one needs a note, and somebody other than who found it so: ``ReviewBySame``."""
    if any(row.incident_id for row in rows):
        _need(note)
    changes = {"closed_by": actor.name, "closed_user": actor.user, "closed_at": timezone.now()}
    return _act("close", rows, actor=actor, note=note, changes=changes)


def reopen(rows: Sequence[Reviewed], *, actor: Actor, note: str) -> Moved:
    """Look again, for a reason. A suspicious one is reopened by a second person only, and stays in its incident."""
    _need(note)
    nobody = {"decided_by": "", "decided_user": None, "decided_at": None}
    nobody |= {"closed_by": "", "closed_user": None, "closed_at": None}
    return _act("reopen", rows, actor=actor, note=note, changes=nobody | _assigned(actor.user))


def add_note(rows: Sequence[Reviewed], *, actor: Actor, note: str) -> Moved:
    """Say something about it. Raises ``ReasonMissing``."""
    _need(note)
    return _act("note", rows, actor=actor, note=note, changes={})


def history(row: Reviewed) -> QuerySet[ReviewEvent]:
    """Every step of its review, oldest first."""
    return ReviewEvent.objects.filter(kind=row._meta.model_name, object_id=row.pk)


def may_step(act: str, row: Reviewed, *, name: str, user_id: int | None) -> bool:
    """Whether this act fits the row now and this person: for a page's buttons. The verb asks again."""
    return row.state in FROM[act] and not (act in ("close", "reopen") and _is_own(row, name, user_id))


def find(kind: str, pks: Iterable[int]) -> list[Reviewed]:
    """Rows of a kind by their numbers. Raises ``NoSuchReview``."""
    if kind not in KINDS:
        raise NoSuchReview(f"“{kind}” is not reviewed; {', '.join(KINDS)} is.")
    wanted = list(dict.fromkeys(pks))
    found = list(KINDS[kind]._default_manager.filter(pk__in=wanted))
    if len(found) < len(wanted):
        missing = sorted(set(wanted) - {row.pk for row in found})
        raise NoSuchReview(f"There is no {kind} {', '.join(map(str, missing[:10]))}.")
    return found


# --- one act ---------------------------------------------------------------------------------------------------------


def _act(act: str, rows: Sequence[Reviewed], *, actor: Actor, note: str, changes: dict[str, Any]) -> Moved:
    if not rows:
        raise ReviewMisfit("There is nothing to review.")
    actor.require(rows[0].review_permission)
    if actor.user is None:
        raise NotPermitted("Only a person reviews.", hint="Sign in, or name yourself with --as.")
    if len(rows) > CAP:
        raise ReviewTooMany(f"{len(rows):,} are more than the {CAP:,} that one act reviews.")
    with transaction.atomic():
        held = _hold(rows)
        fitting = [row for row in held if may_step(act, row, name=actor.name, user_id=actor.user.pk)]
        if not fitting:
            raise _misfit(act, held, actor)
        _write(act, fitting, changes)
        _remember(act, fitting, actor=actor, note=note, changes=changes)
        _append(act, fitting, actor=actor, note=note, left_out=len(rows) - len(fitting))
    for row in rows if len(rows) <= LISTED else ():
        row.refresh_from_db()
    return Moved(len(fitting), len(rows) - len(fitting))


def _hold(rows: Sequence[Reviewed]) -> list[Reviewed]:
    """The rows as they are now, locked in one order until the act is done."""
    ledger.hold()
    model = type(rows[0])
    fields = ("pk", "state", "decided_by", "decided_user", "incident", "assignee_name", "target")
    found = model._default_manager.select_for_update(no_key=True).filter(pk__in=[row.pk for row in rows])
    return list(found.only(*fields).order_by("pk"))


def _misfit(act: str, held: Sequence[Reviewed], actor: Actor) -> ReviewMisfit | ReviewBySame:
    if act in ("close", "reopen") and any(row.state in FROM[act] for row in held):
        return ReviewBySame(f"{actor.name} found it suspicious: {act} it is for a second person.")
    states = sorted({row.get_state_display().lower() for row in held})
    return ReviewMisfit(f"{act.capitalize()} does not fit what is {' or '.join(states) or 'not there'}.")


def _is_own(row: Reviewed, name: str, user_id: int | None) -> bool:
    """Whether it is in an incident, and this very person decided on it: a new name is no second person."""
    own_user = row.decided_user_id is not None and row.decided_user_id == user_id
    return row.incident_id is not None and (row.decided_by == name or own_user)


def _write(act: str, rows: Sequence[Reviewed], changes: dict[str, Any]) -> None:
    """One conditional UPDATE for each state that the act leads to; each row must still be where it was."""
    model = type(rows[0])
    for state in {_state_after(act, row) for row in rows}:
        pks = [row.pk for row in rows if _state_after(act, row) == state]
        found = model._default_manager.filter(pk__in=pks, state__in=FROM[act])
        if (changes or TO[act]) and found.update(state=state, **changes) != len(pks):
            raise ReviewMisfit("Somebody else changed it in the same moment; nothing was done.")


def _state_after(act: str, row: Reviewed) -> str:
    if act == "assign" and row.state == U:
        return R
    return TO[act] or row.state


def _remember(act: str, rows: Sequence[Reviewed], *, actor: Actor, note: str, changes: dict[str, Any]) -> None:
    events = (
        ReviewEvent(
            kind=str(row._meta.model_name),
            object_id=row.pk,
            who=actor.name,
            act=act,
            from_state=row.state,
            to_state=_state_after(act, row),
            assignee_name=changes.get("assignee_name", row.assignee_name),
            note=note.strip(),
        )
        for row in rows
    )
    ReviewEvent.objects.bulk_create(events, batch_size=2000)


def _append(act: str, rows: Sequence[Reviewed], *, actor: Actor, note: str, left_out: int) -> None:
    ids = [row.pk for row in rows]
    facts: dict[str, Any] = {"kind": rows[0]._meta.model_name, "count": len(ids), "ids": ids[:LISTED]}
    if len(ids) > LISTED:
        facts["ids_sha256"] = hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()
    if left_out:
        facts["left_out"] = left_out
    obj = type(rows[0])._default_manager.get(pk=ids[0]) if len(ids) == 1 else None
    ledger.append(f"review.{act}", actor=actor, obj=obj, target=_one_target(rows), reason=note, **facts)


def _one_target(rows: Sequence[Reviewed]) -> Target | None:
    """The target that all rows are of; None when there are several."""
    targets = {row.target_id for row in rows}  # type: ignore[attr-defined]
    return rows[0].target if len(targets) == 1 else None  # type: ignore[attr-defined]


def _assigned(user: User | None) -> dict[str, Any]:
    return {"assignee": user, "assignee_name": user.get_username() if user else ""}


def _decided(actor: Actor) -> dict[str, Any]:
    return {"decided_by": actor.name, "decided_user": actor.user, "decided_at": timezone.now()}


def _need(note: str) -> None:
    if not note.strip():
        raise ReasonMissing
