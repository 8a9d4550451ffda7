"""Retirement: entries that are removed on purpose, when their time is over. Their hashes stay in the tree, so every
other entry can still be proved, and what was removed is known by number."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from audit import ledger
from audit.actors import Actor
from audit.models import ImportSource, LedgerEntry, RetiredRange, SealTree
from audit.seals import tree as trees
from audit.seals.told import leaves

RETIRED = "seals.retired"


@dataclass(frozen=True, slots=True)
class Retired:
    """Leaves whose rows are gone on purpose."""

    first: int
    last: int
    words: str


def retire(source: ImportSource, first_leaf: int, last_leaf: int, *, actor: Actor, reason: str = "") -> RetiredRange:
    """Note, in the transaction that removes them, that the entries of these leaves of ``source`` are gone on purpose.
    Raises ``ValueError`` for leaves that the tree does not have."""
    with transaction.atomic():
        tree = trees.lock(source)
        if not 0 <= first_leaf <= last_leaf < tree.size:
            raise ValueError(f"{source} has {tree.size} leaves; {first_leaf} to {last_leaf} cannot be retired.")
        row = RetiredRange.objects.create(
            tree=tree, first_leaf=first_leaf, last_leaf=last_leaf, by=actor.name, reason=reason
        )
        ledger.append(
            RETIRED,
            actor=actor,
            obj=row,
            target=source.target,
            reason=reason,
            tree=str(tree.uuid),
            first_leaf=first_leaf,
            last_leaf=last_leaf,
        )
    return row


def of_tree(tree: SealTree) -> tuple[list[Retired], list[str]]:
    """The retired leaves of a tree, and notes of retirement that the ledger does not know: those are not believed."""
    if tree.pk is None:
        return [], []
    entries = LedgerEntry.objects.filter(action=RETIRED, detail__tree=str(tree.uuid))
    known = {(detail["first_leaf"], detail["last_leaf"]) for detail in entries.values_list("detail", flat=True)}
    found, faults = [], []
    for row in tree.retired.all():
        where = leaves(row.first_leaf, row.last_leaf)
        if (row.first_leaf, row.last_leaf) in known:
            count = row.last_leaf - row.first_leaf + 1
            words = f"{count:,} entries retired on {row.at:%Y-%m-%d} by {row.by}: their hashes are kept ({where})."
            found.append(Retired(row.first_leaf, row.last_leaf, words))
        else:
            faults.append(f"the ledger does not know that {where} were retired.")
    return found, faults
