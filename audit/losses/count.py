"""The job: count the live target, then compute."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import jobs, ledger, targets
from audit.actors import Actor
from audit.exceptions import DatabaseMissing, JobCancelled, LossRunning, LossTimeless, TovgovError, WorkerDied
from audit.incidents import HANDLE
from audit.losses.compute import store
from audit.losses.known import gather
from audit.models import Incident, LossCount, Purpose, Target
from audit.postgres import queries, rows
from audit.progress import Progress

TASK = "audit.tasks.count_loss"


def request(row: Incident, *, actor: Actor, reason: str = "") -> LossCount:
    """Queue the computation. Raises ``NotPermitted``, ``LossTimeless`` and ``LossRunning``."""
    actor.require(HANDLE)
    if row.target is None or row.began_at is None:
        raise LossTimeless
    try:
        with transaction.atomic():
            job: LossCount = LossCount.objects.create(
                incident=row, asked_by=actor.user, asked_name=actor.name, asked_via=actor.source, reason=reason
            )
            ledger.append("incident.count_loss", actor=actor, obj=row, target=row.target, reason=reason)
            jobs.enqueue(job, TASK)
    except IntegrityError as error:
        if "one_open_loss_an_incident" not in str(error):
            raise
        raise LossRunning from error
    return job


def perform(job: LossCount, progress: Progress) -> None:
    """The worker's part. A target that cannot be counted leaves its tables unknown, and that is said."""
    incident = job.incident
    actor = Actor(name=job.asked_name or "tovgov", source=f"worker {job.worker}", user=job.asked_by)
    assert incident.target is not None
    _count(job, incident.target, actor, progress)
    progress.phase("Compute")
    incident.refresh_from_db()
    known = gather(incident)
    progress.conclude()
    store(incident, known, actor=actor)
    for line in incident.loss_basis["words"]:
        progress.log(line)


def _count(job: LossCount, target: Target, actor: Actor, progress: Progress) -> None:
    """Count every table, in one snapshot; a database that is not there has none."""
    progress.phase("Count the target", unit="rows")
    try:
        if not target.is_active:
            raise _Retired
        with targets.connected(target, Purpose.BACKUP, actor=actor, read_only=True) as connection:
            roots = connection.execute(queries.read("losses/partitions")).fetchall()
        states = rows.states_now(
            targets.conninfo(target, Purpose.BACKUP), counts_only=True, on_tick=progress.check,
            on_table=lambda table: progress.advance(table.rows),
        )  # fmt: skip
    except DatabaseMissing as error:
        _note(job, is_missing=True, counted_at=timezone.now())
        progress.log(error.message)
    except (JobCancelled, WorkerDied):
        raise
    except TovgovError as error:
        _note(job, why_not=f"{error.message} ({error.code})")
        progress.log(f"The target could not be counted: {error.message}")
    else:
        counts = {f"{table.schema}.{table.name}": table.rows for table in states}
        _note(job, counts=counts, roots=dict(roots), counted_at=timezone.now())


class _Retired(TovgovError):
    code = "target.retired"
    sentence = "The target is not in use any more; it is not connected to."
    advice = "Its loss is computed from backups and captured deletes alone."


def _note(job: LossCount, **facts: object) -> None:
    for name, value in facts.items():
        setattr(job, name, value)
    job.save(update_fields=list(facts))
