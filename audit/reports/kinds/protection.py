"""Protection: what each target has now, what is wrong with it, and how its last attack ended."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db.models import Q

from audit.lists.listing import Filter
from audit.models import JobState, Protection, ProtectionRun, RunKind, Target
from audit.reports import gaps
from audit.reports.report import Column, Kind, Report, Row, Scope, record_url, target_column
from audit.reports.rows import Listed

STATES = (("whole", "Whole"), ("wrong", "Something is wrong"), ("none", "Not protected"))


def _rows(scope: Scope) -> Listed:
    wanted = scope.answers.get("state", "")
    rows = [_row(target) for target in scope.all_targets()]
    return Listed([row for row in rows if wanted in ("", row["state"])])


def _row(target: Target) -> dict[str, Any]:
    found = Protection.objects.filter(target=target).select_related("policy").first()
    attack = _last_attack(target)
    held = Counter(result["outcome"] for result in attack.report) if attack else Counter()
    wrong = found.wrong if found else []
    is_installed = bool(found and found.is_installed)
    return {
        "id": target.pk,
        "target_id": target.pk,
        "target": target.name,
        "environment": target.environment,
        "state": "none" if not is_installed else "wrong" if wrong else "whole",
        "policy": str(found.policy) if found and found.policy else "",
        "installed_at": found.installed_at if found else None,
        "installed_by": found.installed_by if found else "",
        "verified_at": found.verified_at if found else None,
        "findings": len(wrong),
        "wrong": "; ".join(f"{one['object']}: {one['status']}" for one in wrong)[:400],
        "protection_id": found.pk if found else None,
        "attack_id": attack.pk if attack else None,
        "attacked_at": attack.finished_at if attack else None,
        "attempts": sum(held.values()) if attack else None,
        "refused": held["refused"] if attack else None,
        "recorded": held["recorded"] + held["detected"] if attack else None,
        "open": held["not covered"] if attack else None,
        "untried": held["not tried"] if attack else None,
    }


def _last_attack(target: Target) -> ProtectionRun | None:
    """The last one that has a report: one that found a broken promise has failed and has one."""
    runs = ProtectionRun.objects.filter(target=target, kind=RunKind.ATTACK).exclude(report=[])
    found: ProtectionRun | None = runs.exclude(state=JobState.RUNNING).order_by("-finished_at", "-id").first()
    return found


def _gaps(scope: Scope) -> list[str]:
    found: list[str] = []
    for target in scope.all_targets():
        row = Protection.objects.filter(target=target).first()
        if row is None or not row.is_installed:
            continue
        if row.verified_at is None:
            found.append(f"{target}: what is installed was never verified.")
        elif (scope.now - row.verified_at).days >= 1:
            found.append(f"{target}: its catalogues were last read {scope.moment(row.verified_at)}.")
        if _last_attack(target) is None:
            found.append(f"{target}: its protection was never attacked, so nobody has tried what it promises.")
    return [*gaps.of_targets(scope), *gaps.some(found, "of this kind")]


def _state(answer: str) -> Any:
    if answer not in dict(STATES):
        raise ValueError(f"“{answer[:40]}” is none of them.")
    return Q()


def _run(row: Row, scope: Scope) -> str:
    return record_url("audit.ProtectionRun", row["attack_id"])


REPORT = Report(
    name="protection",
    title="Protection",
    about="What each target is protected with now, what its catalogues lack, and how its last attack ended.",
    permissions=("audit.view_protection", "audit.view_protectionrun", "audit.view_target"),
    columns=(
        target_column(),
        Column("environment", "Environment"),
        Column("state", "State", Kind.STATE, lambda row, scope: record_url("audit.Protection", row["protection_id"])),
        Column("policy", "Policy"),
        Column("installed_at", "Installed", Kind.MOMENT),
        Column("installed_by", "By"),
        Column("verified_at", "Verified", Kind.MOMENT),
        Column("findings", "Wrong", Kind.NUMBER),
        Column("wrong", "What is wrong"),
        Column("attacked_at", "Attacked", Kind.MOMENT, _run),
        Column("attempts", "Attempts", Kind.NUMBER, _run),
        Column("refused", "Refused", Kind.NUMBER),
        Column("recorded", "Recorded or found", Kind.NUMBER),
        Column("open", "Not covered", Kind.NUMBER),
        Column("untried", "Not tried", Kind.NUMBER),
    ),
    rows=_rows,
    gaps=_gaps,
    sort="target",
    paper=("target", "state", "policy", "verified_at", "findings", "attempts", "refused", "open"),
    filters=(Filter("state", "State", _state, "choice", lambda: list(STATES)),),
)
