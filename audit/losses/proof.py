"""Linking what proves that the rows are back: a restore or an undelete whose comparison passed."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db import transaction

from audit import ledger, registry
from audit.actors import Actor
from audit.exceptions import (
    LossTimeless,
    NoSuchProof,
    ProofDry,
    ProofNotPassed,
    ProofOfAnother,
    ProofTooEarly,
    ProofTooYoung,
    ProofUndone,
    TovgovError,
)
from audit.incidents import HANDLE, join
from audit.losses.compute import store
from audit.losses.known import gather, since
from audit.models import Incident
from audit.registry import Recovery


def find(name: str) -> Any:
    """The restore or undelete that a person calls ``restore-12``. Raises ``NoSuchProof``."""
    stem, _, number = name.strip().lower().rpartition("-")
    for label in registry.recovery_of:
        model = apps.get_model(label)
        if model._meta.model_name == stem and number.isdecimal() and len(number) < 19:
            found = model._default_manager.filter(pk=int(number)).first()
            if found is not None:
                return found
    raise NoSuchProof(f"There is no restore or undelete “{name[:40]}”.")


def proofs(row: Incident) -> list[Recovery]:
    """What would prove it, the newest first."""
    if row.target is None or row.began_at is None:
        return []
    found = [one for one in since(row.target, row.began_at) if refusal(row, one) is None]
    return sorted(found, key=lambda one: one.at or one.began, reverse=True)


def refusal(row: Incident, found: Recovery) -> TovgovError | None:
    """Why it proves nothing for this incident; None when it does."""
    if row.began_at is None or row.target is None:
        return LossTimeless()
    if found.target_id != row.target_id:
        return ProofOfAnother()
    if found.dry_run:
        return ProofDry()
    if found.undone:
        return ProofUndone()
    if not found.passed or found.at is None:
        return ProofNotPassed()
    if found.at < row.began_at:
        return ProofTooEarly()
    if found.data_at is not None and found.data_at > row.began_at:
        return ProofTooYoung()
    return None


def prove(row: Incident, record: Any, *, actor: Actor) -> None:
    """Link ``record`` as the proof; RTO and RPO count from it, and the loss says what came back. Raises
    ``NotPermitted``, ``IncidentClosed``, ``NoSuchProof``, and the refusals of a proof that proves nothing."""
    actor.require(HANDLE)
    teller = registry.recovery_of.get(record._meta.label)
    if teller is None:
        raise NoSuchProof(f"A {record._meta.verbose_name} proves nothing of this kind.")
    with transaction.atomic():
        held = join(row)
        found = teller(record)
        error = refusal(held, found)
        if error is not None:
            raise error
        assert found.at is not None
        assert held.began_at is not None
        held.proof_kind, held.proof_id, held.proof_at = found.kind, record.pk, found.at
        held.proof_line = found.line[:255]
        held.rto_seconds = (found.at - held.began_at).total_seconds()
        held.rpo_seconds = (held.began_at - found.data_at).total_seconds() if found.data_at is not None else 0.0
        held.save(update_fields=["proof_kind", "proof_id", "proof_at", "proof_line", "rto_seconds", "rpo_seconds"])
        facts = {name: getattr(held, name) for name in ("proof_kind", "rto_seconds", "rpo_seconds")}
        ledger.append("incident.prove", actor=actor, obj=held, target=held.target, reason=found.line, id=record.pk,
                      **facts)  # fmt: skip
        store(held, gather(held), actor=actor)
    row.refresh_from_db()
