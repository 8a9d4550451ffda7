"""The verbs of exports: make a small one at once, ask a worker for a large one, hand out its file, remove old ones."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

from django.db import transaction
from django.utils import timezone

from audit import conf, jobs, ledger
from audit.actors import Actor
from audit.exceptions import ExportDamaged, FilterInvalid, NoSuchExport
from audit.exports import csv, files, jsonl, xlsx
from audit.exports.selection import Selection
from audit.lists import keyset
from audit.lists.listing import Listing
from audit.lists.saved import listing_of
from audit.models import Export, ExportFormat
from audit.progress import Progress

TASK = "audit.tasks.run_export"
DIRECT = 5_000
"""So many rows are made while the person waits; more are a worker's."""
FORMATS: dict[str, ModuleType] = {
    str(ExportFormat.CSV): csv,
    str(ExportFormat.JSONL): jsonl,
    str(ExportFormat.XLSX): xlsx,
}


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
    form = _form(listing, kind, actor)
    selection = Selection(listing, listing.read(query))
    listing.clause(selection.wanted)
    out = tempfile.SpooledTemporaryFile(max_size=8 * files.CHUNK)  # noqa: SIM115  # handed out open
    rows = form.write(selection, out, lambda count: None)
    made = Made(out, _name(listing, form), form.MEDIA, rows, files.digest(out))  # type: ignore[arg-type]
    query = selection.wanted.query
    ledger.append(
        "export.direct", actor=actor, page=listing.page, query=query, format=kind, rows=rows, sha256=made.sha256
    )
    return made


def start(listing: Listing, query: str, kind: str, *, actor: Actor) -> Export:
    """Ask a worker for an export. Raises ``NotPermitted`` and ``FilterInvalid``."""
    _form(listing, kind, actor)
    wanted = listing.read(query)
    listing.clause(wanted)
    with transaction.atomic():
        row: Export = Export.objects.create(
            page=listing.page,
            query=wanted.query,
            format=kind,
            asked_by=actor.user,
            asked_name=actor.name,
            asked_via=actor.source,
        )
        ledger.append("export.request", actor=actor, obj=row, page=row.page, query=row.query, format=kind)
        jobs.enqueue(row, TASK)
    return row


def perform(row: Export, progress: Progress) -> None:
    """Write the file of a claimed export: a part first, which becomes the file when it is whole."""
    listing, form = listing_of(row.page), FORMATS[row.format]
    progress.phase("Write", unit="rows")

    def tell(count: int) -> None:
        progress.advance(count)
        progress.check()

    with files.usable() as folder:
        part, whole = folder / files.part_of(row), folder / f"{row.uuid}.{form.SUFFIX}"
        try:
            with files.create(part) as out:
                rows = form.write(Selection(listing, listing.read(row.query)), out, tell)
                sha256 = files.digest(out)
                size = part.stat().st_size
            progress.conclude()
            part.rename(whole)
        finally:
            part.unlink(missing_ok=True)
    _note(row, whole, rows, size, sha256)
    progress.log(f"{rows:,} rows, SHA-256 {sha256}")


def _note(row: Export, whole: Path, rows: int, size: int, sha256: str) -> None:
    with transaction.atomic():
        Export.objects.filter(pk=row.pk).update(
            path=whole.name,
            rows=rows,
            bytes=size,
            sha256=sha256,
            expires_at=timezone.now() + timedelta(days=conf.export_days()),
        )
        actor = Actor(name=row.asked_name or "tovgov", source=f"worker {row.worker}", user=row.asked_by)
        ledger.append("export.written", actor=actor, obj=row, rows=rows, bytes=size, sha256=sha256)


def download(row: Export, *, actor: Actor) -> Made:
    """Hand out the file, once its hash is what was written. Raises ``NotPermitted``, ``NoSuchExport`` and
    ``ExportDamaged``."""
    listing = listing_of(row.page)
    form = _form(listing, row.format, actor)
    with files.usable() as folder:
        path = folder / Path(row.path).name
        if not row.path or not path.is_file():
            raise NoSuchExport("The file of this export is gone.")
        file = path.open("rb")
    if files.digest(file) != row.sha256:
        file.close()
        raise ExportDamaged
    ledger.append("export.download", actor=actor, obj=row, rows=row.rows, sha256=row.sha256)
    return Made(file, _name(listing, form), form.MEDIA, row.rows, row.sha256)


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


def _form(listing: Listing, kind: str, actor: Actor) -> ModuleType:
    actor.require(listing.export_permission)
    if kind not in FORMATS:
        raise FilterInvalid(f"“{kind[:20]}” is no format; there are {', '.join(FORMATS)}.")
    return FORMATS[kind]


def _name(listing: Listing, form: ModuleType) -> str:
    return f"{listing.name.replace(' ', '-')}-{timezone.now():%Y%m%dT%H%M%SZ}.{form.SUFFIX}"
