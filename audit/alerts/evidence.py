"""The entries that an alert rests on: the first of them are kept with one line each, and the number of all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from audit.models import Alert, AlertEvidence

KEPT = 20
"""So many entries are cited; the number of all is told beside them."""


@dataclass(frozen=True, slots=True)
class Cited:
    """One entry: the name of its model in small letters, its id, its time and one line that says what it is."""

    kind: str
    object_id: int
    at: datetime
    line: str


def cite(row: Alert, entries: Iterable[Cited], total: int | None) -> None:
    """Add entries to what ``row`` cites, up to ``KEPT``; ``total`` is how many there are in all (None: as kept)."""
    known = set(row.evidence.values_list("kind", "object_id"))
    fresh = [entry for entry in entries if (entry.kind, entry.object_id) not in known]
    AlertEvidence.objects.bulk_create(
        AlertEvidence(alert=row, kind=one.kind, object_id=one.object_id, at=one.at, line=_one_line(one.line))
        for one in fresh[: max(0, KEPT - len(known))]
    )
    cited = max(row.cited, total if total is not None else len(known) + len(fresh))
    if cited != row.cited:
        row.cited = cited
        row.save(update_fields=["cited"])


def _one_line(text: str) -> str:
    return " ".join(text.replace("\0", "").split())[:255]
