"""Import of deleted rows: asked for by a person or by the minute, run by a worker, chunk by chunk to the horizon."""

from __future__ import annotations

import time
from typing import Any

import psycopg
from django.db import transaction
from django.utils import timezone

from audit.actors import Actor
from audit.exceptions import JobCancelled, TovgovError
from audit.imports import asking, cross_check, log, position, prune, seal, storing, trouble
from audit.models import AuditImport, ImportSource, Target
from audit.progress import Progress
from audit.stopping import stoppable

KIND = "deletions"
RUN, TASK = asking.RUN, asking.TASK
RUN_SECONDS = 40
"""After so long an import ends and the next one follows: each is sealed, and none keeps a worker from other work."""
FOLLOW_SECONDS = 1.0
"""How long an import that has caught up waits for more before it ends."""

SMALL_RECORDS, SMALL_ROWS = 50, 5_000
"""After a chunk below both there is time to wait; after a larger one more is there already."""


def source_of(target: Target) -> ImportSource:
    """The target's delete log as a source; made at its first use."""
    return ImportSource.objects.get_or_create(target=target, kind=KIND)[0]


def request(target: Target, *, actor: Actor, reason: str = "") -> AuditImport:
    """Queue an import of the delete log of ``target``. Raises ``NotPermitted`` and ``ImportRunning``."""
    return asking.request(source_of(target), actor=actor, reason=reason)


def perform(run: AuditImport, progress: Progress, *, to_the_end: bool = False) -> None:
    """The worker's part. Run again after a kill, it goes on where the last stored chunk ended. ``to_the_end`` passes
    open transactions by, for a log whose triggers are gone; the next import of that log begins anew.

    Raises ``LogMissing``, ``RightsMissing``, ``ImportOvertaken`` and what ``targets.connected`` raises.
    """
    if run.sealed_at is not None:
        return  # it was killed between its seal and its end
    actor = Actor(name=run.asked_name, source=f"worker {run.worker}", user=run.asked_by)
    try:
        bring(run, progress, actor=actor, to_the_end=to_the_end)
    except TovgovError as error:
        why = progress.why or error
        if not isinstance(why, JobCancelled):
            trouble.note(run.source, why, will_retry=not why.permanent and run.attempt < run.max_attempts)
        raise
    trouble.note(run.source, None)


def bring(run: AuditImport, progress: Progress, *, actor: Actor, to_the_end: bool) -> None:
    """Import, and seal what was stored. What an import that fails has stored is sealed by the next."""
    seal.write_left_over(run, actor=actor)
    with (
        log.opened(run.target, actor=actor) as (connection, state),
        stoppable(connection, progress),
    ):
        begin(run, state, to_the_end=to_the_end)
        note_start(run, connection)
        progress.phase("Importing", unit="rows")
        follow(run, connection, progress, to_the_end=to_the_end)
        cross_check.sample(run.source, connection)
    seal.write(run, actor=actor)
    tidy(run, progress, actor=actor)


def tidy(run: AuditImport, progress: Progress, *, actor: Actor) -> None:
    """Prune the target's log. What hinders it is no fault of the import: the log says so, and the next one tries."""
    try:
        removed = prune.prune(run, progress, actor=actor)
    except TovgovError as error:
        progress.check()
        progress.log(f"Not pruned: {error.message}")
    else:
        progress.log(f"{removed:,} records were pruned." if removed else "Nothing was to be pruned.")


def begin(run: AuditImport, state: log.State, *, to_the_end: bool = False) -> ImportSource:
    """The source with a position that fits what the target is now."""
    with transaction.atomic():
        source = (
            ImportSource.objects.select_for_update(of=("self",), no_key=True)
            .select_related("target")
            .get(pk=run.source_id)
        )
        if position.must_begin_anew(source, state, to_the_end=to_the_end):
            source.incarnation = position.incarnation_of(source.target, state)
            source.position, source.imported = position.beginning(state), {}
            source.save(update_fields=["incarnation", "position", "imported"])
        rows = AuditImport.objects.filter(pk=run.pk)
        rows.filter(from_position={}).update(from_position=source.position)
    run.source = source
    return source


def note_start(run: AuditImport, connection: psycopg.Connection) -> None:
    """How old the oldest record was when reading began."""
    oldest = log.oldest_waiting(connection, run.source.bounds)
    AuditImport.objects.filter(pk=run.pk, lag_seconds=None).update(lag_seconds=oldest.age if oldest else 0)


def follow(run: AuditImport, connection: psycopg.Connection, progress: Progress, *, to_the_end: bool) -> None:
    """Chunk after chunk until nothing more comes, or it is time for the next import."""
    end = time.monotonic() + RUN_SECONDS
    while time.monotonic() < end:
        progress.check()
        brought = chunk(run, connection, progress, to_the_end=to_the_end)
        if brought is None:
            ImportSource.objects.filter(pk=run.source_id).update(looked_at=timezone.now())
            break
        if brought.records < SMALL_RECORDS and brought.rows < SMALL_ROWS:
            progress.stop.wait(FOLLOW_SECONDS)


def chunk(
    run: AuditImport, connection: psycopg.Connection, progress: Progress, *, to_the_end: bool = False
) -> storing.Stored | None:
    """Read and store the next chunk; what it brought, None when there is nothing more."""
    while True:
        source = ImportSource.objects.select_related("target").get(pk=run.source_id)
        run.source, known = source, source.position
        with snapshot(connection):
            state = log.required(log.state_of(connection), source.target)
            if position.must_begin_anew(source, state, to_the_end=to_the_end):
                begin(run, state, to_the_end=to_the_end)
                continue
            of = log.records(connection, position.next_bounds(known, to_the_end=to_the_end))
            moved = position.after(known, of, state.horizon, to_the_end=to_the_end)
            if of:
                done = storing.store(run, known, moved, of, lambda fresh: log.rows(connection, fresh))
                progress.advance(done.rows)
                return done
        if moved != known:
            _move(source, known, moved)
        if not position.reads_inherited(known):
            return None


def snapshot(connection: psycopg.Connection) -> Any:
    """A transaction in which the log stands still."""
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    return connection.transaction()


def _move(source: ImportSource, known: dict[str, Any], moved: dict[str, Any]) -> None:
    with transaction.atomic():
        row = storing.lock(source.pk, known)
        row.position = moved
        row.save(update_fields=["position"])
