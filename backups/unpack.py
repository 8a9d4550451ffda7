"""From a stored copy to a database: decode, check every byte, pg_restore. Used by the proof and by every restore."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from audit.postgres.connect import ConnInfo, connect
from audit.postgres.queries import read
from audit.progress import Progress
from backups import conf, spool
from backups.copies import open_copy
from backups.exceptions import ProofFailed, ToolFailed
from backups.foreign_keys import SQL
from backups.manifest import Manifest
from backups.models import Backup, BackupCopy
from backups.tools import archive as archives
from backups.tools.decoding import Decoded, decode, decode_to_file
from backups.tools.encryption import Identity, load_identities
from backups.tools.finding import version_number
from backups.tools.pg_restore import JOBS, Options, find_restore_tool, restore, restore_stream

ROOM = 1.05  # share of the archive's size that must be free in the spool


def identities_for(backup: Backup) -> list[Identity] | None:
    """The secret age keys, or None for a backup that is not encrypted. Raises ``KeyMissing`` or ``KeyInvalid``."""
    return load_identities(conf.age_identity()) if backup.is_encrypted else None


def check_readable(backup: Backup, copy: BackupCopy, progress: Progress) -> Decoded:
    """Decode the whole copy to nowhere: every MAC and checksum is verified. Raises ``CopyDamaged``, ``KeyMissing``,
    ``DestinationUnreachable`` or ``JobCancelled``."""
    progress.phase("Decode", total=backup.stored_bytes, unit="bytes")
    with open_copy(copy) as source:
        return decode(
            source,
            None,
            identities=identities_for(backup),
            sha256=backup.sha256,
            on_bytes=progress.at,
            cancelled=progress.must_stop,
        )


@contextmanager
def unpacked(backup: Backup, copy: BackupCopy, progress: Progress) -> Iterator[Path]:
    """The plain archive of a copy as a file in the spool, every byte of it checked; removed on leaving.

    Raises ``CopyDamaged``, ``KeyMissing``, ``DestinationUnreachable``, ``DiskFull`` or ``JobCancelled``.
    """
    with spool.folder("unpack") as folder:
        progress.phase("Decode", total=backup.stored_bytes, unit="bytes")
        with open_copy(copy) as source:
            decode_to_file(
                source,
                folder / "archive.dump",
                identities=identities_for(backup),
                sha256=backup.sha256,
                expected_bytes=backup.dump_bytes or 0,
                on_bytes=progress.at,
                cancelled=progress.must_stop,
            )
        yield folder / "archive.dump"


@dataclass(frozen=True, slots=True)
class _Receiver:
    """The database that is filled, and who fills it."""

    info: ConnInfo
    version: int
    is_superuser: bool


def restore_archive(
    backup: Backup,
    copy: BackupCopy,
    into: ConnInfo,
    progress: Progress,
    *,
    jobs: int = JOBS,
    owners: bool = True,
    privileges: bool | None = None,
    role: str = "",
    data_of: Sequence[tuple[str, str]] | None = None,
) -> tuple[str, ...]:
    """Restore a copy into the empty database ``into`` names, stopping at the first error; what was restored until
    then is the caller's to drop. Returns what was left out: what only a superuser may restore, and, without
    ``owners``, subscriptions, which would receive live data and keep the database from being dropped.

    ``owners`` False makes everything belong to the restoring role (or to ``role``) and leaves rights out, unless
    ``privileges`` asks for them. ``data_of`` restores definitions and the rows of these tables alone. The archive is
    decoded into the spool first ("Decode", then "Restore"); a superuser's restore streams when there is no room.
    Raises ``CopyDamaged``, ``KeyMissing``, ``ToolFailed``, ``RightsMissing``, ``DiskFull`` …, ``ProofFailed`` when the
    backed up rows break a foreign key of their own.
    """
    receiver = _receiver(into)
    options = Options(
        receiver.version,
        jobs=jobs,
        no_owner=not owners,
        no_privileges=not (owners if privileges is None else privileges),
        role=role,
        no_subscriptions=not owners or not receiver.is_superuser,  # a copy elsewhere must not receive the live data
    )
    with _explained():
        if receiver.is_superuser and data_of is None and not _has_room(backup):
            return _stream(backup, copy, receiver, options, progress)
        with unpacked(backup, copy, progress) as path:
            return _restore(path, receiver, options, progress, data_of)


def _has_room(backup: Backup) -> bool:
    conf.spool().mkdir(mode=0o700, parents=True, exist_ok=True)
    return shutil.disk_usage(conf.spool()).free > (backup.dump_bytes or 0) * ROOM


def _restore(
    path: Path,
    receiver: _Receiver,
    options: Options,
    progress: Progress,
    data_of: Sequence[tuple[str, str]] | None,
) -> tuple[str, ...]:
    with path.open("rb") as file:
        header = archives.read_header(file)
    tool = find_restore_tool(header, receiver.version, pg_bin=conf.pg_bin(), sslmode=receiver.info.sslmode)
    selection = archives.select_entries(tool, path, is_superuser=receiver.is_superuser, data_of=data_of)
    subscriptions = (entry.words for entry in archives.toc(tool, path) if entry.is_a("SUBSCRIPTION"))
    left_out = tuple(dict.fromkeys([*selection.left_out, *(subscriptions if options.no_subscriptions else ())]))
    for words in left_out:
        progress.log(f"Left out: {words}")
    progress.phase("Restore", total=selection.count, unit="entries")
    options = replace(options, selection=selection)
    on_items = partial(_show, progress)
    restore(receiver.info, tool, path, options, on_items=on_items, cancelled=progress.must_stop)
    return left_out


def _show(progress: Progress, done: int, total: int) -> None:
    progress.at(done)


def _stream(
    backup: Backup, copy: BackupCopy, receiver: _Receiver, options: Options, progress: Progress
) -> tuple[str, ...]:
    """By one connection, while the copy is decoded: slower, but it needs no room."""
    manifest = Manifest.from_dict(backup.manifest)
    dump_version = version_number(manifest.tool) or manifest.server_version
    header = archives.ArchiveHeader((1, 16), manifest.database, manifest.server_version, dump_version)
    tool = find_restore_tool(header, receiver.version, pg_bin=conf.pg_bin(), sslmode=receiver.info.sslmode)
    progress.phase("Restore", total=backup.stored_bytes, unit="bytes")
    progress.log("The spool has no room for the archive: it is restored as it is read, over one connection.")
    with open_copy(copy) as source:
        feed = partial(
            decode, source, identities=identities_for(backup), sha256=backup.sha256, on_bytes=progress.at,
            cancelled=progress.must_stop,
        )  # fmt: skip
        restore_stream(receiver.info, tool, feed, options, cancelled=progress.must_stop)
    return ()


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except ToolFailed as error:
        raise _of_the_data(error) or error from None


def _of_the_data(error: ToolFailed) -> ProofFailed | None:
    """A foreign key that cannot be made again: the live database holds rows that break it."""
    if "violates foreign key constraint" not in error.message:
        return None
    return ProofFailed(
        f"The backed up rows break a rule of their own database. {error.message}",
        hint="The live database holds rows whose parent is missing, though its foreign key says otherwise. "
        "Mend them there, then back up again; the copy itself is as it was stored.",
    )


def _receiver(into: ConnInfo) -> _Receiver:
    with connect(into, read_only=True) as connection:
        row = connection.execute(read("unpack/is_superuser", SQL)).fetchone()
        return _Receiver(into, connection.info.server_version, bool(row and row[0]))
