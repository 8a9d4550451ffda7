"""Four eyes: one person asks, another decides, and the approval fits exactly the thing that was asked."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit import conf, ledger
from audit.actors import Actor
from audit.exceptions import ApprovalClosed, ApprovalMissing, NotPermitted, ReasonMissing, SelfApproval
from audit.models import Approval, ApprovalState, Target


def fingerprint(action: str, what: dict[str, Any]) -> str:
    """SHA-256 of the action and all that defines it; another table, target or backup gives another fingerprint."""
    return hashlib.sha256(json.dumps([action, what], sort_keys=True, default=str).encode()).hexdigest()


def request(
    action: str,
    *,
    actor: Actor,
    target: Target | None,
    what: dict[str, Any],
    summary: str,
    reason: str,
    detail: dict[str, Any] | None = None,
) -> Approval:
    """Ask for a second person's decision. ``what`` is the exact act (ids, names), ``detail`` the facts to decide on.

    An open request of the same person for the same act is returned instead of a second one. Raises ``ReasonMissing``.
    """
    if not reason.strip():
        raise ReasonMissing
    mark = fingerprint(action, what)
    open_ones = Approval.objects.filter(fingerprint=mark, state=ApprovalState.WAITING, asked_name=actor.name)
    with transaction.atomic():
        expire()
        existing = open_ones.first()
        if existing is not None:
            return existing
        approval = Approval.objects.create(
            action=action,
            target=target,
            summary=summary,
            detail=detail or {},
            fingerprint=mark,
            reason=reason,
            asked_by=actor.user,
            asked_name=actor.name,
            expires_at=timezone.now() + timedelta(hours=conf.approval_hours()),
        )
        ledger.append("approval.request", actor=actor, obj=approval, target=target, reason=reason, summary=summary)
    return approval


def approve(approval: Approval, *, actor: Actor, note: str = "") -> None:
    """Say yes. Raises ``NotPermitted``, ``SelfApproval`` or ``ApprovalClosed``."""
    _decide(approval, ApprovalState.APPROVED, actor=actor, note=note)


def refuse(approval: Approval, *, actor: Actor, note: str) -> None:
    """Say no, with a reason. Raises as ``approve`` does, and ``ReasonMissing``."""
    if not note.strip():
        raise ReasonMissing
    _decide(approval, ApprovalState.REFUSED, actor=actor, note=note)


def _decide(approval: Approval, state: ApprovalState, *, actor: Actor, note: str) -> None:
    actor.require("audit.decide_approval")
    if actor.user is None:
        raise NotPermitted("Only a person approves or refuses.", hint="Sign in, or name yourself with --as.")
    if actor.name == approval.asked_name or actor.user.pk == approval.asked_by_id:  # a new name is no second person
        raise SelfApproval
    with transaction.atomic():
        expire()
        changed = Approval.objects.filter(pk=approval.pk, state=ApprovalState.WAITING).update(
            state=state, decided_by=actor.user, decided_name=actor.name, decided_at=timezone.now(), note=note
        )
        if not changed:
            raise ApprovalClosed
        verb = "approval.approve" if state == ApprovalState.APPROVED else "approval.refuse"
        ledger.append(verb, actor=actor, obj=approval, target=approval.target, reason=note)
    approval.refresh_from_db()


def require(action: str, *, actor: Actor, what: dict[str, Any]) -> Approval:
    """Use up the approval of exactly this act, once. Raises ``ApprovalMissing``.

    Call it inside the transaction that starts the act. Whoever acts may be the asker; the decider never is (the
    database refuses such a row too).
    """
    expire()
    mark = fingerprint(action, what)
    approval = (
        Approval.objects.select_for_update(no_key=True)
        .filter(fingerprint=mark, state=ApprovalState.APPROVED)
        .exclude(decided_name=actor.name)
        .exclude(decided_by__isnull=False, decided_by=actor.user)
        .first()
    )
    if approval is None:
        raise ApprovalMissing(action=action)
    approval.state = ApprovalState.USED
    approval.used_at = timezone.now()
    approval.save(update_fields=["state", "used_at"])
    ledger.append("approval.use", actor=actor, obj=approval, target=approval.target)
    return approval


def find(action: str, what: dict[str, Any]) -> Approval | None:
    """The newest request for exactly this act, in whatever state, or None."""
    return Approval.objects.filter(fingerprint=fingerprint(action, what)).first()


def expire() -> int:
    """Close approvals whose time is over; how many."""
    return Approval.objects.filter(
        state__in=[ApprovalState.WAITING, ApprovalState.APPROVED], expires_at__lt=timezone.now()
    ).update(state=ApprovalState.EXPIRED, decided_at=timezone.now())
