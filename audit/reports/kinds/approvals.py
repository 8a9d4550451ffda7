"""Approvals: who asked for what, who decided, and whether it was used."""

from __future__ import annotations

from typing import Any

from django.db.models import BigIntegerField, ExpressionWrapper, F, Q
from django.db.models.functions import Cast, Extract

from audit.lists.listing import Filter
from audit.lists.questions import one_of
from audit.models import Approval, ApprovalState
from audit.reports.report import Column, Kind, Report, Scope, record_url, target_column
from audit.reports.rows import Statement, of_queryset


def _found(scope: Scope) -> Any:
    return Approval.objects.filter(*scope.clause(), **scope.within("asked_at"), **scope.of_targets())


def _rows(scope: Scope) -> Statement:
    seconds = Extract(F("decided_at") - F("asked_at"), "epoch")
    return of_queryset(
        _found(scope),
        action="action",
        target="target__name",
        target_id="target_id",
        summary="summary",
        reason="reason",
        asked_by="asked_name",
        asked_at="asked_at",
        state="state",
        decided_by="decided_name",
        decided_at="decided_at",
        minutes=Cast(ExpressionWrapper(seconds / 60, output_field=BigIntegerField()), BigIntegerField()),
        note="note",
        used_at="used_at",
    )


def _gaps(scope: Scope) -> list[str]:
    rows = _found(scope)
    waiting = rows.filter(state=ApprovalState.WAITING).count()
    gone = rows.filter(target=None).count()
    found = [f"{waiting:,} of these wait for a decision."] if waiting else []
    return found + ([f"{gone:,} of these name no target that is still there."] if gone else [])


REPORT = Report(
    name="approvals",
    title="Approvals",
    about="What needed a second person: who asked and why, who decided, when, and whether the approval was used.",
    permissions=("audit.view_approval",),
    columns=(
        Column("action", "Act", link=lambda row, scope: record_url("audit.Approval", row["id"])),
        target_column(),
        Column("summary", "What exactly"),
        Column("reason", "Why"),
        Column("asked_by", "Asked by"),
        Column("asked_at", "Asked", Kind.MOMENT),
        Column("state", "State", Kind.STATE),
        Column("decided_by", "Decided by"),
        Column("decided_at", "Decided", Kind.MOMENT),
        Column("minutes", "After, min", Kind.NUMBER),
        Column("note", "Note"),
        Column("used_at", "Used", Kind.MOMENT),
    ),
    rows=_rows,
    gaps=_gaps,
    sort="-asked_at",
    counted="the time it was asked for",
    paper=("action", "target", "summary", "asked_by", "asked_at", "state", "decided_by"),
    filters=(
        Filter("state", "State", lambda text: one_of(text, "state", ApprovalState.values), "choice",
               lambda: list(ApprovalState.choices)),
        Filter("action", "Act", lambda text: Q(action__istartswith=text), hint="restore"),
        Filter("person", "Person", lambda text: Q(asked_name=text) | Q(decided_name=text)),
    ),
)  # fmt: skip
