"""The verbs of evidence packs: ask a worker for one, hand out its file, verify one, remove old ones."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from django.db import transaction
from django.utils import timezone

from audit import conf, jobs, ledger, signing
from audit.actors import Actor
from audit.evidence import build, verify
from audit.exceptions import NoSuchPack, PackDamaged, PackPeriodInvalid, PackUnreadable, ScopeInvalid
from audit.exports import files
from audit.models import EvidencePack, EvidencePart, SealTree, Target
from audit.progress import Progress
from audit.seals import checkpoints

TASK = "audit.tasks.run_evidence"
EXPORT = "audit.export_evidence"
MEDIA = "application/zip"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A pack ready to be handed out; close ``file``."""

    file: BinaryIO
    name: str
    sha256: str


def ask(
    start: datetime, end: datetime, targets: Sequence[Target], *, actor: Actor, reason: str = "",
    parts: Sequence[str] = tuple(EvidencePart),
) -> EvidencePack:  # fmt: skip
    """Ask a worker for a pack: what happened to ``targets`` from ``start`` to just before ``end``. Every log is sealed
    by a checkpoint as it is now. Raises ``NotPermitted``, ``PackPeriodInvalid``, ``ScopeInvalid``, ``KeyMissing`` and
    ``SigningKeyInvalid``."""
    actor.require(EXPORT)
    if not start < end or start > timezone.now():
        raise PackPeriodInvalid
    chosen = [str(part) for part in EvidencePart if part in parts]
    if not targets or not chosen:
        raise ScopeInvalid
    signing.signing_key()
    named = sorted({target.pk: target.name for target in targets}.items())
    for tree in SealTree.objects.filter(source__target__in=targets, size__gt=0).order_by("pk"):
        checkpoints.make(tree)
    with transaction.atomic():
        row = EvidencePack(
            start=start, end=end, scope=[{"id": key, "name": name} for key, name in named], parts=chosen,
            reason=reason.strip(), **jobs.asked(actor),
        )  # fmt: skip
        entry = ledger.append(
            "evidence.request", actor=actor, reason=row.reason, start=start, end=end, parts=chosen,
            targets=[name for _, name in named],
        )  # fmt: skip
        row.as_of, row.ledger_number = entry.at, entry.number
        row.save()
        jobs.enqueue(row, TASK)
    return row


def perform(row: EvidencePack, progress: Progress) -> None:
    """Build a claimed pack: it is called a pack only when it is whole and its own verifier could read it. Raises as
    ``build``, and ``ExportFolderUnusable``."""
    with usable() as folder:
        members, part = folder / _members_of(row), folder / _part_of(row)
        _clear(row, folder)
        members.mkdir(mode=0o700)
        try:
            made = build.build(row, members, part, progress)
            progress.conclude()
            _note(row, part, folder / f"{row.uuid}.zip", made)
        finally:
            _clear(row, folder)
    progress.log(f"{made.files:,} files, {made.records:,} records, SHA-256 {made.sha256}")
    for fault in made.faults:
        progress.log(f"NOT AS SIGNED: {fault}")


def _note(row: EvidencePack, part: Path, whole: Path, made: build.Made) -> None:
    now = timezone.now()
    facts = {name: getattr(made, name) for name in ("files", "records", "bytes", "sha256", "signer", "time_stamp")}
    with transaction.atomic():
        EvidencePack.objects.filter(pk=row.pk).update(
            path=whole.name, gaps=made.gaps, said=made.said, faults=made.faults, verified_at=now,
            expires_at=now + timedelta(days=conf.export_days()), **facts,
        )  # fmt: skip
        ledger.append("evidence.written", actor=_worker(row), obj=row, gaps=len(made.gaps), faults=made.faults, **facts)
        part.rename(whole)


def download(row: EvidencePack, *, actor: Actor) -> Fetched:
    """Hand out the file, once its hash is what was written. Raises ``NotPermitted``, ``NoSuchPack`` and
    ``PackDamaged``."""
    actor.require(EXPORT)
    with usable() as folder:
        path = folder / Path(row.path).name
        if not row.path or not path.is_file():
            raise NoSuchPack("The file of this evidence pack is gone.")
        file = path.open("rb")
    if files.digest(file) != row.sha256:
        file.close()
        raise PackDamaged
    targets = [one["name"] for one in row.scope]
    ledger.append("evidence.download", actor=actor, obj=row, targets=targets, sha256=row.sha256)
    return Fetched(file, name_of(row), row.sha256)


def verify_again(row: EvidencePack, *, actor: Actor) -> list[str]:
    """Run the verifier over the file once more; what it found wrong. Raises ``NotPermitted`` and ``NoSuchPack``."""
    actor.require(EXPORT)
    with usable() as folder:
        path = folder / Path(row.path).name
        if not row.path or not path.is_file():
            raise NoSuchPack("The file of this evidence pack is gone.")
        try:
            verdict = verify.verify(str(path), row.signer)
            said, faults = verdict.said, verdict.faults
        except verify.UNREADABLE as error:
            said, faults = [], [f"The file cannot be read: {error}."]
    with transaction.atomic():
        rows = EvidencePack.objects.filter(pk=row.pk)
        rows.update(said=said, faults=faults, verified_at=timezone.now())
        ledger.append("evidence.verify", actor=actor, obj=row, sha256=row.sha256, faults=faults)
    row.refresh_from_db()
    return faults


def verify_file(path: Path, *, signer: str = "") -> verify.Verdict:
    """Verify a pack, whoever made it. ``signer`` is the fingerprint that is trusted; our own keys' otherwise. Raises
    ``PackUnreadable``."""
    try:
        if signer:
            return verify.verify(str(path), signer)
        verdict = verify.verify(str(path))
        ours = {build.fingerprint(key) for key in signing.known_keys().values()}
        verdict.is_anchored = verdict.signer in ours
    except verify.UNREADABLE as error:
        raise PackUnreadable(f"{path.name} cannot be read as an evidence pack: {error}.") from None
    return verdict


def expire() -> int:
    """Remove packs whose days are over; how many."""
    gone = list(EvidencePack.objects.exclude(path="").filter(expires_at__lt=timezone.now()))
    for row in gone:
        with usable() as folder:
            (folder / Path(row.path).name).unlink(missing_ok=True)
        with transaction.atomic():
            if EvidencePack.objects.filter(pk=row.pk, path=row.path).update(path=""):
                ledger.append("evidence.expire", actor=Actor.system("evidence"), obj=row, sha256=row.sha256)
    return len(gone)


def after_death(row: EvidencePack) -> None:
    """Remove what a worker that was killed had begun; a whole file too, that no row names yet."""
    row.refresh_from_db(fields=["path"])
    with usable() as folder:
        _clear(row, folder)
        if not row.path:
            (folder / f"{row.uuid}.zip").unlink(missing_ok=True)


def name_of(row: EvidencePack) -> str:
    """What its file is called where people keep it."""
    first = re.sub(r"[^0-9A-Za-z._]+", "-", "-".join(one["name"] for one in row.scope)).strip("-")[:60]
    return f"evidence-{first or row.pk}-{row.start:%Y%m%d}-{row.end:%Y%m%d}.zip"


@contextmanager
def usable() -> Iterator[Path]:
    """The folder of packs, within that of exports; what the disk refuses becomes ``ExportFolderUnusable``."""
    with files.usable() as exports:
        folder = exports / "evidence"
        folder.mkdir(mode=0o700, exist_ok=True)
        yield folder


def _clear(row: EvidencePack, folder: Path) -> None:
    (folder / _part_of(row)).unlink(missing_ok=True)
    if os.path.lexists(folder / _members_of(row)):
        shutil.rmtree(folder / _members_of(row))


def _part_of(row: EvidencePack) -> str:
    return f"{row.uuid}{files.PART}"


def _members_of(row: EvidencePack) -> str:
    return f"{row.uuid}.members"


def _worker(row: EvidencePack) -> Actor:
    return Actor(name=row.asked_name or "tovgov", source=f"worker {row.worker}", user=row.asked_by)
