"""Activity in tovgov: the ledger of a period."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from audit.ledger import FAULT
from audit.lists.ledger_entries import FAMILIES
from audit.lists.listing import Filter
from audit.models import LedgerEntry
from audit.reports.report import Column, Kind, Report, Scope, record_url
from audit.reports.rows import Statement, of_queryset


def _found(scope: Scope) -> Any:
    names = {"target__in": [target.name for target in scope.targets]} if scope.targets else {}
    return LedgerEntry.objects.filter(*scope.clause(), **scope.within("at"), **names)


def _rows(scope: Scope) -> Statement:
    fields = ("at", "actor", "source", "action", "object_type", "object_id", "object_label", "target", "reason")
    return of_queryset(_found(scope), key="number", **{name: name for name in fields})


def _gaps(scope: Scope) -> list[str]:
    first = LedgerEntry.objects.order_by("number").values_list("number", "at").first()
    if first is None:
        return ["The ledger is empty."]
    found = [] if first[1] <= scope.span[0] else [f"The ledger begins on {scope.moment(first[1])}."]
    faults = LedgerEntry.objects.filter(action=FAULT, **scope.within("at")).values_list("number", flat=True)
    found += [f"Entry {number} records that the chain before it was not what was sealed." for number in faults[:20]]
    return found + (_missing(scope) if scope.end and scope.end > first[1] else [])


def _missing(scope: Scope) -> list[str]:
    """Numbers that are not there: the ends of the period are looked up, and what lies between is counted."""
    rows = LedgerEntry.objects.filter(**scope.within("at"))
    first = rows.order_by("number").values_list("number", flat=True).first()
    last = rows.order_by("-number").values_list("number", flat=True).first()
    if first is None or last is None:
        return []
    there = LedgerEntry.objects.filter(number__gte=first, number__lte=last).count()
    missing = last - first + 1 - there
    return [f"{missing:,} entries of the period are missing: run manage.py ledger verify."] if missing else []


def _link(row: Any, scope: Scope) -> str:
    return record_url("audit.LedgerEntry", row["number"])


REPORT = Report(
    name="activity",
    title="Activity in tovgov",
    about="Every entry of the ledger: who did what in tovgov, on which object, why and from where.",
    permissions=("audit.view_ledgerentry",),
    columns=(
        Column("number", "Entry", Kind.NUMBER, _link),
        Column("at", "At", Kind.MOMENT),
        Column("actor", "Person"),
        Column("source", "From"),
        Column("action", "Act"),
        Column("object_type", "Kind of object"),
        Column("object_id", "Its id"),
        Column("object_label", "Object"),
        Column("target", "Target"),
        Column("reason", "Reason"),
    ),
    rows=_rows,
    gaps=_gaps,
    sort="-number",
    counted="the time of the entry",
    paper=("number", "at", "actor", "action", "object_label", "target", "reason"),
    filters=(
        Filter("actor", "Person", lambda text: Q(actor=text)),
        Filter(
            "family", "Kind of act", lambda text: Q(action__startswith=f"{text}."), "choice",
            lambda: [(name, name.capitalize()) for name in FAMILIES],
        ),
        Filter("action", "Act", lambda text: Q(action=text), hint="export.direct"),
        Filter("source", "From", lambda text: Q(source__startswith=text), hint="admin 10.0.0.7"),
    ),
)  # fmt: skip
