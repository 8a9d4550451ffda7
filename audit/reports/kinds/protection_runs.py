"""Acts on protection: installations, removals and attacks, and how each attack's attempts ended."""

from __future__ import annotations

from typing import Any

from audit.lists.listing import Filter
from audit.lists.questions import one_of
from audit.models import JobState, ProtectionRun, RunKind
from audit.reports import gaps
from audit.reports.report import Column, Kind, Report, Scope, record_url, target_column
from audit.reports.rows import Statement

SQL = """
SELECT r.id, t.name AS target, r.target_id, r.kind, p.name || ' v' || p.version AS policy, r.state,
       r.asked_name AS asked_by, r.reason, r.queued_at, r.finished_at, r.approval_id, a.decided_name AS approved_by,
       r.error_code, o.attempts, o.refused, o.recorded, o.open, o.untried
  FROM ({runs}) r JOIN audit_target t ON t.id = r.target_id
  LEFT JOIN audit_protectionpolicy p ON p.id = r.policy_id
  LEFT JOIN audit_approval a ON a.id = r.approval_id
  LEFT JOIN LATERAL (
       SELECT count(*) AS attempts,
              count(*) FILTER (WHERE e->>'outcome' = 'refused') AS refused,
              count(*) FILTER (WHERE e->>'outcome' IN ('recorded', 'detected')) AS recorded,
              count(*) FILTER (WHERE e->>'outcome' = 'not covered') AS open,
              count(*) FILTER (WHERE e->>'outcome' = 'not tried') AS untried
         FROM jsonb_array_elements(r.report) e) o ON r.kind = 'attack'
"""
NEEDED = ("id", "target_id", "policy_id", "kind", "state", "asked_name", "reason", "queued_at", "finished_at",
          "approval_id", "error_code", "report")  # fmt: skip


def _found(scope: Scope) -> Any:
    return ProtectionRun.objects.filter(*scope.clause(), **scope.within("queued_at"), **scope.of_targets())


def _rows(scope: Scope) -> Statement:
    inner, values = _found(scope).order_by().values(*NEEDED).query.sql_with_params()
    return Statement(SQL.format(runs=inner), values, ("id",))


def _gaps(scope: Scope) -> list[str]:
    going = _found(scope).filter(state__in=[JobState.QUEUED, JobState.RUNNING]).count()
    return [*([f"{going:,} of these are not over yet."] if going else []), *gaps.of_targets(scope)]


REPORT = Report(
    name="protection-runs",
    title="Acts on protection and attacks",
    about="Who installed, removed or attacked protection, with whose approval, and how the attempts ended.",
    permissions=("audit.view_protectionrun", "audit.view_target"),
    columns=(
        Column("queued_at", "Asked", Kind.MOMENT, lambda row, scope: record_url("audit.ProtectionRun", row["id"])),
        target_column(),
        Column("kind", "Act"),
        Column("policy", "Policy"),
        Column("state", "State", Kind.STATE),
        Column("asked_by", "Asked by"),
        Column("approved_by", "Approved by", link=lambda row, scope: record_url("audit.Approval", row["approval_id"])),
        Column("reason", "Why"),
        Column("finished_at", "Ended", Kind.MOMENT),
        Column("error_code", "Error"),
        Column("attempts", "Attempts", Kind.NUMBER, lambda row, scope: record_url("audit.ProtectionRun", row["id"])),
        Column("refused", "Refused", Kind.NUMBER),
        Column("recorded", "Recorded or found", Kind.NUMBER),
        Column("open", "Not covered", Kind.NUMBER),
        Column("untried", "Not tried", Kind.NUMBER),
    ),
    rows=_rows,
    gaps=_gaps,
    sort="-queued_at",
    counted="the time it was asked for",
    paper=("queued_at", "target", "kind", "policy", "state", "asked_by", "attempts", "open"),
    filters=(
        Filter("kind", "Act", lambda text: one_of(text, "kind", RunKind.values), "choice",
               lambda: list(RunKind.choices)),
        Filter("state", "State", lambda text: one_of(text, "state", JobState.values), "choice",
               lambda: list(JobState.choices)),
    ),
)  # fmt: skip
