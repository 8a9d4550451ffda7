"""The verbs of action items."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from audit import ledger
from audit.actors import Actor
from audit.exceptions import (
    ActionChanged,
    ActionInvalid,
    ActionMisfit,
    ActionOwnerUnfit,
    NoSuchAction,
    ReasonMissing,
)
from audit.models import OWED, ActionItem, ActionState, Incident, Priority
from audit.models.action_items import ActionQuerySet

KEEP = "audit.keep_action"
LONGEST = 255
FINISHED = (ActionState.DONE, ActionState.DROPPED)
FIELDS = ("title", "detail", "owner", "due_on", "priority", "incident")


def find(pk: str | int) -> ActionItem:
    """The action item of a number. Raises ``NoSuchAction``."""
    text = str(pk).strip()
    row = ActionItem.objects.filter(pk=int(text)).first() if text.isdecimal() and len(text) < 19 else None
    if row is None:
        raise NoSuchAction(f"There is no action item {text[:20]}.")
    return row


def mine(user: User) -> ActionQuerySet:
    """What this person owes."""
    return ActionItem.objects.owed().filter(owner=user)


def owners() -> list[User]:
    """Who may own an action item, by name."""
    people = User.objects.filter(is_active=True).order_by("username")
    return [user for user in people if user.has_perm(KEEP)]


def add(
    title: str,
    *,
    actor: Actor,
    detail: str = "",
    owner: User | None = None,
    due_on: date | None = None,
    priority: Priority = Priority.NORMAL,
    incident: Incident | None = None,
) -> ActionItem:
    """Keep what is to be done. Raises ``NotPermitted``, ``ActionInvalid`` and ``ActionOwnerUnfit``."""
    actor.require(KEEP)
    facts: dict[str, Any] = {"title": _title(title), "detail": _text(detail), "due_on": due_on, "priority": priority}
    facts |= {"incident": incident, **_owner(owner)}
    with transaction.atomic():
        row: ActionItem = ActionItem.objects.create(made_by=actor.name, **facts)
        ledger.append("action.add", actor=actor, obj=row, target=_target(row), **_words(facts))
    return row


def change(row: ActionItem, *, version: int, actor: Actor, reason: str = "", **facts: Any) -> None:
    """Change title, detail, owner, due_on, priority or incident; ``version`` is the one that the writer read.

    Raises ``NotPermitted``, ``ActionInvalid``, ``ActionOwnerUnfit``, ``ActionMisfit`` for what is finished, and
    ``ActionChanged`` when somebody has written since."""
    actor.require(KEEP)
    unknown = set(facts) - set(FIELDS)
    assert not unknown, unknown
    if "title" in facts:
        facts["title"] = _title(facts["title"])
    if "detail" in facts:
        facts["detail"] = _text(facts["detail"])
    if "owner" in facts:
        keeps = facts["owner"] is not None and facts["owner"].pk == row.owner_id
        facts |= {} if keeps else _owner(facts["owner"])
    with transaction.atomic():
        found = ActionItem.objects.select_for_update(no_key=True).get(pk=row.pk)
        if not found.is_owed:
            raise ActionMisfit(f"It is {found.get_state_display().lower()}: reopen it first.")
        if found.version != version:
            raise ActionChanged
        changed = {name: value for name, value in facts.items() if getattr(found, name) != value}
        if changed:
            before = {name: getattr(found, name) for name in changed}
            ActionItem.objects.filter(pk=found.pk).update(version=version + 1, **changed)
            ledger.append(
                "action.change", actor=actor, obj=found, target=_target(found), reason=reason,
                before=_words(before), now=_words(changed),
            )  # fmt: skip
    row.refresh_from_db()


def start(row: ActionItem, *, actor: Actor) -> None:
    """Somebody works on it; without an owner it is theirs from now on. Raises ``NotPermitted`` and
    ``ActionMisfit``."""
    theirs = _owner(actor.user) if row.owner_id is None and actor.user is not None and actor.may(KEEP) else {}
    _step(row, "start", ActionState.IN_PROGRESS, (ActionState.OPEN,), actor, **theirs)


def finish(row: ActionItem, *, actor: Actor, note: str = "") -> None:
    """It is done. Raises ``NotPermitted`` and ``ActionMisfit``."""
    _step(row, "finish", ActionState.DONE, OWED, actor, note=note, **_end(actor, note))


def drop(row: ActionItem, *, actor: Actor, reason: str) -> None:
    """It will not be done, for a reason. Raises ``NotPermitted``, ``ReasonMissing`` and ``ActionMisfit``."""
    _need(reason)
    _step(row, "drop", ActionState.DROPPED, OWED, actor, note=reason, **_end(actor, reason))


def reopen(row: ActionItem, *, actor: Actor, reason: str) -> None:
    """It is owed again. What was noted at its end stays in the ledger. Raises ``NotPermitted``, ``ReasonMissing`` and
    ``ActionMisfit``."""
    _need(reason)
    nothing = {"finished_at": None, "finished_by": "", "finish_note": ""}
    _step(row, "reopen", ActionState.OPEN, FINISHED, actor, note=reason, **nothing)


# --- what the verbs share ---------------------------------------------------------------------------------------------


def _step(
    row: ActionItem, act: str, to: ActionState, fits: tuple[ActionState, ...], actor: Actor, note: str = "",
    **changes: Any,
) -> None:  # fmt: skip
    actor.require(KEEP)
    with transaction.atomic():
        found = ActionItem.objects.select_for_update(no_key=True).get(pk=row.pk)
        if found.state not in fits:
            raise ActionMisfit(f"It is {found.get_state_display().lower()}: this step does not fit.")
        ActionItem.objects.filter(pk=found.pk).update(state=to, version=found.version + 1, **changes)
        former = {"before": {"state": found.state, "note": found.finish_note}}
        ledger.append(
            f"action.{act}", actor=actor, obj=found, target=_target(found), reason=note, state=str(to), **former
        )
    row.refresh_from_db()


def _end(actor: Actor, note: str) -> dict[str, Any]:
    return {"finished_at": timezone.now(), "finished_by": actor.name, "finish_note": _text(note)}


def _owner(owner: User | None) -> dict[str, Any]:
    if owner is not None and not (owner.is_active and owner.has_perm(KEEP)):
        raise ActionOwnerUnfit(f"{owner.get_username()} cannot own an action item.")
    return {"owner": owner, "owner_name": owner.get_username() if owner else ""}


def _title(text: str) -> str:
    title = _text(text)
    if not title or len(title) > LONGEST or "\n" in title:
        raise ActionInvalid
    return title


def _text(text: str) -> str:
    return text.replace("\0", "").replace("\r\n", "\n").strip()


def _need(reason: str) -> None:
    if not reason.strip():
        raise ReasonMissing


def _target(row: ActionItem) -> Any:
    return row.incident.target if row.incident is not None else None


def _words(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts as the ledger keeps them: a person by name, an incident by number."""
    found = {name: value for name, value in facts.items() if name != "owner"}
    if found.get("incident") is not None:
        found["incident"] = found["incident"].code
    return {name: value if isinstance(value, str | int) or value is None else str(value)
            for name, value in found.items()}  # fmt: skip
