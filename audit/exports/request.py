"""The verbs of exports: make a small one at once, ask a worker for a large one, hand out its file, remove old ones."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from django.db import transaction
from django.utils import timezone

from audit import conf, jobs, ledger
from audit.actors import Actor
from audit.exceptions import ExportDamaged, NoSuchExport, NotSealed
from audit.exports import content, files
from audit.exports.content import SOURCES, Content
from audit.exports.selection import Selection
from audit.lists import keyset
from audit.lists.listing import Listing
from audit.models import Checkpoint, Export, ExportFormat, ImportSource
from audit.progress import Progress
from audit.seals import proofs

TASK = "audit.tasks.run_export"
DIRECT = 5_000
"""So many rows are made while the person waits; more are a worker's."""


@dataclass(frozen=True, slots=True)
class Made:
    """A file ready to be handed out."""

    file: BinaryIO
    name: str
    media: str
    rows: int
    sha256: str


def is_small(listing: Listing, query: str) -> bool:
    """Whether an export can be made while the person waits. Raises ``FilterInvalid``."""
    number = keyset.count(listing, listing.read(query))
    return number is not None and not number.sign and number.number <= DIRECT


def direct(listing: Listing, query: str, kind: str, *, actor: Actor) -> Made:
    """Make a small export now. The caller closes the file. Raises ``NotPermitted`` and ``FilterInvalid``."""
    actor.require(listing.export_permission)
    form = content.form_of(kind)
    selection = Selection(listing, listing.read(query))
    listing.clause(selection.wanted)
    out = tempfile.SpooledTemporaryFile(max_size=8 * files.CHUNK)  # noqa: SIM115  # handed out open
    rows = form.write(selection, out, lambda count: None)
    made = Made(out, file_name(listing.name, form.SUFFIX), form.MEDIA, rows, files.digest(out))  # type: ignore[arg-type]
    query = selection.wanted.query
    ledger.append(
        "export.direct", actor=actor, page=listing.page, query=query, format=kind, rows=rows, sha256=made.sha256
    )
    return made


def start(listing: Listing, query: str, kind: str, *, actor: Actor) -> Export:
    """Ask a worker for an export. Raises ``NotPermitted`` and ``FilterInvalid``."""
    actor.require(listing.export_permission)
    content.form_of(kind)
    wanted = listing.read(query)
    listing.clause(wanted)
    return queue(listing.page, wanted.query, kind, actor=actor)


def start_proof(source: ImportSource, *, actor: Actor) -> Export:
    """Ask a worker for all sealed entries of a log with their proof. Raises ``NotPermitted``, and ``NotSealed`` while
    the log has no checkpoint."""
    for permission in proofs.permissions_of(source):
        actor.require(permission)
    if not Checkpoint.objects.filter(tree__source=source).exists():
        raise NotSealed(f"{source} has no checkpoint yet.")
    return queue(SOURCES, f"source={source.pk}", ExportFormat.PROOF, actor=actor)


def queue(page: str, query: str, kind: str, *, actor: Actor) -> Export:
    """Leave an export to a worker. The caller has checked who asks and what for."""
    with transaction.atomic():
        row: Export = Export.objects.create(
            page=page,
            query=query,
            format=kind,
            **jobs.asked(actor),
        )
        ledger.append("export.request", actor=actor, obj=row, page=row.page, query=row.query, format=kind)
        jobs.enqueue(row, TASK)
    return row


def perform(row: Export, progress: Progress) -> None:
    """Write the file of a claimed export: a part first, which becomes the file when it is whole."""
    made, actor = content.of(row), _worker(row)
    progress.phase("Write", unit="rows")

    def tell(count: int) -> None:
        progress.advance(count)
        progress.check()

    with files.usable() as folder:
        part, whole = folder / files.part_of(row), folder / f"{row.uuid}.{made.suffix}"
        try:
            with files.create(part) as out:
                rows = made.write(out, tell, actor)
                sha256 = files.digest(out)
                size = part.stat().st_size
            progress.conclude()
            part.rename(whole)
        finally:
            part.unlink(missing_ok=True)
    _note(row, whole, rows, size, sha256, actor)
    progress.log(f"{rows:,} rows, SHA-256 {sha256}")


def _note(row: Export, whole: Path, rows: int, size: int, sha256: str, actor: Actor) -> None:
    with transaction.atomic():
        Export.objects.filter(pk=row.pk).update(
            path=whole.name,
            rows=rows,
            bytes=size,
            sha256=sha256,
            expires_at=timezone.now() + timedelta(days=conf.export_days()),
        )
        ledger.append("export.written", actor=actor, obj=row, rows=rows, bytes=size, sha256=sha256)


def _worker(row: Export) -> Actor:
    return Actor(name=row.asked_name or "tovgov", source=f"worker {row.worker}", user=row.asked_by)


def download(row: Export, *, actor: Actor) -> Made:
    """Hand out the file, once its hash is what was written. Raises ``NotPermitted``, ``NoSuchExport`` and
    ``ExportDamaged``."""
    made = content.of(row)
    _require(made, actor)
    with files.usable() as folder:
        path = folder / Path(row.path).name
        if not row.path or not path.is_file():
            raise NoSuchExport("The file of this export is gone.")
        file = path.open("rb")
    if files.digest(file) != row.sha256:
        file.close()
        raise ExportDamaged
    ledger.append("export.download", actor=actor, obj=row, rows=row.rows, sha256=row.sha256)
    return Made(file, file_name(made.name, made.suffix), made.media, row.rows, row.sha256)


def expire() -> int:
    """Remove files whose days are over, and what killed workers left; how many files."""
    gone = list(Export.objects.exclude(path="").filter(expires_at__lt=timezone.now()))
    for row in gone:
        files.remove(row.path)
        with transaction.atomic():
            if Export.objects.filter(pk=row.pk, path=row.path).update(path=""):
                ledger.append("export.expire", actor=Actor.system("exports"), obj=row, sha256=row.sha256)
    left = files.strays()
    for name in left:
        files.remove(name)
    return len(gone) + len(left)


def after_death(row: Export) -> None:
    """Remove the part of a worker that was killed."""
    files.remove(files.part_of(row))


def _require(made: Content, actor: Actor) -> None:
    for permission in made.permissions:
        actor.require(permission)


def file_name(what: str, suffix: str) -> str:
    """``deleted rows`` as the name of a file, with the moment."""
    return f"{re.sub(r'[^0-9A-Za-z._]+', '-', what)}-{timezone.now():%Y%m%dT%H%M%SZ}.{suffix}"
