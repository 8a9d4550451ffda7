"""The seal of an import: a SHA-256 chained over its records in the order in which they were stored, each with its
rows and the facts of its transaction. It is kept in the ledger, whose own chain holds it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit import ledger
from audit.actors import Actor
from audit.exceptions import SealBroken
from audit.models import AuditImport, DeleteAuditLog, DeleteAuditTransaction, LedgerEntry, Target

SEALED = "imports.sealed"
VERIFY = "audit.view_auditimport"
START = "0" * 64
FETCH = 100  # rows at a time; one may be a hundred megabytes


class Chain:
    """The seal as it grows. ``state`` is 64 hex digits."""

    def __init__(self, state: str) -> None:
        self.state = state or START
        self._hash: Any = None

    def record(self, head: str) -> None:
        """Begin a record."""
        self.close()
        self._hash = hashlib.sha256(f"{self.state}\n{head}\n".encode())

    def row(self, position: int, key: str, text: str) -> None:
        """Add a row of the record."""
        raw, known = text.encode(), key.encode()
        self._hash.update(b"%d %d %d\n" % (position, len(known), len(raw)))
        self._hash.update(known)
        self._hash.update(raw)

    def close(self) -> str:
        """End the last record; the seal so far."""
        if self._hash is not None:
            self.state, self._hash = self._hash.hexdigest(), None
        return self.state


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def head_of(
    of: DeleteAuditTransaction, record: int, at: datetime, verb: str, table: tuple[int, str, str], masked: list[str],
    query: str,
) -> str:  # fmt: skip
    """The facts of one record and of its transaction, as the seal sees them: one line of JSON."""
    facts = [
        of.transaction, of.incarnation, _moment(of.at), of.session_role, of.role_in_force, of.application_user,
        of.client_address, of.application_name, of.query, record, _moment(at), verb, *table, masked, query,
    ]  # fmt: skip
    return json.dumps(facts, ensure_ascii=False)


def write(run: AuditImport, *, actor: Actor) -> None:
    """Seal what the import has stored, in the ledger; once. Nothing is written for an import that stored nothing."""
    with transaction.atomic():
        row = AuditImport.objects.select_for_update().select_related("source__target").get(pk=run.pk)
        if row.sealed_at is None and row.first_row is not None:
            row.sealed_at = timezone.now()
            row.save(update_fields=["sealed_at"])
            ledger.append(
                SEALED,
                actor=actor,
                obj=row,
                target=row.target,
                target_id=row.target.pk,
                first_row=row.first_row,
                last_row=row.last_row,
                rows=row.rows,
                records=row.records - row.known,
                first_at=row.first_at,
                last_at=row.last_at,
                to_position=row.to_position,
                seal=row.seal,
            )
    run.sealed_at = row.sealed_at


def write_left_over(run: AuditImport, *, actor: Actor) -> None:
    """Seal what earlier imports of the same source stored before they failed or were cancelled."""
    left = AuditImport.objects.filter(source=run.source, sealed_at=None, first_row__isnull=False).exclude(pk=run.pk)
    for row in left.order_by("pk"):
        write(row, actor=actor)


# --- proving it ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was read again, and every fault; sound when there is none."""

    imports: int
    rows: int
    faults: list[str]

    @property
    def is_sound(self) -> bool:
        return not self.faults


def verify(target: Target, *, actor: Actor) -> Verdict:
    """Read every imported row of ``target`` again and compare it with the seals in the ledger. Takes as long as
    reading the rows. Raises ``NotPermitted``. The ledger itself is verified by ``manage.py ledger verify``."""
    actor.require(VERIFY)
    faults: list[str] = []
    seals = LedgerEntry.objects.filter(action=SEALED, object_type=AuditImport._meta.label)
    imports = rows = 0
    with transaction.atomic():
        for entry in seals.filter(detail__target_id=target.pk).order_by("number").iterator():
            found = recompute(target, entry.detail["first_row"], entry.detail["last_row"])
            faults += _differences(entry, found)
            imports, rows = imports + 1, rows + found[1]
        faults += _strangers(target, rows)
    return Verdict(imports, rows, faults)


def required(verdict: Verdict) -> Verdict:
    """``verdict``, when it is sound. Raises ``SealBroken``."""
    if not verdict.is_sound:
        raise SealBroken(" ".join(verdict.faults), faults=verdict.faults)
    return verdict


def _differences(entry: LedgerEntry, found: tuple[str, int]) -> Iterator[str]:
    seal, rows = found
    label = f"Import {entry.object_id} of {entry.at:%Y-%m-%d %H:%M} UTC (ledger entry {entry.number})"
    if rows < entry.detail["rows"]:
        yield f"{label}: {entry.detail['rows'] - rows} of {entry.detail['rows']} rows are gone."
    elif rows > entry.detail["rows"]:
        yield f"{label}: {rows - entry.detail['rows']} rows were put among its own."
    elif seal != entry.detail["seal"]:
        yield f"{label}: a row, or a fact of its transaction, was altered."


def _strangers(target: Target, sealed: int) -> Iterator[str]:
    """Rows that no import brought; those of an import that is not sealed yet are none."""
    every = DeleteAuditLog.objects.filter(target=target)
    waiting = AuditImport.objects.filter(source__target=target, sealed_at=None, first_row__isnull=False)
    open_rows = sum(
        every.filter(id__range=ends).count() for ends in waiting.values_list("first_row", "last_row")
    )  # fmt: skip
    strange = every.count() - sealed - open_rows
    if strange > 0:
        yield f"{strange} rows of {target} were brought by no import."


def recompute(target: Target, first_row: int, last_row: int) -> tuple[str, int]:
    """The seal over the rows of ``target`` with these ids, and how many there are."""
    chain, count, before = Chain(""), 0, None
    for of, row in _stored(target, first_row, last_row):
        facts = (of.pk, row.record, row.at, row.verb, row.table_oid, row.table_schema, row.table_name, row.masked)
        if before is None or facts[:2] != before[:2]:
            chain.record(head_of(of, *facts[1:4], facts[4:7], row.masked, row.query))
        elif facts != before or row.query:
            chain.record("A row differs from the others of its record.")
        chain.row(row.position, row.key, row.row)
        before, count = facts, count + 1
    return chain.close(), count


def _stored(target: Target, first_row: int, last_row: int) -> Iterator[tuple[DeleteAuditTransaction, DeleteAuditLog]]:
    found = DeleteAuditLog.objects.filter(target=target, id__range=(first_row, last_row)).order_by("id")
    rows = found.iterator(FETCH)
    while batch := list(islice(rows, FETCH)):
        owners = DeleteAuditTransaction.objects.in_bulk({row.of_transaction_id for row in batch})
        yield from ((owners[row.of_transaction_id], row) for row in batch)
