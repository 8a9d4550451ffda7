"""What the file of an export holds: the rows of a list, or a whole log with its proof."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import BinaryIO

from audit.actors import Actor
from audit.exceptions import FilterInvalid, NoSuchExport
from audit.exports import csv, jsonl, xlsx
from audit.exports.selection import Selection, Tell
from audit.lists.saved import listing_of
from audit.models import Export, ExportFormat, ImportSource
from audit.seals import proofs

FORMATS: dict[str, ModuleType] = {
    str(ExportFormat.CSV): csv,
    str(ExportFormat.JSONL): jsonl,
    str(ExportFormat.XLSX): xlsx,
}
SOURCES = "audit_importsource"
"""The page of an export with proof."""


@dataclass(frozen=True, slots=True)
class Content:
    """How a file is written, and who may have it: all of ``permissions`` are needed."""

    name: str
    permissions: Sequence[str]
    suffix: str
    media: str
    write: Callable[[BinaryIO, Tell, Actor], int]


OTHERS: dict[str, Callable[[Export], Content]] = {}
"""What is no list: by the stem of its page, ``report`` for ``report.deletes``. Filled by who makes it."""


def of(export: Export) -> Content:
    """What ``export`` holds. Raises ``FilterInvalid``, ``NoSuchExport`` when its log is gone, and what those of
    ``OTHERS`` raise."""
    stem, dot, _ = export.page.partition(".")
    if dot and stem in OTHERS:
        return OTHERS[stem](export)
    if export.page == SOURCES:
        return _of_log(log_of(export))
    listing, form = listing_of(export.page), form_of(export.format)

    def write(out: BinaryIO, tell: Tell, actor: Actor) -> int:
        rows: int = form.write(Selection(listing, listing.read(export.query)), out, tell)
        return rows

    return Content(listing.name, [listing.export_permission], form.SUFFIX, form.MEDIA, write)


def form_of(kind: str) -> ModuleType:
    """The format of a list. Raises ``FilterInvalid``."""
    if kind not in FORMATS:
        raise FilterInvalid(f"“{kind[:20]}” is no format; there are {', '.join(FORMATS)}.")
    return FORMATS[kind]


def log_of(export: Export) -> ImportSource:
    """The log that an export with proof holds. Raises ``NoSuchExport`` when it is gone."""
    key = export.query.removeprefix("source=")
    source = ImportSource.objects.select_related("target").filter(pk=key).first() if key.isdecimal() else None
    if source is None:
        raise NoSuchExport("The log of this export is gone.")
    return source


def _of_log(source: ImportSource) -> Content:
    def write(out: BinaryIO, tell: Tell, actor: Actor) -> int:
        return proofs.write_bundle(source, out, actor=actor, tell=tell)

    return Content(f"{source} with proof", proofs.permissions_of(source), "zip", "application/zip", write)
