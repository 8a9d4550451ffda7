"""Verify a backup up to a level: stored (read back), readable (fully decoded), proved (restored and compared).

Each level includes the ones before it. A verification that fails lowers the backup's level, marks the copy and raises
an alarm: the verifier is only worth something because it can say no.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audit import alerts, jobs, ledger, locks, targets
from audit.actors import Actor
from audit.exceptions import TovgovError
from audit.models import OPEN_STATES, JobState, Purpose, Severity, Target
from audit.postgres.connect import ConnInfo, connect
from audit.postgres.databases import DatabaseFacts, create_like, drop, side_name
from audit.progress import Progress
from backups import spool, telling, transfer
from backups.copies import best_copy
from backups.exceptions import BackupNotUsable, CopyDamaged, ManifestInvalid, ProofFailed, VerificationRunning
from backups.manifest import MANIFEST, SIGNATURE, Manifest, load_and_check
from backups.models import Backup, BackupCopy, CopyState, Level, Verification
from backups.proof import Proof, prove
from backups.tools.checksums import sha256_of
from backups.unpack import check_readable, restore_archive

TASK = "backups.tasks.run_verification"
ATTEMPTS = 2


# --- asking -------------------------------------------------------------------------------------------------------


def request(backup: Backup, level: Level, *, actor: Actor, copy: BackupCopy | None = None) -> Verification:
    """Queue a verification of ``backup``, of ``copy`` or else of its best one.

    Raises ``NotPermitted``, ``BackupNotUsable``, or ``VerificationRunning`` when one is open already.
    """
    actor.require("backups.verify_backup")
    if not Backup.objects.usable().filter(pk=backup.pk).exists():
        raise BackupNotUsable(f"{backup} has not succeeded or was removed.")
    with transaction.atomic():
        Backup.objects.select_for_update(no_key=True).get(pk=backup.pk)
        if backup.verifications.filter(state__in=OPEN_STATES).exists():
            raise VerificationRunning(f"{backup} is being verified already.")
        verification: Verification = Verification.objects.create(
            backup=backup,
            copy=copy,
            level=level,
            **jobs.asked(actor),
            max_attempts=ATTEMPTS,
        )
        ledger.append(
            "verification.request", actor=actor, obj=verification, target=backup.target, level=Level(level).label
        )
        jobs.enqueue(verification, TASK)
    return verification


# --- doing it -----------------------------------------------------------------------------------------------------


def perform(verification: Verification, progress: Progress) -> None:
    """Verify, write what was found, and raise ``CopyDamaged``, ``ManifestInvalid`` or ``ProofFailed`` when the backup
    is not what it should be. The scratch database is dropped whatever happens."""
    backup = verification.backup
    copy = verification.copy or best_copy(backup)
    verification.copy = copy
    _note(verification, copy=copy)
    spool.sweep()
    try:
        _climb(verification, copy, progress)
    except (CopyDamaged, ManifestInvalid, ProofFailed) as error:
        _condemn(verification, copy, error)
        raise
    _approve(verification, copy)
    telling.tell_target(backup, actor=_verifier(verification))


def _climb(verification: Verification, copy: BackupCopy, progress: Progress) -> None:
    backup = verification.backup
    check_stored(backup, copy, progress)
    _note(verification, reached=Level.STORED)
    if verification.level == Level.READABLE:
        check_readable(backup, copy, progress)
    elif verification.level == Level.PROVED:
        _prove(verification, copy, progress)
    _note(verification, reached=verification.level)


def check_stored(backup: Backup, copy: BackupCopy, progress: Progress) -> Manifest:
    """Read a copy's files back: the manifest must be signed and be the one we know, every file have its SHA-256.

    Raises ``CopyDamaged``, ``ManifestInvalid``, ``DestinationUnreachable`` or ``JobCancelled``.
    """
    progress.phase("Read back", total=backup.stored_bytes, unit="bytes")
    found = load_and_check(_small(copy, MANIFEST), _small(copy, SIGNATURE))
    if found != Manifest.from_dict(backup.manifest):
        raise CopyDamaged(f"The manifest in {copy.destination} is signed, but it is that of another backup.")
    for name, sha256 in (found.side_files | {found.dump.file: found.dump.sha256}).items():
        with transfer.open_file(copy.destination, f"{copy.path}/{name}", cold=True) as file:
            if sha256_of(file, transfer.Meter(progress))[0] != sha256:
                raise transfer.altered(copy.destination, name)
    return found


def _small(copy: BackupCopy, name: str) -> bytes:
    with transfer.open_file(copy.destination, f"{copy.path}/{name}") as file:
        return b"".join(iter(lambda: file.read(1 << 20), b""))


# --- the proof ----------------------------------------------------------------------------------------------------


def _prove(verification: Verification, copy: BackupCopy, progress: Progress) -> None:
    backup, manifest = verification.backup, Manifest.from_dict(verification.backup.manifest)
    server = proving_server(backup.target)
    name = side_name(manifest.database, "proof", datetime.now(UTC))
    with locks.held(_lock_name(verification)):
        _note(verification, scratch_database=name)
        try:
            scratch = _make_scratch(server, name, manifest)
            left_out = restore_archive(backup, copy, scratch, progress, owners=False)
            proof = prove(scratch, manifest, progress, copy=copy, left_out=left_out)
        finally:
            drop_scratch(verification)
    _note(verification, result=proof.to_dict())
    progress.log(_summary(proof))
    proof.require()


def _summary(proof: Proof) -> str:
    return f"{len(proof.tables)} tables, {proof.rows:,} rows restored: {'all equal' if proof.holds else 'not equal'}"


def proving_server(target: Target) -> ConnInfo:
    """Where scratch databases are made: on the scratch server named for it, else beside the target itself."""
    return targets.maintenance(target.proving_target or target, Purpose.OPERATE)


def _make_scratch(server: ConnInfo, name: str, manifest: Manifest) -> ConnInfo:
    with connect(server, application_name="tovgov proof") as connection:
        create_like(connection, name, DatabaseFacts.from_dict(manifest.database_facts))
    return server.to(name)


def drop_scratch(verification: Verification) -> None:
    """Drop the scratch database of a verification, if it is there."""
    if not verification.scratch_database:
        return
    with connect(proving_server(verification.backup.target), application_name="tovgov proof") as connection:
        drop(connection, verification.scratch_database)
    _note(verification, scratch_database="")


def _lock_name(verification: Verification) -> str:
    return f"verification {verification.pk}"


def after_death(verification: Verification) -> None:
    """Tidy up after a killed worker: its spool files and its scratch database."""
    spool.sweep()
    with locks.held(_lock_name(verification)) as got:
        if got:
            drop_scratch(verification)


# --- what it means ------------------------------------------------------------------------------------------------


def _note(verification: Verification, **facts: object) -> None:
    for name, value in facts.items():
        setattr(verification, name, value)
    Verification.objects.filter(pk=verification.pk).update(**facts)


def _approve(verification: Verification, copy: BackupCopy) -> None:
    """Raise the backup's level and end its alarm; a level that was proved before is never lowered by a lesser check."""
    backup, now = verification.backup, timezone.now()
    with transaction.atomic():
        BackupCopy.objects.filter(pk=copy.pk).update(state=CopyState.STORED, read_back_at=now, error="", error_code="")
        rows = Backup.objects.filter(pk=backup.pk)
        rows.filter(level__lte=verification.level).update(level=verification.level, level_at=now)
        if not backup.copies.filter(state=CopyState.DAMAGED).exists() and not _is_refuted(verification):
            rows.update(damaged_at=None)
            alerts.resolve("backup.damaged", fingerprint=f"backup-{backup.pk}", actor=_verifier(verification))


def _is_refuted(verification: Verification) -> bool:
    """Whether a proof failed and none has succeeded since: a lesser check says nothing against that."""
    if verification.level == Level.PROVED:
        return False
    proofs = verification.backup.verifications.filter(level=Level.PROVED, finished_at__isnull=False)
    last = proofs.filter(Q(state=JobState.SUCCEEDED) | Q(error_code=ProofFailed.code)).order_by("-finished_at").first()
    return last is not None and last.state != JobState.SUCCEEDED


def _condemn(verification: Verification, copy: BackupCopy, error: TovgovError) -> None:
    """Mark the copy and the backup, and raise an alarm. The level falls to what still holds of it."""
    backup, now = verification.backup, timezone.now()
    with transaction.atomic():
        if not isinstance(error, ProofFailed):
            BackupCopy.objects.filter(pk=copy.pk).update(
                state=CopyState.DAMAGED, error_code=error.code, error=error.message
            )
        Backup.objects.filter(pk=backup.pk).update(
            level=_remaining_level(verification, error), level_at=now, damaged_at=now
        )
        alerts.alert(
            "backup.damaged",
            fingerprint=f"backup-{backup.pk}",
            title=f"{backup} in {copy.destination}: {error.message}",
            target=backup.target,
            severity=Severity.CRITICAL,
            hint=error.hint,
            actor=_verifier(verification),
        )


def _remaining_level(verification: Verification, error: TovgovError) -> Level:
    """With another good copy the backup keeps being stored; a failed proof leaves it readable."""
    if isinstance(error, ProofFailed):
        return Level.READABLE
    others = verification.backup.copies.filter(state=CopyState.STORED)
    return Level.STORED if others.exists() else Level.NONE


def _verifier(verification: Verification) -> Actor:
    return Actor.system(f"verification {verification.pk}")
