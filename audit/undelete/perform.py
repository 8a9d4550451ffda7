"""The worker's part: all rows in one transaction of the target, proved before its commit; or nothing.

Before the commit the number of the target's transaction is noted here. A worker that was killed in between leaves no
doubt: the target itself says whether that transaction came to be.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
from django.db import transaction
from django.db.models import F
from psycopg import sql

from audit import ledger, targets
from audit.actors import Actor
from audit.exceptions import UndeleteProofFailed
from audit.models import OPEN_STATES, DeleteAuditLog, DeleteAuditTransaction, Purpose, Undelete
from audit.postgres import queries
from audit.progress import Progress
from audit.undelete.engine import Terms, Work
from audit.undelete.request import rows_of
from audit.undelete.shape import load
from audit.undelete.staging import Deleted

BATCH = 500  # rows read at a time from tovgov's own database
ABOUT = timedelta(hours=1)
PROOFS = ("reads_differently", "changed_by_trigger")


def perform(undelete: Undelete, progress: Progress) -> None:
    """Put the rows back, or, as a dry run, put them back and take all of it back.

    Raises ``UndeleteRefused`` or ``UndeleteProofFailed``; the target is then as it was.
    """
    actor = _actor(undelete)
    settle_all(undelete, actor)
    with targets.connected(undelete.target, Purpose.OPERATE, actor=actor) as connection:
        progress.on_cancel(connection.cancel)
        work = Work(connection, Terms(undelete.on_conflict, tuple(undelete.accept)), progress)
        with connection.transaction(force_rollback=undelete.dry_run):
            plan = tell_parents(undelete, work.run(deleted_rows(undelete)))
            Undelete.objects.filter(pk=undelete.pk).update(plan=plan)
            if not undelete.dry_run:
                require(work)
                note(undelete, connection, work)
            progress.conclude()
    if undelete.dry_run:
        progress.log(f"{plan['put']} of {plan['rows']} rows would come back; all of it was taken back.")
        return
    book(undelete, actor=actor)
    progress.log(f"{plan['put']} of {plan['rows']} rows are back, and equal to those deleted.")


def tell_parents(undelete: Undelete, plan: dict[str, Any]) -> dict[str, Any]:
    """Where parents are missing, name other transactions that deleted from their table at about that time."""
    findings = [f for table in plan["tables"] for f in table["findings"]] + plan["refusals"]
    for finding in (f for f in findings if f["code"] == "parent_missing"):
        example = finding["examples"][0]
        at = DeleteAuditLog.objects.values_list("at", flat=True).get(pk=example["log"])
        others = DeleteAuditTransaction.objects.filter(
            target=undelete.target, at__range=(at - ABOUT, at + ABOUT), tables__has_key=example["parent"]
        ).exclude(pk__in=undelete.transactions.values("pk"))
        numbers = [str(pk) for pk in others.order_by("-at", "-pk").values_list("pk", flat=True)[:3]]
        if numbers:
            finding["sentence"] += f" Deletes of {example['parent']} at about that time: {', '.join(numbers)}."
    return plan


def require(work: Work) -> None:
    """Raise ``UndeleteProofFailed`` when a row is not the one deleted, ``UndeleteRefused`` for all else."""
    for refusal in work.refusals():
        if refusal["code"] in PROOFS:
            raise UndeleteProofFailed(f"{refusal['table']}: {refusal['sentence']}", refusals=work.refusals())
    work.require()


def deleted_rows(undelete: Undelete) -> Iterator[Deleted]:
    """The rows as the log has them, oldest first, a few at a time."""
    names = ("pk", "of_transaction_id", "table_oid", "table_schema", "table_name", "masked", "row")
    for log, of, oid, schema, name, masked, row in rows_of(undelete).values_list(*names).iterator(BATCH):
        yield Deleted(log, of, oid, schema, name, tuple(masked), row)


def _actor(undelete: Undelete) -> Actor:
    return Actor(name=undelete.asked_name, source=f"worker {undelete.worker}", user=undelete.asked_by)


# --- what became of it ----------------------------------------------------------------------------------------------


def note(undelete: Undelete, connection: psycopg.Connection, work: Work) -> None:
    """Write down, before the commit, which transaction of the target it is and what it does."""
    row = connection.execute(queries.read("undelete/transaction_id")).fetchone()
    assert row is not None
    undelete.target_transaction = int(row[0])
    undelete.report = {"put": {str(pk): rows for pk, rows in work.by_transaction().items()}}
    undelete.save(update_fields=["target_transaction", "report"])


def book(undelete: Undelete, *, actor: Actor) -> None:
    """Count the rows that are back and seal it in the ledger, once."""
    with transaction.atomic():
        if not Undelete.objects.filter(pk=undelete.pk, outcome="").update(outcome="committed"):
            return
        undelete.refresh_from_db(fields=["plan", "report", "outcome"])
        for pk, rows in undelete.report["put"].items():
            DeleteAuditTransaction.objects.filter(pk=int(pk)).update(undeleted=F("undeleted") + rows)
        ledger.append(
            "undelete.proved",
            actor=actor,
            obj=undelete,
            target=undelete.target,
            reason=undelete.reason,
            put=undelete.plan["put"],
            there=undelete.plan["there"],
            accept=undelete.accept,
            tables=[_sealed(table) for table in undelete.plan["tables"]],
            target_transaction=undelete.target_transaction,
            approval=undelete.approval_id,
        )


def _sealed(table: dict[str, Any]) -> dict[str, Any]:
    return {name: table[name] for name in ("table", "into", "rows", "put", "sha256")}


def settle_all(undelete: Undelete, actor: Actor) -> None:
    """Learn what became of earlier ones whose worker died between the target's commit and our note of it."""
    left = Undelete.objects.filter(target=undelete.target, dry_run=False, outcome="", target_transaction__isnull=False)
    for earlier in left.exclude(pk=undelete.pk).exclude(state__in=OPEN_STATES):
        settle(earlier, actor=actor)


def settle(undelete: Undelete, *, actor: Actor | None = None) -> None:
    """Ask the target whether the noted transaction came to be, and count its rows when it did."""
    if undelete.target_transaction is None or undelete.outcome:
        return
    actor = actor or Actor.system("reaper")
    with targets.connected(undelete.target, Purpose.OPERATE, actor=actor) as connection:
        number = sql.Literal(undelete.target_transaction)
        row = connection.execute(load("transaction_outcome", transaction=number)).fetchone()
    said = row[0] if row else None
    if said == "committed":
        book(undelete, actor=actor)
    elif said != "in progress":
        outcome = "rolled back" if said == "aborted" else "unknown"
        Undelete.objects.filter(pk=undelete.pk, outcome="").update(outcome=outcome)
