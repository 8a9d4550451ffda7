"""The dump itself: everything of one moment of a target, as files in the spool.

One exported snapshot; inside of it pg_dump, and at the same time counts and hashes of every table over connections of
their own. A connection that can adopt the snapshot is in the same database of the same server: it needs no other
proof of identity.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psycopg

from audit import targets
from audit.actors import Actor
from audit.exceptions import JobCancelled, RightsMissing, TovgovError
from audit.models import LedgerHead, Purpose
from audit.postgres import probes, rows
from audit.postgres.catalog import Fingerprint, fingerprint_of, owner_lines, schema_lines
from audit.postgres.connect import ConnInfo, connect
from audit.postgres.probes import Status
from audit.postgres.rows import LargeObjects, SequenceState, TableState
from audit.postgres.snapshots import Snapshot, adopt, export_snapshot
from audit.progress import Progress
from audit.stopping import stoppable
from backups import conf, manifest, naming
from backups.globals import Globals, read_globals
from backups.manifest import Dump, Manifest, SequenceSpan
from backups.models import Backup
from backups.tools.checksums import sha256_of
from backups.tools.encryption import Recipient, load_recipients
from backups.tools.finding import Tool, find_tool
from backups.tools.pg_dump import dump
from backups.tools.pipeline import Encoded, encode
from backups.transfer import SpoolFile

HASH_WORKERS = 2
NEEDED = (probes.tables, probes.sequences, probes.row_security, probes.large_objects, probes.standby)


@dataclass(frozen=True, slots=True)
class Taken:
    """A finished dump in the spool: its manifest and its files, the signature last."""

    manifest: Manifest
    files: list[SpoolFile]


@dataclass(frozen=True, slots=True)
class Content:
    """What the snapshot holds, as we counted and read it ourselves; ``schema`` has one line an object."""

    tables: list[TableState]
    large_objects: LargeObjects
    schema: list[str]
    fingerprint: Fingerprint


def take(backup: Backup, folder: Path, progress: Progress, *, actor: Actor) -> Taken:
    """Dump the target of ``backup`` into ``folder`` and sign what was made.

    Raises what a refused identity, missing rights, tools or keys, a lost connection, a stall or a full disk raise;
    no child process is left then.
    """
    target, info = backup.target, targets.conninfo(backup.target, Purpose.BACKUP)
    recipients = load_recipients(conf.age_recipients()) if conf.encrypt() else []
    progress.phase("Identify")
    options = {"read_only": True, "lock_timeout": conf.LOCK_WAIT_SECONDS * 1000, "application_name": "tovgov backup"}
    with targets.connected(target, Purpose.BACKUP, actor=actor, **options) as c, stoppable(c, progress):
        tool = find_tool("pg_dump", c.info.server_version, pg_bin=conf.pg_bin(), sslmode=info.sslmode)
        for warning in tool.warnings:
            progress.log(warning)
        _require_rights(c, info)
        around = read_globals(c, info, progress)
        progress.phase("Snapshot")
        with export_snapshot(c) as snapshot:
            return _Taking(backup, folder, progress, info, tool, recipients, snapshot, around).run(c)


def _require_rights(connection: psycopg.Connection, info: ConnInfo) -> None:
    """Say before the dump, in the words of the preflight, what would end it later. Raises ``RightsMissing``."""
    for probe in NEEDED:
        answer = probe(connection, info)
        if answer.status == Status.FAIL:
            raise RightsMissing(answer.detail, hint=answer.hint)


class _Taking:
    """One dump under one snapshot."""

    def __init__(
        self,
        backup: Backup,
        folder: Path,
        progress: Progress,
        info: ConnInfo,
        tool: Tool,
        recipients: list[Recipient],
        snapshot: Snapshot,
        around: Globals,
    ) -> None:
        self.backup, self.folder, self.progress, self.info = backup, folder, progress, info
        self.tool, self.recipients, self.snapshot, self.around = tool, recipients, snapshot, around
        self.name = _free_name(naming.backup_name(backup.target.name, info.database, snapshot.at, str(backup.kind)))
        self.server_version = 0
        self.giving_up = threading.Event()

    def run(self, connection: psycopg.Connection) -> Taken:
        """Dump, count and hash at once, then write and sign the manifest."""
        before = rows.sequences(connection)
        self.progress.phase("Dump and hash", total=self._expected_bytes(), unit="bytes")
        path = self.folder / naming.dump_file(self.name, is_encrypted=bool(self.recipients))
        encoded, content = self._dump_and_count(path)
        self.progress.phase("Manifest")
        self.server_version = connection.info.server_version
        facts = self._manifest(path, encoded, content, _spans(before, rows.sequences(connection)))
        return Taken(facts, self._files(path, facts))

    def _dump_and_count(self, path: Path) -> tuple[Encoded, Content]:
        """Both at once; the first that fails ends the other and is the one that is told."""
        with ThreadPoolExecutor(1, thread_name_prefix="count") as pool:
            counting = pool.submit(self._count)
            try:
                encoded = self._dump(path, counting)
            except TovgovError:
                self.giving_up.set()
                if (fault := _fault(counting)) is not None:
                    raise fault from None
                raise
            except BaseException:
                self.giving_up.set()
                raise
            return encoded, counting.result()

    def _dump(self, path: Path, counting: Future[Content]) -> Encoded:
        def must_stop() -> bool:
            return self.progress.must_stop() or _fault(counting) is not None

        with dump(
            self.info,
            self.tool,
            snapshot=self.snapshot.id,
            lock_wait=conf.LOCK_WAIT_SECONDS * 1000,
            on_line=self.progress.log,
        ) as child:
            return encode(
                child,
                path,
                recipients=self.recipients,
                on_bytes=self.progress.at,
                cancelled=must_stop,
                stall_seconds=conf.stall_seconds(),
            )

    def _count(self) -> Content:
        tables = rows.table_states(self.info, self.snapshot, workers=HASH_WORKERS, on_tick=self._tick)
        with connect(self.info, read_only=True) as connection, adopt(connection, self.snapshot):
            schema = schema_lines(connection)
            fingerprint = fingerprint_of(schema, owner_lines(connection))
            return Content(tables, rows.large_objects(connection), schema, fingerprint)

    def _tick(self) -> None:
        self.progress.check()
        if self.giving_up.is_set():
            raise JobCancelled

    def _expected_bytes(self) -> int | None:
        """For the bar: the size of the last dump of this target, else that of the database."""
        former = Backup.objects.usable().filter(target=self.backup.target, dump_bytes__isnull=False)
        size: int | None = self.around.facts["database"]["size"]
        return former.order_by("-snapshot_at").values_list("dump_bytes", flat=True).first() or size

    def _manifest(self, path: Path, encoded: Encoded, content: Content, sequences: list[SequenceSpan]) -> Manifest:
        target, head = self.backup.target, LedgerHead.objects.first()
        assert target.database_oid is not None
        return Manifest(
            name=self.name,
            kind=str(self.backup.kind),
            target=target.name,
            environment=str(target.environment),
            database=self.info.database,
            database_oid=target.database_oid,
            system_identifier=target.system_identifier,
            server_version=self.server_version,
            tool=self.tool.text,
            snapshot_at=self.snapshot.at,
            lsn=self.snapshot.lsn,
            database_bytes=self.around.facts["database"]["size"] or 0,
            tables=content.tables,
            large_objects=content.large_objects,
            sequences=sequences,
            schema_fingerprint=content.fingerprint.sha256,
            owners_fingerprint=content.fingerprint.owners_sha256,
            database_facts=self.around.facts["database"],
            dump=Dump(
                path.name,
                encoded.dump_bytes,
                encoded.stored_bytes,
                encoded.sha256,
                [str(recipient) for recipient in self.recipients],
            ),
            side_files={file.name: file.sha256 for file in self._side_files(content)},
            ledger_number=head.number if head else 0,
            ledger_hash=head.hash if head else "",
        )

    def _side_files(self, content: Content) -> list[SpoolFile]:
        schema = {manifest.SCHEMA: "".join(line + "\n" for line in content.schema).encode("utf-8", "surrogateescape")}
        return [self._write(name, data) for name, data in (self.around.files() | schema).items()]

    def _files(self, path: Path, facts: Manifest) -> list[SpoolFile]:
        data, signature = manifest.sign(facts)
        side = [SpoolFile(self.folder / name, sha256) for name, sha256 in facts.side_files.items()]
        dumped = SpoolFile(path, facts.dump.sha256)
        return [
            dumped,
            *side,
            self._write(manifest.MANIFEST, data),
            self._write(manifest.SIGNATURE, signature),
        ]

    def _write(self, name: str, data: bytes) -> SpoolFile:
        path = self.folder / name
        path.write_bytes(data)
        path.chmod(0o600)
        with path.open("rb") as file:
            return SpoolFile(path, sha256_of(file)[0])


def _free_name(name: str) -> str:
    """``name``, or with a number behind it: two quick backups may be of the same second."""
    names = [name, *(f"{name}-{number}" for number in range(2, 100))]
    known = set(Backup.objects.filter(name__in=names).values_list("name", flat=True))
    return next(free for free in names if free not in known)


def _fault(counting: Future[Content]) -> BaseException | None:
    return counting.exception() if counting.done() else None


def _spans(before: list[SequenceState], after: list[SequenceState]) -> list[SequenceSpan]:
    """Sequences that were there before and after; one that came or went meanwhile is not in the snapshot's tables."""
    later = {(state.schema, state.name): state for state in after}
    pairs = ((state, later.get((state.schema, state.name))) for state in before)
    return [
        SequenceSpan(old.schema, old.name, old.last_value, new.last_value, old.is_called, new.is_called)
        for old, new in pairs
        if new is not None
    ]
