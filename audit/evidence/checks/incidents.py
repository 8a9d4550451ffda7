"""How incidents were answered, and what was learned."""

from __future__ import annotations

from collections.abc import Iterator

from audit.evidence.held import Held
from audit.evidence.scope import Scope
from audit.models import Incident, Target
from audit.models.incidents import STAMPS
from audit.registry import Checked

ANSWERED, LEARNED = "response", "learning"


def check(scope: Scope, held: Held) -> Iterator[Checked]:
    for target in scope.targets:
        rows = list(
            Incident.objects.filter(scope.open_during("opened_at", "closed_at"), target=target).order_by("number")
        )
        yield Checked(
            ANSWERED,
            f"{target}: incidents; were they resolved, with their times, and with a proof where rows were lost?",
            len(rows),
            len(rows),
            [fault for row in rows for fault in _unanswered(row)],
            [gap for row in rows for gap in _unknown(row, target)],
        )
        yield Checked(
            LEARNED,
            f"{target}: incidents that were resolved; were they reviewed, with causes, within the target's goals?",
            len(rows),
            len([row for row in rows if not row.is_open]),
            [fault for row in rows if not row.is_open for fault in _unlearned(row, target)],
            _no_goals(target),
        )


def _unanswered(row: Incident) -> Iterator[str]:
    if row.is_open:
        yield f"{row.code} is not resolved ({row.get_status_display().lower()})."
    if row.is_open and not row.lead_name:
        yield f"{row.code} has no lead."
    if row.acceptance_id and not row.proof_at:
        yield f"{row.code}: the loss was accepted, not made good."


def _unknown(row: Incident, target: Target) -> Iterator[str]:
    missing = [name.removesuffix("_at") for name in STAMPS if getattr(row, name) is None]
    if missing and not row.is_open:
        yield f"{row.code}: it is not known when it {', '.join(missing)}.".replace("it began", "it began")
    if row.is_lossy and row.lost_rows is None:
        yield f"{row.code}: how many rows were lost is not known."


def _unlearned(row: Incident, target: Target) -> Iterator[str]:
    if row.reviewed_at is None:
        yield f"{row.code} was not reviewed."
    if not row.causes and not row.root_causes:
        yield f"{row.code}: no cause is named."
    for name, goal, found in (
        ("RTO", target.rto_goal_minutes, row.rto_seconds),
        ("RPO", target.rpo_goal_minutes, row.rpo_seconds),
    ):
        if goal and found is not None and found > goal * 60:
            yield f"{row.code}: {name} was {found / 60:,.0f} minutes, the goal is {goal:,}."


def _no_goals(target: Target) -> list[str]:
    goals = {"RPO": target.rpo_goal_minutes, "RTO": target.rto_goal_minutes}
    return [f"{target}: no goal for {name} is set." for name, goal in goals.items() if goal is None]
