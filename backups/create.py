"""Make a backup: ask for one, and perform it.

``request`` is what a person, the scheduler or a restore calls; ``perform`` is what a worker runs. One backup a target
at a time, a few over all targets; the others wait, queued.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import alerts, jobs, ledger, locks, targets
from audit.actors import Actor
from audit.exceptions import WorkerDied
from audit.models import JobState, Severity, Target
from audit.progress import Progress
from audit.protection import backup_log
from backups import conf, copies, naming, signing, spool, telling, transfer
from backups.exceptions import BackupRunning, NoDestination
from backups.facts import facts_of
from backups.manifest import Manifest
from backups.models import Backup, BackupCopy, BackupKind, CopyState, Destination, Level, Schedule
from backups.take import take

TASK = "backups.tasks.run_backup"
ATTEMPTS = 2  # a fault of the infrastructure is tried once more
TAKEOVER_SECONDS = 30  # so long we wait for a worker that was given up to let go of the target
WAITING = "Waiting for another backup to end"


# --- asking -------------------------------------------------------------------------------------------------------


def request(
    target: Target,
    *,
    actor: Actor,
    kind: BackupKind = BackupKind.MANUAL,
    reason: str = "",
    destinations: Sequence[Destination] | None = None,
    prove: bool = False,
    schedule: Schedule | None = None,
) -> Backup:
    """Queue a backup of ``target`` into ``destinations`` (all active ones when None or empty).

    Raises ``NotPermitted``, ``NotIdentified``, ``NoDestination``, or ``BackupRunning`` when one is queued or running
    already: two people who press the same button get one backup.
    """
    actor.require("backups.start_backup")
    targets.pinned(target)
    wanted = list(destinations or [])
    if not wanted and not Destination.objects.filter(is_active=True).exists():
        raise NoDestination
    with _one_at_a_time(target), transaction.atomic():
        backup = Backup.objects.create(
            target=target,
            kind=kind,
            reason=reason,
            prove=prove,
            schedule=schedule,
            **jobs.asked(actor),
            max_attempts=ATTEMPTS,
        )
        backup.wanted_destinations.set(wanted)
        ledger.append("backup.request", actor=actor, obj=backup, target=target, reason=reason, kind=kind, prove=prove)
        jobs.enqueue(backup, TASK)
    return backup


@contextmanager
def _one_at_a_time(target: Target) -> Iterator[None]:
    """The database's own constraint decides who was first."""
    try:
        yield
    except IntegrityError as error:
        if "one_open_backup_a_target" not in str(error):
            raise
        running = Backup.objects.open().filter(target=target).first()
        whose = f" {running.asked_name} started it at {running.queued_at:%H:%M:%S} UTC." if running else ""
        raise BackupRunning(
            f"A backup of {target} is already running.{whose}", backup=running.pk if running else None
        ) from None


# --- whose turn it is ---------------------------------------------------------------------------------------------


@contextmanager
def turn(backup_pk: int) -> Iterator[bool]:
    """Hold one of the few slots for running backups; False when all are taken. The backup that a restore makes first
    never waits."""
    if Backup.objects.filter(pk=backup_pk, kind=BackupKind.BEFORE_RESTORE).exists():
        yield True
        return
    with locks.one_of([f"backup slot {number}" for number in range(conf.max_backups())]) as slot:
        yield slot is not None


def wait_for_turn(backup_pk: int) -> None:
    """Say on a queued backup what it waits for."""
    Backup.objects.filter(pk=backup_pk, state=JobState.QUEUED).update(phase=WAITING)


def start_waiting() -> None:
    """Queue again the backup that has waited longest for its turn. Whatever is missed here, the reaper delivers."""
    backup = Backup.objects.filter(state=JobState.QUEUED, phase=WAITING).order_by("queued_at", "pk").first()
    if backup is not None:
        jobs.enqueue(backup, TASK)


# --- doing it -----------------------------------------------------------------------------------------------------


def perform(backup: Backup, progress: Progress) -> None:
    """Dump, sign, copy everywhere, read back. On any failure nothing is left: no child, no spool file, no copy.

    Raises ``BackupRunning``, and what ``take.take`` and ``copies.store`` raise.
    """
    actor = Actor(name=backup.asked_name or "tovgov", source=f"worker {backup.worker}", user=backup.asked_by)
    spool.sweep()
    with locks.held(_lock_name(backup), wait_seconds=TAKEOVER_SECONDS) as got:
        if not got:
            raise BackupRunning(f"Another worker still holds {backup.target}.")
        _remove_leftovers(backup)
        destinations = _destinations(backup)
        signing.signing_key()  # missing keys are told before the work, not after it
        backup_log.share_large_objects(backup.target, of=backup, actor=actor)
        with spool.folder("backup") as folder:
            taken = take(backup, folder, progress, actor=actor)
            manifest = taken.manifest
            where = naming.folder_of(manifest.target, manifest.database, manifest.name)
            stored = copies.store(backup, where, taken.files, destinations, progress)
            _finish(backup, manifest, stored, progress)
        telling.tell_target(backup, actor=actor)


def _lock_name(backup: Backup) -> str:
    return f"backup of target {backup.target_id}"


def _destinations(backup: Backup) -> list[Destination]:
    found = list(backup.wanted_destinations.all()) or list(Destination.objects.filter(is_active=True))
    if not found:
        raise NoDestination
    return found


def _finish(backup: Backup, manifest: Manifest, stored: list[BackupCopy], progress: Progress) -> None:
    """Write what was made. When the row is no longer ours, nothing of it may stay."""
    good = sum(copy.state == CopyState.STORED for copy in stored)
    progress.log(f"{len(manifest.tables)} tables, {manifest.rows:,} rows, {good} of {len(stored)} copies")
    facts = facts_of(manifest) | {"level": Level.STORED, "level_at": timezone.now()}
    try:
        progress.check()
        if not Backup.objects.filter(pk=backup.pk, claim=backup.claim, state=JobState.RUNNING).update(**facts):
            raise WorkerDied("Another worker has taken this backup over.")
    except BaseException:
        copies.withdraw(stored)
        raise


# --- afterwards ---------------------------------------------------------------------------------------------------


def after_death(backup: Backup) -> None:
    """Tidy up after a killed worker: spool files, and copies of a backup that was never finished. Whoever has taken
    the target over meanwhile does it himself."""
    spool.sweep()
    with locks.held(_lock_name(backup)) as got:
        if got:
            _remove_leftovers(backup)
    tell_outcome(backup)


def _remove_leftovers(backup: Backup) -> None:
    """Files of an earlier attempt at this backup; its row was never finished, so nobody can use them."""
    for copy in backup.copies.exclude(state=CopyState.REMOVED).select_related("destination"):
        if copy.path and transfer.remove(copy.destination, copy.path):
            BackupCopy.objects.filter(pk=copy.pk).update(state=CopyState.REMOVED)


def tell_outcome(backup: Backup) -> None:
    """Raise an alert for a failed backup, resolve it after a good one."""
    actor, fingerprint = Actor.system("backups"), f"target-{backup.target_id}"
    if backup.state == JobState.SUCCEEDED:
        alerts.resolve("backup.failed", fingerprint=fingerprint, actor=actor)
    elif backup.state == JobState.FAILED:
        alerts.alert(
            "backup.failed",
            fingerprint=fingerprint,
            title=f"{backup.target}: a backup failed. {backup.error}",
            target=backup.target,
            severity=Severity.CRITICAL,
            hint=backup.hint,
            actor=actor,
        )
