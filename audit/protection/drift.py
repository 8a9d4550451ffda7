"""Drift: once a minute every protected target is verified; what is not INSTALLED raises an alert."""

from __future__ import annotations

from audit import alerts
from audit.actors import Actor
from audit.models import OPEN_STATES, MaintenanceWindow, Protection, ProtectionRun, RunKind, Severity, Target
from audit.protection.rule import Finding, Status
from audit.protection.verify import by_rule, verify

ALERT = "protection.drift"
ACTOR = Actor.system("drift")


def watch() -> None:
    """Verify every protected, active target that no run is changing and that could be reached last time."""
    rows = Protection.objects.filter(policy__isnull=False, target__is_active=True)
    changing = ProtectionRun.objects.filter(state__in=OPEN_STATES).exclude(kind=RunKind.ATTACK)
    busy = Target.objects.filter(protection_runs__in=changing)
    for row in rows.exclude(target__in=busy).select_related("target"):
        check(row.target)


def check(target: Target) -> list[Finding]:
    """Verify one target and open or close its alert. Rules that an open window relaxes are left out."""
    findings = verify(target, actor=ACTOR)
    relaxed = {
        code for window in MaintenanceWindow.objects.filter(target=target, relocked_at=None) for code in window.rules
    }
    wrong = [f for f in findings if f.status != Status.INSTALLED and f.rule not in relaxed]
    if not wrong:
        if not relaxed:
            alerts.resolve(ALERT, fingerprint=f"target-{target.pk}", actor=ACTOR)
        return findings
    _tell(target, wrong)
    return findings


def _tell(target: Target, wrong: list[Finding]) -> None:
    statuses = by_rule(wrong)
    only_unknown = set(statuses.values()) == {Status.UNKNOWN}
    if only_unknown and target.check_error_code:
        return  # it cannot be reached: that alarm is raised already
    first = wrong[0]
    more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    title = f"{target}: {first.object} is {first.status}{more}."
    alerts.alert(
        ALERT,
        fingerprint=f"target-{target.pk}",
        title=title,
        target=target,
        severity=Severity.WARNING if only_unknown or not target.is_production else Severity.CRITICAL,
        hint=f"{first.detail} {first.hint} manage.py protection verify shows all.".strip(),
        actor=ACTOR,
    )
