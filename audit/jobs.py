"""The life of a job row: queued, claimed by one worker, kept alive by its heartbeat, finished aloud.

Run twice, a job does its work once: a worker claims the row by a conditional UPDATE and expects exactly one. A job
whose worker died is found by its silent heartbeat (``reap``) and queued again or failed.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import (
    IntegrityError,
    InterfaceError,
    OperationalError,
    close_old_connections,
    connections,
    transaction,
)
from django.db.models import F
from django.utils import timezone
from django_q.tasks import async_task

from audit import conf, ledger
from audit.actors import Actor
from audit.exceptions import JobCancelled, JobNotOpen, NoSuchJob, TovgovError, WorkerDied
from audit.models import Job, JobState
from audit.progress import Progress

__all__ = [
    "Progress", "asked", "cancel", "claim", "enqueue", "facts", "find", "job_task", "kinds", "may_cancel", "only_one",
    "reap", "reference", "register", "run",
]  # fmt: skip

logger = logging.getLogger(__name__)
J = TypeVar("J", bound=Job)

CANCEL = "backups.cancel_job"

LONG, SHORT = "long", "tovgov"  # the queues: for hours, and for what ends within minutes
WRITE_SECONDS = 1.0  # progress is written at most this often
POLL_SECONDS = 0.5  # a cancel is seen this soon


class UnexpectedFault(TovgovError):
    code = "job.unexpected"
    sentence = "The job ended with a fault that tovgov does not know."
    advice = "What it had begun was undone. The worker's log has the details; please report it."


def asked(actor: Actor) -> dict[str, Any]:
    """Who asked for a job, and through what: fields of its row."""
    return {"asked_by": actor.user, "asked_name": actor.name, "asked_via": actor.source}


@contextmanager
def only_one(constraint: str, refusal: TovgovError) -> Iterator[None]:
    """The transaction in which a job's row is made. The database decides who was first: raises ``refusal`` where
    ``constraint`` says that one like it is open."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if constraint not in str(error):
            raise
        raise refusal from error


def enqueue(job: Job, task: str) -> None:
    """Queue ``task`` (dotted path, called with the job's id) when the current transaction commits."""
    queue = _queues.get(type(job), LONG)
    options = {"cluster": queue} if queue != SHORT else {}
    pk = job.pk
    transaction.on_commit(lambda: async_task(task, pk, q_options=options))


def run(model: type[J], pk: int, verb: Callable[[J, Progress], None]) -> None:
    """Claim the row, run ``verb`` on it under a heartbeat, and write how it ended. Does nothing when the row is not
    queued (another worker has it, or it was cancelled)."""
    job = claim(model, pk)
    if job is None:
        return
    progress = Progress(job)
    heart = threading.Thread(target=_beat, args=(job, progress), daemon=True, name=f"heartbeat-{pk}")
    heart.start()
    try:
        verb(job, progress)
        progress.check()
    except TovgovError as error:
        _finish(job, progress, progress.why or error)  # a tool that was ended says so in its own words
    except BaseException:
        # The one place that outlives a bug: the row must not stay "running" for ever. The bug itself propagates.
        logger.error("job %s %s:\n%s", model.__name__, pk, traceback.format_exc())
        _finish(job, progress, UnexpectedFault())
        raise
    else:
        _finish(job, progress, None)
    finally:
        progress.stop.set()
        heart.join(timeout=10)


def claim(model: type[J], pk: int) -> J | None:
    """Take a queued row for this worker; None when it is not to be had."""
    now = timezone.now()
    taken = model._default_manager.filter(pk=pk, state=JobState.QUEUED).update(
        state=JobState.RUNNING,
        claim=uuid.uuid4(),
        started_at=now,
        heartbeat_at=now,
        attempt=F("attempt") + 1,
        worker=f"{socket.gethostname()}:{os.getpid()}"[-120:],
        phases=[],
        done=0,
        total=None,
        error_code="",
        error="",
        hint="",
    )
    return model._default_manager.get(pk=pk) if taken == 1 else None


def _beat(job: Job, progress: Progress) -> None:
    """Heartbeat, progress writer and ear for a cancel, in a thread with a connection of its own.

    When tovgov's own database cannot be reached for so long that others must take this worker for dead, the job ends
    itself: it may have been given to another worker.
    """
    written = heard = time.monotonic()
    try:
        while not progress.stop.wait(POLL_SECONDS):
            try:
                _listen(job, progress)
                heard = time.monotonic()
                if heard - written >= (WRITE_SECONDS if progress.is_dirty else conf.HEARTBEAT_SECONDS):
                    progress.flush()
                    written = heard
            except (OperationalError, InterfaceError) as error:
                connections.close_all()
                logger.warning("heartbeat of job %s: %s", job.pk, error)
                if time.monotonic() - heard > conf.HEARTBEAT_STALE_SECONDS:
                    progress.end(WorkerDied("tovgov's own database could not be reached."))
    finally:
        connections.close_all()


def _listen(job: Job, progress: Progress) -> None:
    rows = type(job)._default_manager.filter(pk=job.pk)
    row = rows.values("claim", "state", "cancel_requested_by", "cancel_requested_at").first()
    if row is None or row["claim"] != job.claim or row["state"] != JobState.RUNNING:
        progress.end(WorkerDied("Another worker has taken this job over."))
    elif row["cancel_requested_at"]:
        progress.end(JobCancelled(f"Cancelled by {row['cancel_requested_by']}."))


def _finish(job: Job, progress: Progress, error: TovgovError | None) -> None:
    close_old_connections()
    state = JobState.FAILED if error else JobState.SUCCEEDED
    if isinstance(error, JobCancelled):
        state = JobState.CANCELLED
    progress.close(f"{error.code}: {error.message}" if error else "")
    retry = state == JobState.FAILED and error is not None and not error.permanent and job.attempt < job.max_attempts
    now = timezone.now()
    end: dict[str, Any] = {"state": state, "finished_at": now}
    if retry:
        end = {"state": JobState.QUEUED, "claim": None, "enqueued_at": now}
    facts = {"error_code": error.code, "error": error.message, "hint": error.hint} if error else {}
    with transaction.atomic():
        if progress.flush(**(facts | end)):
            actor = Actor(name=job.asked_name or "tovgov", source=f"worker {job.worker}", user=job.asked_by)
            verb = "queued again" if retry else str(state)
            ledger.append(f"{job._meta.model_name}.{verb}", actor=actor, obj=job, target=job_target(job), **facts)
            if retry:
                enqueue(job, job_task(job))
    job.refresh_from_db()


def job_target(job: Job) -> Any:
    """The target a job is about: its own, or its backup's."""
    return getattr(job, "target", None) or getattr(getattr(job, "backup", None), "target", None)


def may_cancel(job: Job, actor: Actor) -> bool:
    """Whether the actor may stop this job: with the permission every one; without it what they themselves asked for,
    of the kinds that are files and nothing else (``register``)."""
    if actor.may(CANCEL):
        return True
    is_own = actor.user is not None and actor.user.is_active and job.asked_by_id == actor.user.pk
    return is_own and type(job) in _asker_cancels


def cancel(job: Job, *, actor: Actor, reason: str = "") -> None:
    """Stop a job: a queued one at once, a running one as soon as its worker hears of it (about half a second).

    Raises ``NotPermitted`` unless the actor ``may_cancel`` it and, when the job is over, ``JobNotOpen``.
    """
    if not may_cancel(job, actor):
        actor.require(CANCEL)
    now = timezone.now()
    asked = {"cancel_requested_at": now, "cancel_requested_by": actor.name}
    rows = type(job)._default_manager.filter(pk=job.pk)
    with transaction.atomic():
        changed = rows.filter(state=JobState.QUEUED).update(state=JobState.CANCELLED, finished_at=now, **asked)
        changed = changed or rows.filter(state=JobState.RUNNING).update(**asked)
        if not changed:
            raise JobNotOpen
        ledger.append(f"{job._meta.model_name}.cancel", actor=actor, obj=job, target=job_target(job), reason=reason)
    job.refresh_from_db()


# --- what a dead worker left behind -------------------------------------------------------------------------------

_kinds: dict[type[Job], tuple[str, Callable[[Any], None] | None]] = {}
_queues: dict[type[Job], str] = {}
_asker_cancels: set[type[Job]] = set()


def register(
    model: type[Job], task: str, *, after_death: Callable[[Any], None] | None = None, queue: str = LONG,
    asker_cancels: bool = False,
) -> None:  # fmt: skip
    """Make a kind of job known: the task that runs it, in which queue, what to tidy up when its worker died, and
    whether a person without the permission to cancel may stop one that they themselves asked for."""
    _kinds[model] = (task, after_death)
    _queues[model] = queue
    if asker_cancels:
        _asker_cancels.add(model)


def kinds() -> list[type[Job]]:
    """All kinds of jobs, in the order in which they were registered."""
    return list(_kinds)


def job_task(job: Job) -> str:
    """The dotted path of the task that runs this kind of job."""
    return _kinds[type(job)][0]


def reference(job: Job) -> str:
    """What a person and a program call the job: ``backup-12``."""
    return f"{job._meta.model_name}-{job.pk}"


def find(name: str) -> Job:
    """The job that a person calls ``backup-12``. Raises ``NoSuchJob``."""
    kind, _, number = name.rpartition("-")
    for model in kinds():
        if model._meta.model_name == kind and number.isdigit():
            job = model._default_manager.filter(pk=int(number)).first()
            if job is not None:
                return job
    raise NoSuchJob(f'There is no job "{name}".')


FACTS = (
    "uuid", "state", "phase", "done", "total", "unit", "phases", "asked_name", "asked_via", "reason", "queued_at",
    "started_at", "heartbeat_at", "finished_at", "worker", "attempt", "max_attempts", "error_code", "error", "hint",
)  # fmt: skip


def facts(job: Job) -> dict[str, Any]:
    """The job as ``--json`` and the API tell it."""
    return {"job": reference(job), "label": str(job)} | {name: getattr(job, name) for name in FACTS}


def reap() -> list[Job]:
    """Fail aloud, or queue again, every running job whose heartbeat has been silent for too long, and queue again
    what the broker lost. Returns the jobs that were found dead."""
    found: list[Job] = []
    for model, (task, after_death) in _kinds.items():
        for job in model._default_manager.filter(state=JobState.RUNNING, heartbeat_at__lt=_silence()):
            if _bury(job, task):
                found.append(job)
                _tidy(job, after_death)
        for job in model._default_manager.filter(state=JobState.QUEUED, enqueued_at__lt=_silence()):
            _deliver_again(job, task)
    return found


def _silence() -> datetime:
    return timezone.now() - timedelta(seconds=conf.HEARTBEAT_STALE_SECONDS)


def _tidy(job: Job, after_death: Callable[[Any], None] | None) -> None:
    """One job that cannot be tidied up does not keep the next from being found."""
    try:
        if after_death is not None:
            after_death(job)
    except TovgovError as error:
        logger.error("after the death of %s %s: %s %s", job._meta.model_name, job.pk, error.code, error.message)


def _deliver_again(job: Job, task: str) -> None:
    """A worker that was killed may have taken the message with it. A second message does no harm: a job is claimed
    once. The pauses grow with the job's age to five minutes, so that a long queue is not flooded."""
    now = timezone.now()
    if now - job.enqueued_at < min((now - job.queued_at) / 3, timedelta(minutes=5)):
        return
    rows = type(job)._default_manager.filter(pk=job.pk, state=JobState.QUEUED, enqueued_at=job.enqueued_at)
    with transaction.atomic():
        if rows.update(enqueued_at=now):
            enqueue(job, task)


def _bury(job: Job, task: str) -> bool:
    error = WorkerDied(f"The worker {job.worker} stopped answering at {job.heartbeat_at:%H:%M:%S} UTC.")
    now = timezone.now()
    state = JobState.QUEUED if job.attempt < job.max_attempts else JobState.FAILED
    state = JobState.CANCELLED if job.cancel_requested_at else state
    end: dict[str, Any] = {"error_code": error.code, "error": error.message, "hint": error.hint, "state": state}
    end |= {"enqueued_at": now} if state == JobState.QUEUED else {"finished_at": now}
    rows = type(job)._default_manager.filter(pk=job.pk, claim=job.claim, state=JobState.RUNNING)
    with transaction.atomic():
        if rows.filter(heartbeat_at__lt=_silence()).update(**end, claim=None) != 1:
            return False
        ledger.append(
            f"{job._meta.model_name}.{'queued again' if state == JobState.QUEUED else state}",
            actor=Actor.system("reaper"),
            obj=job,
            target=job_target(job),
            error=error.message,
        )
        if state == JobState.QUEUED:
            enqueue(job, task)
    job.refresh_from_db()
    return True
