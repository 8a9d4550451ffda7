"""The seal of an import: the leaves it added to its source's tree and the root thereafter, kept in the ledger, whose
own chain holds it."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from audit import ledger
from audit.actors import Actor
from audit.models import AuditImport
from audit.seals import tree
from audit.seals.witnesses import SEALED


def note(run: AuditImport, first_leaf: int, count: int) -> None:
    """Note on ``run`` that it has appended ``count`` leaves from ``first_leaf`` on, in the transaction that did so."""
    row = AuditImport.objects.select_for_update(of=("self",), no_key=True).get(pk=run.pk)
    if row.first_leaf is None:
        row.first_leaf = first_leaf
    row.last_leaf = first_leaf + count - 1
    row.seal = tree.root(tree.tree_of(row.source)).hex()
    row.save(update_fields=["first_leaf", "last_leaf", "seal"])


def write(run: AuditImport, *, actor: Actor) -> None:
    """Seal what the import has stored, in the ledger; once. Nothing is written for an import that stored nothing."""
    with transaction.atomic():
        row = (
            AuditImport.objects.select_for_update(of=("self",), no_key=True)
            .select_related("source__target")
            .get(pk=run.pk)
        )
        if row.sealed_at is None and row.first_leaf is not None and row.last_leaf is not None:
            row.sealed_at = timezone.now()
            row.save(update_fields=["sealed_at"])
            ledger.append(
                SEALED,
                actor=actor,
                obj=row,
                target=row.target,
                target_id=row.target.pk,
                tree=str(tree.tree_of(row.source).uuid),
                first_leaf=row.first_leaf,
                last_leaf=row.last_leaf,
                size=row.last_leaf + 1,
                root=row.seal,
                rows=row.rows,
                records=row.records - row.known,
                first_at=row.first_at,
                last_at=row.last_at,
                to_position=row.to_position,
            )
    run.sealed_at = row.sealed_at


def write_left_over(run: AuditImport, *, actor: Actor) -> None:
    """Seal what earlier imports of the same source stored before they failed or were cancelled."""
    left = AuditImport.objects.filter(source=run.source, sealed_at=None, first_leaf__isnull=False).exclude(pk=run.pk)
    for row in left.order_by("pk"):
        write(row, actor=actor)
