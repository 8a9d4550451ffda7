"""Reading every sealed entry of a target again: each row must be its leaf, the leaves must make the tree, and the tree
must be the one that checkpoints and the ledger vouch for. The ledger itself is verified by ``manage.py ledger verify``.

Memory stays flat: the leaf hashes lie in a temporary file, and one byte a leaf says how often its row was seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from django.db import connection, transaction

from audit import signing
from audit.actors import Actor
from audit.exceptions import KeyMissing, SealBroken, SigningKeyInvalid
from audit.models import ConnectionAuditLog, DeleteAuditLog, ImportKind, ImportSource, LedgerEntry, SealTree, Target
from audit.seals import retirement, rows, structure, witnesses
from audit.seals.told import some
from audit.seals.witnesses import SEALED, Keys, Published

VERIFY = "audit.view_auditimport"
SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"

Tell = Callable[[int], None]


@dataclass(slots=True)
class Verdict:
    """What was read again, and every fault; sound when there is none. ``notices`` are no faults."""

    sources: int = 0
    rows: int = 0
    retired: int = 0
    checkpoints: int = 0
    faults: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        return not self.faults

    def words(self, target: Target) -> str:
        """The verdict as a sentence, for one that is sound."""
        return f"{target}: {self.rows:,} entries of {self.sources:,} sources are as they were sealed."


def silent(count: int) -> None:
    """Tell nobody."""


def verify(target: Target, *, actor: Actor, published: Mapping[str, str] | None = None, tell: Tell = silent) -> Verdict:
    """Read every sealed entry of ``target`` again. ``published`` are texts of checkpoints that were kept outside, by
    the place each was found at; ``tell`` hears how many rows were read. Takes as long as reading the rows.

    Raises ``NotPermitted``.
    """
    actor.require(VERIFY)
    verdict = Verdict()
    with transaction.atomic():
        if not connection.savepoint_ids:  # one snapshot: what is imported meanwhile is no fault
            with connection.cursor() as cursor:
                cursor.execute(SNAPSHOT)
        keys = _keys(verdict)
        outside, faults = witnesses.read_published(published or {}, keys)
        verdict.faults += faults
        for source in target.import_sources.select_related("seal_tree", "target").order_by("pk"):
            _verify_source(source, verdict, keys, outside, tell)
        verdict.faults += _lost_trees(target, outside)
        _strangers(target, verdict)
    return verdict


def required(verdict: Verdict) -> Verdict:
    """``verdict``, when it is sound. Raises ``SealBroken``."""
    if not verdict.is_sound:
        raise SealBroken(" ".join(verdict.faults), faults=verdict.faults)
    return verdict


def _keys(verdict: Verdict) -> Keys | None:
    try:
        return signing.known_keys()
    except (KeyMissing, SigningKeyInvalid) as error:
        verdict.notices.append(f"The signatures of checkpoints were not looked at. {error.message}")
        return None


def _verify_source(
    source: ImportSource, verdict: Verdict, keys: Keys | None, outside: list[Published], tell: Tell
) -> None:
    tree = getattr(source, "seal_tree", None) or SealTree(source=source)
    checkpoints = list(tree.checkpoints.order_by("number")) if tree.pk else []
    faults = list(witnesses.doubts(checkpoints, keys))
    with structure.leaf_file() as leaves:
        faults += structure.verify(tree, witnesses.of_tree(tree, checkpoints, outside), leaves)
        retired, retired_faults = retirement.of_tree(tree)
        found = rows.verify(source, tree.size, leaves, retired, tell)
    faults += retired_faults + found.faults
    verdict.faults += [f"{source}: {fault}" for fault in faults]
    verdict.notices += [f"{source}: {one}" for one in retirement.told(retired)]
    signed = checkpoints[-1].size if checkpoints else 0
    if tree.size > signed:
        verdict.notices.append(f"{source}: {tree.size - signed:,} entries wait for their first checkpoint.")
    verdict.sources += tree.size > 0
    verdict.rows += found.sound
    verdict.retired += found.retired
    verdict.checkpoints += len(checkpoints)


def _lost_trees(target: Target, outside: list[Published]) -> list[str]:
    """Trees that somebody vouches for and that are not here any more."""
    here = {str(tree.uuid) for tree in SealTree.objects.filter(source__target=target)}
    origins = {tree.origin for tree in SealTree.objects.all()}
    sealed = LedgerEntry.objects.filter(action=SEALED, detail__target_id=target.pk).exclude(detail__tree__in=here)
    numbers = sealed.values_list("number", flat=True)
    faults = some([f"The tree that ledger entry {number} seals is gone." for number in numbers])
    return faults + [
        f"The tree of the checkpoint published at {one.place} is gone."
        for one in outside
        if one.note.origin not in origins and one.note.source.endswith(f" of {target}")
    ]


def _strangers(target: Target, verdict: Verdict) -> None:
    """Rows that belong to no source."""
    if not target.import_sources.filter(kind=ImportKind.DELETIONS).exists():
        count = DeleteAuditLog.objects.filter(target=target).count()
        if count:
            verdict.faults.append(f"{count:,} deleted rows of {target} were brought by no import.")
    loose = ConnectionAuditLog.objects.filter(target=target, import_source=None).count()
    if loose:
        verdict.notices.append(f"{loose:,} connections of {target} belong to no source and are not sealed.")
