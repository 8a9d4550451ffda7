"""The list of the ledger."""

from __future__ import annotations

from django.db.models import Q

from audit.lists.listing import Column, Filter, Listing, since, until
from audit.lists.questions import anywhere
from audit.models import LedgerEntry

FAMILIES = (
    "action", "alert", "approval", "backup", "client", "data", "destination", "export", "import", "incident", "ledger",
    "lesson", "protection", "report", "restore", "retention", "review", "runbook", "schedule", "target", "token",
    "undelete", "user", "verification", "window",
)  # fmt: skip
SEARCHED = ("actor", "action", "object_label", "target", "reason")


def _search(text: str) -> Q:
    is_number = text.isdecimal() and len(text) < 19
    return anywhere(text, SEARCHED) | (Q(number=int(text)) if is_number else Q())


LEDGER = Listing(
    page="audit_ledgerentry",
    model=LedgerEntry,
    order=("number",),
    filters=(
        Filter("q", "Search", _search, hint="Number, person, act, object, target or reason"),
        Filter(
            "family",
            "Kind of act",
            lambda text: Q(action__startswith=f"{text}."),
            "choice",
            lambda: [(name, name.capitalize()) for name in FAMILIES],
        ),
        Filter("actor", "Person", lambda text: Q(actor=text)),
        Filter("target", "Target", lambda text: Q(target=text)),
        since("at"),
        until("at"),
    ),
    columns=(
        Column("number", "number", is_text=False),
        Column("at", "at", is_text=False),
        Column("actor", "actor"),
        Column("source", "source"),
        Column("action", "action"),
        Column("object_type", "object_type"),
        Column("object_id", "object_id"),
        Column("object_label", "object_label"),
        Column("target", "target"),
        Column("reason", "reason"),
        Column("detail", "detail", is_text=False),
        Column("hash", "hash"),
    ),
    export_permission="audit.export_ledger",
)
