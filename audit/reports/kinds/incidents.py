"""Incidents: what happened, how long it took, what was lost and what proves that it came back."""

from __future__ import annotations

from typing import Any

from django.db.models import BigIntegerField, CharField, ExpressionWrapper, F, Q, Value
from django.db.models.functions import Cast, Concat, Extract, Greatest

from audit.lists.listing import Filter
from audit.lists.questions import one_of
from audit.models import Incident, IncidentKind, IncidentStatus, Severity
from audit.models.incidents import UNRESOLVED
from audit.reports import gaps
from audit.reports.report import Column, Kind, Report, Scope, record_url, target_column
from audit.reports.rows import Statement, of_queryset

MODEL = "audit.Incident"


def _minutes(since: str, until: str) -> Any:
    """Whole minutes between two stamps."""
    seconds = Extract(F(until) - F(since), "epoch")
    return Cast(ExpressionWrapper(seconds / 60, output_field=BigIntegerField()), BigIntegerField())


def _found(scope: Scope) -> Any:
    return Incident.objects.filter(*scope.clause(), **scope.within("opened_at"), **scope.of_targets())


def _rows(scope: Scope) -> Statement:
    return of_queryset(
        _found(scope),
        code=Concat(Value("INC-"), Cast("number", CharField())),
        title="title",
        target="target__name",
        target_id="target_id",
        kind="kind",
        severity="severity",
        status="status",
        opened_at="opened_at",
        began_at="began_at",
        detected_at="detected_at",
        resolved_at="resolved_at",
        to_detect=_minutes("began_at", "detected_at"),
        to_acknowledge=_minutes("detected_at", "acknowledged_at"),
        to_resolve=_minutes("detected_at", "resolved_at"),
        lost="lost_rows",
        returned="returned_rows",
        still_lost=Greatest(F("lost_rows") - F("returned_rows"), Value(0)),
        proof="proof_line",
        lead="lead_name",
    )


def _gaps(scope: Scope) -> list[str]:
    rows = _found(scope)
    running = rows.filter(status__in=UNRESOLVED).count()
    unknown = rows.filter(lost_rows=None, kind__in=[IncidentKind.DATA_LOSS, IncidentKind.DROPPED, IncidentKind.SYNC])
    unstamped = rows.filter(began_at=None).count()
    found = []
    if running:
        found.append(f"{running:,} of these are not resolved yet: their figures may change.")
    if unknown.exists():
        found.append(f"The loss of {unknown.count():,} of these was not computed: it counts nowhere.")
    if unstamped:
        found.append(f"When the impact of {unstamped:,} of these began is not known: they have no time to detect.")
    return [*found, *gaps.of_targets(scope)]


REPORT = Report(
    name="incidents",
    title="Incidents",
    about="Every incident with its stamps, how long it took, what was lost, what came back and what proves it.",
    permissions=("audit.view_incident", "audit.view_target"),
    columns=(
        Column("code", "Number", link=lambda row, scope: record_url(MODEL, row["id"])),
        Column("title", "What"),
        target_column(),
        Column("kind", "Kind"),
        Column("severity", "Severity", Kind.STATE),
        Column("status", "Status", Kind.STATE),
        Column("opened_at", "Opened", Kind.MOMENT),
        Column("began_at", "Began", Kind.MOMENT),
        Column("detected_at", "Detected", Kind.MOMENT),
        Column("resolved_at", "Resolved", Kind.MOMENT),
        Column("to_detect", "To detect, min", Kind.NUMBER),
        Column("to_acknowledge", "To acknowledge, min", Kind.NUMBER),
        Column("to_resolve", "To resolve, min", Kind.NUMBER),
        Column("lost", "Rows lost", Kind.NUMBER),
        Column("returned", "Rows back", Kind.NUMBER),
        Column("still_lost", "Rows still gone", Kind.NUMBER),
        Column("proof", "Proof"),
        Column("lead", "Lead"),
    ),
    rows=_rows,
    gaps=_gaps,
    sort="-opened_at",
    counted="the time it was opened",
    paper=("code", "title", "severity", "status", "opened_at", "to_resolve", "lost", "returned"),
    filters=(
        Filter("kind", "Kind", lambda text: one_of(text, "kind", IncidentKind.values), "choice",
               lambda: list(IncidentKind.choices)),
        Filter("status", "Status", lambda text: one_of(text, "status", IncidentStatus.values), "choice",
               lambda: list(IncidentStatus.choices)),
        Filter("severity", "Severity", lambda text: one_of(text, "severity", Severity.values), "choice",
               lambda: list(Severity.choices)),
        Filter("text", "Words", lambda text: Q(title__icontains=text) | Q(reason__icontains=text)),
    ),
)  # fmt: skip
