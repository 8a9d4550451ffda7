"""The ledger's part of a pack: its entries of the period, as they were hashed."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from django.db.models import Max, Min

from audit.evidence.members import Members
from audit.evidence.scope import Scope
from audit.evidence.verify import LEDGER
from audit.models import LedgerEntry


@dataclass(slots=True)
class Chained:
    """How many entries are in the pack: whole, and by their hashes alone."""

    whole: int = 0
    withheld: int = 0


def write(members: Members, scope: Scope) -> Chained:
    """Every entry from the first of the period to its last. Those that concern other targets are withheld: number and
    hashes alone, which carry the chain."""
    chained = Chained()
    members.lines(LEDGER, _lines(scope, chained))
    return chained


def _lines(scope: Scope, chained: Chained) -> Generator[dict[str, Any]]:
    entries = LedgerEntry.objects.filter(number__lte=scope.ledger_number)
    span = entries.filter(scope.during("at")).aggregate(first=Min("number"), last=Max("number"))
    if span["first"] is None:
        return
    shown = {"", *scope.names}
    for entry in entries.filter(number__range=(span["first"], span["last"])).order_by("number").iterator(2000):
        if entry.target in shown:
            chained.whole += 1
            facts = {field.attname: getattr(entry, field.attname) for field in entry._meta.fields}
            yield facts | {"at": entry.at.astimezone(UTC).isoformat()}
        else:
            chained.withheld += 1
            yield {"number": entry.number, "previous_hash": entry.previous_hash, "hash": entry.hash}
