"""Ask for rows to be put back: which, on what terms; a dry run first, then the act, with approval on production."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit import approvals, jobs, ledger
from audit.actors import Actor
from audit.exceptions import DryRunMissing, NothingToUndelete, ReasonMissing, UndeleteRefused, UndeleteRunning
from audit.models import Approval, DeleteAuditLog, DeleteAuditTransaction, JobState, Target, Undelete
from audit.undelete.findings import ACCEPTABLE

ACTION = "undelete.put_back"
UNDELETE = "audit.undelete"
TASK = "audit.tasks.run_undelete"
DRY_RUN_HOURS = 24
"""A dry run older than this is no longer the one that was looked at."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Which rows, and on what terms. ``rows`` are keys of ``DeleteAuditLog``; without any, all rows are meant."""

    transactions: tuple[int, ...]
    rows: tuple[int, ...] = ()
    on_conflict: str = "refuse"
    accept: tuple[str, ...] = ()

    def what(self, target: Target) -> dict[str, Any]:
        """The exact act, for the approval and for the dry run that must precede it."""
        return {
            "target": target.pk,
            "transactions": list(self.transactions),
            "rows": list(self.rows),
            "on_conflict": self.on_conflict,
            "accept": list(self.accept),
        }


def wish(
    transactions: Collection[int] = (),
    rows: Collection[int] = (),
    *,
    on_conflict: str = "refuse",
    accept: Collection[str] = (),
) -> tuple[Target, Wish]:
    """The target and the rows that are meant. ``rows`` alone name their transactions by themselves.

    Raises ``NothingToUndelete``: nothing is known by these numbers, they are of several targets, or a row is of
    another transaction; and for an unknown word in ``accept``.
    """
    unknown = set(accept) - set(ACCEPTABLE)
    if unknown or on_conflict not in ("refuse", "skip"):
        raise NothingToUndelete(f"These are no terms: {', '.join(sorted(unknown)) or on_conflict}.",
                                hint=f"What can be accepted: {', '.join(sorted(ACCEPTABLE))}.")  # fmt: skip
    of_rows = dict(DeleteAuditLog.objects.filter(pk__in=rows).values_list("pk", "of_transaction_id"))
    missing = sorted(set(rows) - set(of_rows))
    if missing:
        raise NothingToUndelete(f"There is no deleted row {missing[0]}.")
    chosen = set(transactions) or set(of_rows.values())
    strange = [pk for pk, of in of_rows.items() if of not in chosen]
    if strange:
        raise NothingToUndelete(f"The deleted row {strange[0]} is of another transaction.")
    found = list(DeleteAuditTransaction.objects.filter(pk__in=chosen).select_related("target"))
    if not found or len(found) < len(chosen):
        raise NothingToUndelete(f"There is no delete transaction {min(chosen - {t.pk for t in found}, default='')}.")
    if len({t.target_id for t in found}) > 1:
        raise NothingToUndelete("These transactions are of several targets; put each target's back by itself.")
    terms = Wish(tuple(sorted(chosen)), tuple(sorted(of_rows)), on_conflict, tuple(sorted(set(accept))))
    return found[0].target, terms


def rows_of(undelete: Undelete) -> QuerySet[DeleteAuditLog]:
    """The deleted rows that are meant, oldest first."""
    rows = DeleteAuditLog.objects.filter(of_transaction__in=undelete.transactions.values("pk"))
    if undelete.rows:
        rows = rows.filter(pk__in=undelete.rows)
    return rows.order_by("at", "record", "position", "pk")


def dry_run(target: Target, wanted: Wish, *, actor: Actor, reason: str = "") -> Undelete:
    """Queue a dry run: it puts the rows back, proves them, and takes all of it back. Raises ``NotPermitted``."""
    actor.require(UNDELETE)
    return _start(target, wanted, actor=actor, reason=reason, dry=True)


def request(target: Target, wanted: Wish, *, actor: Actor, reason: str) -> Undelete:
    """Queue the act itself.

    Raises ``NotPermitted``, ``ReasonMissing``, ``DryRunMissing``, ``UndeleteRefused`` (by the dry run),
    ``UndeleteRunning`` and, on production, ``ApprovalMissing`` (then ``ask_approval``).
    """
    actor.require(UNDELETE)
    _require_reason(reason)
    require_dry_run(target, wanted)
    with jobs.only_one("one_open_undelete_a_target", UndeleteRunning()):
        return _start(target, wanted, actor=actor, reason=reason, dry=False)


def ask_approval(target: Target, wanted: Wish, *, actor: Actor, reason: str) -> Approval:
    """Ask a second person to approve exactly this, with the dry run to decide on. Raises as ``request`` does."""
    actor.require(UNDELETE)
    _require_reason(reason)
    plan = require_dry_run(target, wanted).plan
    tables = [{name: table[name] for name in ("table", "into", "rows", "put", "there")} for table in plan["tables"]]
    said = [f"{f['table']}: {f['sentence']}" for table in plan["tables"] for f in table["findings"]]
    return approvals.request(
        ACTION,
        actor=actor,
        target=target,
        what=wanted.what(target),
        summary=f"Put {plan['put']} deleted rows back into {target}.",
        reason=reason,
        detail={"tables": tables, "findings": said, "on_conflict": wanted.on_conflict, "accept": list(wanted.accept)},
    )


def require_dry_run(target: Target, wanted: Wish) -> Undelete:
    """The newest dry run of exactly this. Raises ``DryRunMissing``, and ``UndeleteRefused`` when it ended so."""
    mark = approvals.fingerprint(ACTION, wanted.what(target))
    since = timezone.now() - timedelta(hours=DRY_RUN_HOURS)
    runs = Undelete.objects.filter(fingerprint=mark, dry_run=True, state=JobState.SUCCEEDED, finished_at__gte=since)
    found: Undelete | None = runs.order_by("-finished_at").first()
    if found is None:
        raise DryRunMissing
    refusals = found.plan["refusals"]
    if refusals:
        raise UndeleteRefused(f"{refusals[0]['table']}: {refusals[0]['sentence']}", refusals=refusals)
    return found


def wish_of(undelete: Undelete) -> Wish:
    """What an undelete was asked to do, to ask for it again."""
    transactions: Sequence[int] = sorted(undelete.transactions.values_list("pk", flat=True))
    return Wish(tuple(transactions), tuple(undelete.rows), undelete.on_conflict, tuple(undelete.accept))


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise ReasonMissing


def _start(target: Target, wanted: Wish, *, actor: Actor, reason: str, dry: bool) -> Undelete:
    what = wanted.what(target)
    with transaction.atomic():
        needs_approval = target.is_production and not dry
        approval = approvals.require(ACTION, actor=actor, what=what) if needs_approval else None
        undelete: Undelete = Undelete.objects.create(
            target=target,
            rows=list(wanted.rows),
            on_conflict=wanted.on_conflict,
            accept=list(wanted.accept),
            fingerprint=approvals.fingerprint(ACTION, what),
            dry_run=dry,
            approval=approval,
            **jobs.asked(actor),
            reason=reason,
        )
        undelete.transactions.set(wanted.transactions)
        verb = "undelete.dry_run" if dry else ACTION
        ledger.append(verb, actor=actor, obj=undelete, target=target, reason=reason, what=what)
        jobs.enqueue(undelete, TASK)
    return undelete
