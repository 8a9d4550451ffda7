"""Copies: one backup in several destinations, each read back and compared; what failed is tried again later."""

from __future__ import annotations

import hashlib
import io
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from django.core.files import File
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django_q.tasks import async_task

from audit import alerts, ledger
from audit.actors import Actor
from audit.exceptions import TovgovError
from audit.jobs import Progress
from backups import manifest, spool, transfer
from backups.exceptions import BackupNotUsable, DestinationUnreachable, NoCopyStored
from backups.models import Backup, BackupCopy, CopyState, Destination, DestinationKind
from backups.transfer import Pulse, SpoolFile, Unwatched, storage_of

NEAREST = [DestinationKind.FOLDER, DestinationKind.SFTP, DestinationKind.S3]
RETRY_MINUTES = (5, 15, 60, 240)  # after the first, second … failure; then always the last
START = "backups.start_backup"
RETRY_TASK = "backups.tasks.retry_copy"


# --- storing ------------------------------------------------------------------------------------------------------


def store(
    backup: Backup, folder: str, files: Sequence[SpoolFile], destinations: Sequence[Destination], progress: Progress
) -> list[BackupCopy]:
    """Copy ``files`` to every destination at once, read each back and compare. A destination that fails does not
    fail the others. Returns the copies; raises ``NoCopyStored`` (or what no other try
    would mend) when all failed, and ``JobCancelled`` (then nothing
    is left anywhere)."""
    copies = [_pending(backup, destination, folder) for destination in destinations]
    total = sum(file.bytes for file in files) * len(copies)
    try:
        progress.phase("Copy", total=total, unit="bytes")
        outcomes = _everywhere(transfer.send, copies, files, progress)
        progress.phase("Read back", total=total, unit="bytes")
        sent = [copy for copy in copies if outcomes[copy.pk] is None]
        outcomes |= _everywhere(transfer.read_back, sent, files, progress)
    except BaseException:
        withdraw(copies)
        raise
    for copy in copies:
        settle(copy, outcomes[copy.pk])
    return _require_one(copies, outcomes)


def _pending(backup: Backup, destination: Destination, folder: str) -> BackupCopy:
    copy, _ = BackupCopy.objects.update_or_create(
        backup=backup, destination=destination, defaults={"state": CopyState.PENDING, "path": folder}
    )
    return copy


Transfer = Callable[[Destination, str, Sequence[SpoolFile], Pulse], None]


def _everywhere(
    act: Transfer, copies: Sequence[BackupCopy], files: Sequence[SpoolFile], progress: Progress
) -> dict[int, TovgovError | None]:
    """Do ``act`` for all copies in parallel; how each ended, by the copy's key. Raises ``JobCancelled`` when all
    have stopped."""
    if not copies:
        return {}
    with ThreadPoolExecutor(len(copies), thread_name_prefix="copy") as pool:
        running = {copy.pk: pool.submit(_outcome, act, copy.destination, copy.path, files, progress) for copy in copies}
    progress.check()
    return {key: future.result() for key, future in running.items()}


def _outcome(
    act: Transfer, destination: Destination, folder: str, files: Sequence[SpoolFile], progress: Pulse
) -> TovgovError | None:
    try:
        act(destination, folder, files, progress)
    except TovgovError as error:
        return error
    return None


def withdraw(copies: Sequence[BackupCopy]) -> None:
    """Take back whatever was stored of a backup that will not be finished."""
    for copy in copies:
        gone = transfer.remove(copy.destination, copy.path)
        copy.state = CopyState.REMOVED if gone else CopyState.FAILED
        copy.save(update_fields=["state"])


def _require_one(copies: list[BackupCopy], outcomes: dict[int, TovgovError | None]) -> list[BackupCopy]:
    if any(copy.state == CopyState.STORED for copy in copies):
        return copies
    errors = [error for error in outcomes.values() if error is not None]
    if all(error.permanent for error in errors):
        raise errors[0]
    raise NoCopyStored(" ".join(dict.fromkeys(error.message for error in errors)))


def settle(copy: BackupCopy, error: TovgovError | None) -> None:
    """Write how storing a copy ended; raise or resolve the alert of its destination."""
    now = timezone.now()
    copy.attempts += 1
    if error is None:
        copy.state, copy.stored_at, copy.read_back_at, copy.retry_at = CopyState.STORED, now, now, None
        copy.error_code = copy.error = ""
    else:
        copy.state, copy.error_code, copy.error = CopyState.FAILED, error.code, error.message
        copy.retry_at = now + timedelta(minutes=RETRY_MINUTES[min(copy.attempts, len(RETRY_MINUTES)) - 1])
    with transaction.atomic():
        copy.save()
        _tell(copy, error)


def _tell(copy: BackupCopy, error: TovgovError | None) -> None:
    actor, target = Actor.system("copies"), copy.backup.target
    fingerprint = f"target-{target.pk}-destination-{copy.destination_id}"
    if error is None:
        alerts.resolve("backup.copy_failed", fingerprint=fingerprint, actor=actor)
        return
    alerts.alert(
        "backup.copy_failed",
        fingerprint=fingerprint,
        title=f"{target}: no copy in {copy.destination}. {error.message}",
        target=target,
        hint=error.hint,
        actor=actor,
    )


# --- trying again -------------------------------------------------------------------------------------------------


def retry_copies(of: Backup | None = None) -> list[BackupCopy]:
    """Queue every failed copy that is due and whose backup has a good one to copy from (called once a minute)."""
    due = BackupCopy.objects.filter(_may_retry(), retry_at__lte=timezone.now())
    if of is not None:
        due = due.filter(backup=of)
    queued = []
    for copy in due.select_related("backup", "destination"):
        taken = BackupCopy.objects.filter(pk=copy.pk, state=CopyState.FAILED, retry_at=copy.retry_at).update(
            retry_at=timezone.now() + timedelta(minutes=RETRY_MINUTES[-1])
        )
        if taken:
            async_task(RETRY_TASK, copy.pk, q_options={"cluster": "long"})
            queued.append(copy)
    return queued


def retry_now(backup: Backup, *, actor: Actor) -> list[BackupCopy]:
    """Queue every failed copy of ``backup`` at once, whenever it was due.

    Raises ``NotPermitted``, and ``BackupNotUsable`` when there is no good copy to copy from.
    """
    actor.require(START)
    good_copies(backup)
    with transaction.atomic():
        failed = BackupCopy.objects.filter(_may_retry(), backup=backup)
        failed.update(retry_at=timezone.now())
        names = ", ".join(copy.destination.name for copy in failed.select_related("destination"))
        ledger.append("backup.retry_copies", actor=actor, obj=backup, target=backup.target, destinations=names)
    return retry_copies(of=backup)


def _may_retry() -> Q:
    usable = Q(backup__state="succeeded", backup__removed_at__isnull=True)
    return usable & Q(state=CopyState.FAILED, destination__is_active=True)


def retry_copy(copy: BackupCopy) -> TovgovError | None:
    """Copy a backup from its best copy to where it is missing, and settle the copy. Returns what went wrong."""
    progress = Unwatched()
    try:
        with spool.folder("retry") as folder:
            files = _fetch_all(best_copy(copy.backup), folder, progress)
            transfer.remove(copy.destination, copy.path)  # what a killed worker may have left of our own
            transfer.send(copy.destination, copy.path, files, progress)
            transfer.read_back(copy.destination, copy.path, files, progress)
    except TovgovError as error:
        settle(copy, error)
        return error
    settle(copy, None)
    return None


def _fetch_all(source: BackupCopy, to: Path, progress: Pulse) -> list[SpoolFile]:
    """All files of a copy in the spool, each compared with the signed manifest; the signature comes last."""
    place, folder = source.destination, source.path
    signed = [
        transfer.fetch(place, f"{folder}/{name}", to / name, progress)
        for name in (manifest.MANIFEST, manifest.SIGNATURE)
    ]
    facts = manifest.load_and_check(signed[0].path.read_bytes(), signed[1].path.read_bytes())
    wanted = {facts.dump.file: facts.dump.sha256} | facts.side_files
    fetched = [transfer.fetch(place, f"{folder}/{name}", to / name, progress) for name in wanted]
    for file in fetched:
        if file.sha256 != wanted[file.name]:
            raise transfer.altered(place, file.name)
    return [*fetched, *signed]


# --- reading ------------------------------------------------------------------------------------------------------


def good_copies(backup: Backup) -> list[BackupCopy]:
    """The stored copies, the nearest first: a folder before SFTP before S3. Raises ``BackupNotUsable``."""
    stored = backup.copies.filter(state=CopyState.STORED).select_related("destination", "backup")
    found = sorted(stored, key=lambda copy: (NEAREST.index(DestinationKind(copy.destination.kind)), copy.pk))
    if not found:
        raise BackupNotUsable(f"{backup} has no good copy.")
    return found


def best_copy(backup: Backup) -> BackupCopy:
    """The nearest stored copy. Raises ``BackupNotUsable``."""
    return good_copies(backup)[0]


@contextmanager
def open_copy(copy: BackupCopy) -> Iterator[File[bytes]]:
    """The stored bytes of a copy's dump, as a stream. Raises ``CopyDamaged`` (it is missing) or
    ``DestinationUnreachable``."""
    name = manifest.Manifest.from_dict(copy.backup.manifest).dump.file
    with transfer.open_file(copy.destination, f"{copy.path}/{name}") as file:
        yield file


def side_file(copy: BackupCopy, name: str) -> bytes:
    """A file that lies beside the dump (``globals.json``, ``schema.txt``), found equal to what the manifest says.

    Raises ``CopyDamaged`` or ``DestinationUnreachable``.
    """
    wanted = manifest.Manifest.from_dict(copy.backup.manifest).side_files.get(name)
    with transfer.open_file(copy.destination, f"{copy.path}/{name}") as file:
        data = b"".join(iter(lambda: file.read(1 << 20), b""))
    if wanted is None or hashlib.sha256(data).hexdigest() != wanted:
        raise transfer.altered(copy.destination, name)
    return data


# --- removing and testing -----------------------------------------------------------------------------------------


def remove_copies(backup: Backup, *, actor: Actor) -> list[BackupCopy]:
    """Remove every copy's files. Returns the copies whose destination could not be reached; they keep their state
    and say why."""
    left = []
    for copy in backup.copies.exclude(state=CopyState.REMOVED).select_related("destination", "backup__target"):
        if transfer.remove(copy.destination, copy.path):
            copy.state, copy.error, copy.error_code, copy.retry_at = CopyState.REMOVED, "", "", None
        else:
            copy.error_code, copy.error = DestinationUnreachable.code, "It could not be removed: no answer."
            left.append(copy)
        copy.save()
    ledger.append(
        "backup.remove_copies",
        actor=actor,
        obj=backup,
        target=backup.target,
        left=[copy.destination.name for copy in left],
    )
    return left


def test_destination(destination: Destination, *, actor: Actor) -> TovgovError | None:
    """Write, read back and remove a probe, and note the outcome on the destination. Returns the error instead of
    raising it. Raises ``NotPermitted``."""
    actor.require("backups.change_destination")
    error = _probe(destination)
    destination.tested_at, destination.test_error = timezone.now(), error.message if error else ""
    with transaction.atomic():
        destination.save(update_fields=["tested_at", "test_error"])
        ledger.append("destination.test", actor=actor, obj=destination, error=destination.test_error)
    return error


test_destination.__test__ = False  # type: ignore[attr-defined]  # pytest takes its name for a test


def _probe(destination: Destination) -> TovgovError | None:
    folder, written = f"tovgov-probe-{uuid.uuid4().hex}", uuid.uuid4().bytes
    try:
        with storage_of(destination) as storage:
            storage.check_root()
            storage.put(f"{folder}/probe", File(io.BytesIO(written)))
            with storage.open(f"{folder}/probe") as file:
                if file.read() != written:
                    raise transfer.altered(destination, "probe")
            storage.remove_folder(folder)
    except TovgovError as error:
        transfer.remove(destination, folder)
        return error
    return None
