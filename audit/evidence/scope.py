"""What a pack is about: its period and its targets, as its row says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from audit.exceptions import EvidenceTargetGone
from audit.models import EvidencePack, ImportSource, Target


@dataclass(frozen=True, slots=True)
class Scope:
    """``end`` is the first moment after the period; ``as_of`` when the pack was asked for."""

    start: datetime
    end: datetime
    targets: tuple[Target, ...]
    as_of: datetime
    ledger_number: int

    @property
    def ids(self) -> list[int]:
        return [target.pk for target in self.targets]

    @property
    def names(self) -> list[str]:
        return [target.name for target in self.targets]

    @property
    def sources(self) -> list[ImportSource]:
        """The logs of its targets."""
        return list(ImportSource.objects.filter(target__in=self.ids).select_related("target").order_by("pk"))

    def during(self, field: str) -> Q:
        """What happened in the period, by the time in ``field``."""
        return Q(**{f"{field}__gte": self.start, f"{field}__lt": self.end})

    def open_during(self, first: str, last: str) -> Q:
        """What began before the period's end and was not over at its start."""
        return Q(**{f"{first}__lt": self.end}) & (Q(**{f"{last}__gte": self.start}) | Q(**{last: None}))


def of(row: EvidencePack) -> Scope:
    """The scope of a pack. Raises ``EvidenceTargetGone``."""
    known = Target.objects.in_bulk([one["id"] for one in row.scope])
    gone = [one["name"] for one in row.scope if one["id"] not in known]
    if gone:
        raise EvidenceTargetGone(f"Removed since the pack was asked for: {', '.join(gone)}.")
    targets = tuple(known[one["id"]] for one in row.scope)
    return Scope(row.start, row.end, targets, row.as_of, row.ledger_number)
