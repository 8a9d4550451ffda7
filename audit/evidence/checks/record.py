"""Whether the record itself can be believed: seals, checkpoints, places outside, retirement, the ledger."""

from __future__ import annotations

from collections.abc import Iterator

from audit.evidence.checks.words import named
from audit.evidence.held import Held
from audit.evidence.scope import Scope
from audit.evidence.sealed import Proved
from audit.models import (
    ConnectionAuditLog,
    DeleteAuditLog,
    EvidencePart,
    Publication,
    RetiredRange,
    SealVerification,
    Target,
)
from audit.registry import Checked

TOPIC = "evidence"


def check(scope: Scope, held: Held) -> Iterator[Checked]:
    for target in scope.targets:
        proved = [one for one in held.proved or [] if one.source.target_id == target.pk]
        sealed = sum(one.entries for one in proved)
        loose = _loose(scope, target)
        yield Checked(
            TOPIC,
            f"{target}: entries of logs; are they under a signed checkpoint?",
            sealed + loose,
            sealed + loose,
            [f"{target}: {loose:,} entries are not sealed; they are in records/unsealed-…"] if loose else [],
            [gap for one in proved for gap in _unproved(scope, one)] + _retired(target),
        )
        yield _verifications(scope, target)
    yield _ledger(held)
    gaps = [f"Left out of the pack: {label}." for label in held.left_out] + held.unwritten
    yield Checked(TOPIC, "Parts that a pack can hold; are they here?", len(EvidencePart), len(EvidencePart), [], gaps)


def _loose(scope: Scope, target: Target) -> int:
    return sum(
        model._default_manager.filter(scope.during("at"), target=target, leaf=None).count()
        for model in (DeleteAuditLog, ConnectionAuditLog)
    )


def _unproved(scope: Scope, one: Proved) -> Iterator[str]:
    if one.checkpoint is None:
        yield f"{one.source} has no signed checkpoint: nothing of it is in the pack."
    elif not Publication.objects.filter(checkpoint__tree=one.checkpoint.tree_id, at__isnull=False).exists():
        yield (
            f"{one.source}: no checkpoint was published outside of tovgov: who rules over its database and its key"
            " could have written another history."
        )
    else:
        covered = Publication.objects.filter(
            checkpoint__tree=one.checkpoint.tree_id, checkpoint__number__gte=one.checkpoint.number, at__lte=scope.as_of
        )
        if not covered.exists():
            yield f"{one.source}: its newest checkpoint here had not been published outside when this was asked for."


def _retired(target: Target) -> list[str]:
    rows = RetiredRange.objects.filter(tree__source__target=target).select_related("tree__source").order_by("pk")
    return named(
        rows,
        lambda row: (
            f"{row.tree.source}: {row.count:,} entries were retired on {row.at:%Y-%m-%d} by {row.by}; those of"
            " the period, if any, are not here."
        ),
    )


def _verifications(scope: Scope, target: Target) -> Checked:
    runs = SealVerification.objects.filter(scope.during("queued_at"), target=target).order_by("pk")
    gap = f"{target}: tovgov did not read all sealed entries again in the period. Those here are checked by verify.py."
    return Checked(
        TOPIC,
        f"{target}: times that all seals were verified; was everything as it was sealed?",
        runs.count(),
        runs.count(),
        [f"{run.queued_at:%Y-%m-%d %H:%M} UTC: {fault}" for run in runs for fault in run.faults or ()]
        + [f"{run.queued_at:%Y-%m-%d %H:%M} UTC: it failed: {run.error}" for run in runs if run.state == "failed"],
        [] if runs.exists() else [gap],
    )


def _ledger(held: Held) -> Checked:
    found = held.chained
    if found is None:
        return Checked(TOPIC, "Ledger entries; do they follow each other?", 0, 0)
    total = found.whole + found.withheld
    gaps = []
    if found.withheld:
        gaps.append(
            f"{found.withheld:,} ledger entries concern other targets: their hashes carry the chain, without"
            " their words."
        )
    return Checked(TOPIC, "Ledger entries; do they follow each other (verify.py tells)?", total, found.whole, [], gaps)
