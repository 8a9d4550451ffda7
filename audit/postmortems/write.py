"""The verbs of a post-mortem: start it, save a text, put it up for review, review it."""

from __future__ import annotations

import hashlib
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from audit import ledger
from audit.actors import Actor
from audit.exceptions import (
    NoSuchPostMortem,
    PostMortemEmpty,
    PostMortemMisfit,
    PostMortemOwn,
    PostMortemTooLong,
    PostMortemUnsettled,
    ReasonMissing,
)
from audit.incidents import HANDLE, hold
from audit.models import Incident, PostMortem, PostMortemRevision, PostMortemState
from audit.postmortems.prefill import first_text

VIEW = "audit.view_postmortem"
REVIEW = "audit.review_postmortem"
LONGEST = 500_000
"""Characters. A PDF of so many is made in some seconds; a novel has as many."""

DRAFT, IN_REVIEW, REVIEWED = PostMortemState


def find(incident: Incident) -> PostMortem:
    """Its post-mortem. Raises ``NoSuchPostMortem``."""
    row = PostMortem.objects.filter(incident=incident).first()
    if row is None:
        raise NoSuchPostMortem(f"{incident.code} has no post-mortem yet.")
    return row


def revision(row: PostMortem, number: int) -> PostMortemRevision:
    """A text that was saved. Raises ``NoSuchPostMortem``."""
    found = row.revisions.filter(number=number).first()
    if found is None:
        raise NoSuchPostMortem(f"There is no revision {number} of it.")
    return found


def start(incident: Incident, *, actor: Actor) -> PostMortem:
    """Its post-mortem, filled from the record when it is new; the one that is there when somebody was first.
    Raises ``NotPermitted``."""
    actor.require(HANDLE)
    with transaction.atomic():
        held = hold(incident)
        row = PostMortem.objects.filter(incident=held).first()
        if row is not None:
            return row
        text = first_text(held)
        row = PostMortem.objects.create(
            incident=held, text=text, opened_by=actor.name, edited_by=actor.name, edited_at=timezone.now()
        )
        PostMortemRevision.objects.create(post_mortem=row, number=1, onto=0, text=text, made_by=actor.name)
        _note("start", row, actor, revision=1, sha256=digest(text))
    return row


def save(row: PostMortem, text: str, *, version: int, actor: Actor) -> PostMortemRevision:
    """Keep ``text``; ``version`` is the one that its writer had read. When somebody saved meanwhile, it becomes a
    revision that stands beside (``is_beside``): nothing is lost, nothing is overwritten. What was reviewed is a draft
    again. Raises ``NotPermitted``, ``PostMortemEmpty`` and ``PostMortemTooLong``."""
    actor.require(HANDLE)
    text = _checked(text)
    with transaction.atomic():
        held = PostMortem.objects.select_for_update(no_key=True).get(pk=row.pk)
        if text == held.text:
            found = revision(held, held.version)
        elif version == held.version:
            found = _keep(held, text, version, actor)
            _become(held, found, actor)
        else:
            found = _keep(held, text, version, actor, is_beside=True)
            _note("beside", held, actor, revision=found.number, onto=version, sha256=digest(text))
    row.refresh_from_db()
    return found


def settle(row: PostMortem, number: int, *, actor: Actor) -> None:
    """What stood beside was taken over, or is not needed. Raises ``NotPermitted`` and ``NoSuchPostMortem``."""
    actor.require(HANDLE)
    with transaction.atomic():
        found = revision(row, number)
        changed = row.revisions.filter(number=number, is_beside=True, settled_at=None)
        if changed.update(settled_at=timezone.now(), settled_by=actor.name):
            _note("settle", row, actor, revision=found.number)


def ask_review(row: PostMortem, *, actor: Actor) -> None:
    """Put a draft up for review. Raises ``NotPermitted``, ``PostMortemMisfit`` and ``PostMortemUnsettled``."""
    actor.require(HANDLE)
    now = timezone.now()
    _step(row, "ask_review", (DRAFT,), IN_REVIEW, actor, is_settled=True, asked_at=now, asked_by=actor.name)


def review(row: PostMortem, *, version: int, actor: Actor, note: str = "") -> None:
    """Found good by somebody who did not write last; ``version`` is the one that was read. Raises ``NotPermitted``,
    ``PostMortemOwn``, ``PostMortemMisfit`` (also when it changed meanwhile) and ``PostMortemUnsettled``."""
    actor.require(REVIEW)
    who: dict[str, Any] = {"reviewed_at": timezone.now(), "reviewed_by": actor.name, "review_note": note.strip()}
    _step(row, "review", (IN_REVIEW,), REVIEWED, actor, note, version=version, is_settled=True, **who)


def send_back(row: PostMortem, *, actor: Actor, reason: str) -> None:
    """Something is missing: a draft again. Raises ``NotPermitted``, ``ReasonMissing`` and ``PostMortemMisfit``."""
    actor.require(REVIEW)
    if not reason.strip():
        raise ReasonMissing
    _step(row, "send_back", (IN_REVIEW, REVIEWED), DRAFT, actor, reason, **_unreviewed(), review_note=reason.strip())


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# --- what they share --------------------------------------------------------------------------------------------------


def _checked(text: str) -> str:
    text = text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")
    text = text.encode("utf-8", "replace").decode()  # a lone surrogate fits no column
    if not text.strip():
        raise PostMortemEmpty
    if len(text) > LONGEST:
        raise PostMortemTooLong(f"It has {len(text):,} characters.")
    return text


def _keep(held: PostMortem, text: str, onto: int, actor: Actor, *, is_beside: bool = False) -> PostMortemRevision:
    number = (held.revisions.aggregate(last=Max("number"))["last"] or 0) + 1
    return PostMortemRevision.objects.create(
        post_mortem=held, number=number, onto=onto, text=text, made_by=actor.name, is_beside=is_beside
    )


def _become(held: PostMortem, found: PostMortemRevision, actor: Actor) -> None:
    changes: dict[str, Any] = {"text": found.text, "version": found.number}
    changes |= {"edited_at": timezone.now(), "edited_by": actor.name}
    if held.state == REVIEWED:
        changes |= {"state": DRAFT, **_unreviewed()}
    PostMortem.objects.filter(pk=held.pk).update(**changes)
    _note("save", held, actor, revision=found.number, onto=found.onto, sha256=digest(found.text))


def _unreviewed() -> dict[str, Any]:
    return {"asked_at": None, "asked_by": "", "reviewed_at": None, "reviewed_by": ""}


def _step(
    row: PostMortem, step: str, fits: tuple[PostMortemState, ...], to: PostMortemState, actor: Actor, note: str = "", *,
    version: int | None = None, is_settled: bool = False, **changes: Any,
) -> None:  # fmt: skip
    with transaction.atomic():
        held = PostMortem.objects.select_for_update(no_key=True).get(pk=row.pk)
        if held.state not in fits:
            raise PostMortemMisfit(f"It is {held.get_state_display().lower()}: this step does not fit.")
        if version is not None and version != held.version:
            raise PostMortemMisfit("It was changed since you read it.", hint="Read it again, then review it.")
        if to == REVIEWED and actor.name == held.edited_by:
            raise PostMortemOwn
        if is_settled and held.revisions.filter(is_beside=True, settled_at=None).exists():
            raise PostMortemUnsettled
        PostMortem.objects.filter(pk=held.pk).update(state=to, **changes)
        _note(step, held, actor, note, revision=held.version)
    row.refresh_from_db()


def _note(step: str, row: PostMortem, actor: Actor, reason: str = "", **facts: Any) -> None:
    target = row.incident.target
    ledger.append(f"postmortem.{step}", actor=actor, obj=row, target=target, reason=reason, **facts)
