"""Retirement: entries that are removed on purpose, when their time is over. Their hashes stay in the tree, so every
other entry can still be proved, and what was removed is known by number."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from django.db import transaction

from audit import ledger
from audit.actors import Actor
from audit.models import ImportSource, LedgerEntry, RetiredRange, SealTree
from audit.seals import tree as trees
from audit.seals.told import leaves

RETIRED = "seals.retired"

Run = tuple[int, int]
"""The first and the last of leaves that follow each other."""


@dataclass(frozen=True, slots=True)
class Retired:
    """Leaves whose rows are gone on purpose: ``count`` of those from ``first`` to ``last``, in ``runs``."""

    first: int
    last: int
    count: int
    runs: tuple[Run, ...]
    on: date
    by: str
    reason: str


def retire(source: ImportSource, runs: Sequence[Run], *, actor: Actor, reason: str = "") -> RetiredRange:
    """Note, in the transaction that removes them, that the entries of these leaves of ``source`` are gone on purpose.
    ``runs`` ascend and have gaps between them. Raises ``ValueError`` for leaves that the tree does not have."""
    with transaction.atomic():
        tree = trees.lock(source)
        count = _counted(runs, tree.size, source)
        first, last = runs[0][0], runs[-1][1]
        holes = [list(run) for run in runs] if len(runs) > 1 else []
        row = RetiredRange.objects.create(
            tree=tree, first_leaf=first, last_leaf=last, count=count, runs=holes, by=actor.name, reason=reason
        )
        ledger.append(
            RETIRED,
            actor=actor,
            obj=row,
            target=source.target,
            reason=reason,
            tree=str(tree.uuid),
            first_leaf=first,
            last_leaf=last,
            count=count,
            runs_sha256=_digest(holes),
        )
    return row


def _counted(runs: Sequence[Run], size: int, source: ImportSource) -> int:
    count, before = 0, -2
    for first, last in runs:
        if not (before + 1 < first <= last < size):
            raise ValueError(f"{source} has {size} leaves; {first} to {last} cannot be retired.")
        count, before = count + last - first + 1, last
    if not count:
        raise ValueError("Nothing is to be retired.")
    return count


def _digest(runs: object) -> str:
    return sha256(json.dumps(runs, separators=(",", ":")).encode()).hexdigest()


def of_tree(tree: SealTree) -> tuple[list[Retired], list[str]]:
    """The retired leaves of a tree, and notes of retirement that the ledger does not know: those are not believed."""
    if tree.pk is None:
        return [], []
    entries = LedgerEntry.objects.filter(action=RETIRED, detail__tree=str(tree.uuid))
    names = ("first_leaf", "last_leaf", "count", "runs_sha256")
    known = {tuple(detail.get(name) for name in names) for detail in entries.values_list("detail", flat=True)}
    found, faults = [], []
    for row in tree.retired.all().iterator():
        if (row.first_leaf, row.last_leaf, row.count, _digest(row.runs)) in known:
            runs = tuple((first, last) for first, last in row.runs) or ((row.first_leaf, row.last_leaf),)
            on = row.at.date()
            found.append(Retired(row.first_leaf, row.last_leaf, row.count, runs, on, row.by, row.reason))
        else:
            faults.append(f"the ledger does not know that {leaves(row.first_leaf, row.last_leaf)} were retired.")
    return found, faults


def runs_of(retired: Sequence[Retired]) -> Iterator[Run]:
    """All leaves that are retired, in their order."""
    yield from sorted(run for one in retired for run in one.runs)


def told(retired: Sequence[Retired]) -> Iterator[str]:
    """What was retired by whom and why, a sentence for each."""
    groups: dict[tuple[str, str], list[Retired]] = {}
    for one in retired:
        groups.setdefault((one.by, one.reason), []).append(one)
    for (by, reason), ones in groups.items():
        count = sum(one.count for one in ones)
        first, last = min(one.on for one in ones), max(one.on for one in ones)
        when = f"on {first:%Y-%m-%d}" if first == last else f"from {first:%Y-%m-%d} to {last:%Y-%m-%d}"
        where = leaves(min(one.first for one in ones), max(one.last for one in ones))
        noun = "entry" if count == 1 else "entries"
        words = f"{count:,} {noun} retired {when} by {by}: their hashes are kept ({where})."
        yield f"{words} {reason}" if reason else words
