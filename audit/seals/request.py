"""Verification as a job: asked for by a person, run by a worker, its verdict kept on its row."""

from __future__ import annotations

from django.db import transaction

from audit import jobs, ledger
from audit.actors import Actor
from audit.exceptions import VerificationRunning
from audit.models import SealVerification, Target
from audit.progress import Progress
from audit.seals import verify

TASK = "audit.tasks.run_seal_verification"
KEPT = 200
"""So many faults are kept on the row."""


def request(target: Target, *, actor: Actor, reason: str = "") -> SealVerification:
    """Queue a verification of everything that is sealed of ``target``. Raises ``NotPermitted`` and
    ``VerificationRunning``."""
    actor.require(verify.VERIFY)
    running = VerificationRunning(f"The seals of {target} are being verified already.")
    with jobs.only_one("one_open_verification_a_target", running):
        row: SealVerification = SealVerification.objects.create(
            target=target,
            **jobs.asked(actor),
            reason=reason,
        )
        ledger.append("seals.verify", actor=actor, obj=row, target=target, reason=reason)
        jobs.enqueue(row, TASK)
    return row


def perform(row: SealVerification, progress: Progress) -> None:
    """The worker's part. Raises ``SealBroken`` when something is not as it was sealed."""
    progress.phase("Reading entries", unit="rows")

    def tell(count: int) -> None:
        progress.advance(count)
        progress.check()

    actor = Actor(name=row.asked_name or "tovgov", source=f"worker {row.worker}", user=row.asked_by)
    verdict = verify.verify(row.target, actor=actor, tell=tell)
    progress.conclude()
    with transaction.atomic():
        SealVerification.objects.filter(pk=row.pk).update(
            leaves=verdict.rows, retired=verdict.retired, faults=verdict.faults[:KEPT]
        )
        ledger.append(
            "seals.verified",
            actor=actor,
            obj=row,
            target=row.target,
            entries=verdict.rows,
            checkpoints=verdict.checkpoints,
            faults=len(verdict.faults),
        )
    for line in [*verdict.faults[:KEPT], *verdict.notices]:
        progress.log(line)
    verify.required(verdict)
    progress.log(verdict.words(row.target))
