"""Whether somebody watches and judges: alerts that were acknowledged, and entries that were reviewed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from audit.evidence.checks.words import named
from audit.evidence.held import Held
from audit.evidence.scope import Scope
from audit.models import WAITING_STATES, Alert, AnomalySettings, DeliveryState, NotificationChannel, Target
from audit.models.notifications import Delivery
from audit.registry import Checked
from audit.reviews import KINDS

WATCHING, JUDGING = "monitoring", "evaluation"


def check(scope: Scope, held: Held) -> Iterator[Checked]:
    for target in scope.targets:
        alerts = Alert.objects.filter(scope.during("opened_at"), target=target).order_by("opened_at", "pk")
        nobody = alerts.filter(acknowledged_at=None)
        yield Checked(
            WATCHING,
            f"{target}: alerts; was each of them acknowledged by a person?",
            alerts.count(),
            alerts.count(),
            named(nobody, lambda row: f"Nobody acknowledged “{row.title}” of {row.opened_at:%Y-%m-%d %H:%M} UTC."),
            _unwatched(scope, target),
        )
        yield from _reviews(scope, target)


def _unwatched(scope: Scope, target: Target) -> list[str]:
    rules = AnomalySettings.objects.filter(target=target)
    gaps = [f"{target}: the rule “{row.rule}” is off." for row in rules.filter(is_active=False).order_by("rule")]
    if not rules.filter(is_active=True).exists():
        gaps = [f"{target}: no anomaly rule is on."]
    if not NotificationChannel.objects.filter(is_active=True).exists():
        gaps.append("No channel carries alerts to people: who does not open tovgov does not hear of them.")
    failed = Delivery.objects.filter(
        scope.during("alert__opened_at"), alert__target=target, state=DeliveryState.FAILED
    ).count()
    return gaps + ([f"{target}: {failed:,} messages about alerts did not arrive."] if failed else [])


def _reviews(scope: Scope, target: Target) -> Iterator[Checked]:
    for model in KINDS.values():
        rows: QuerySet[Any] = model._default_manager.filter(scope.during("at"), target=target)  # type: ignore[misc]
        noise = rows.filter(is_noise=True) if hasattr(model, "is_noise") else rows.none()
        to_see, hidden = rows.exclude(pk__in=noise), noise.count()
        waiting = to_see.filter(state__in=WAITING_STATES).order_by("at", "pk")
        gap = f"{target}: {hidden:,} of {rows.count():,} groups were hidden as noise and not looked at by anybody."
        yield Checked(
            JUDGING,
            f"{target}: {model._meta.verbose_name_plural}; did a person decide on each?",
            rows.count(),
            to_see.count(),
            named(waiting, lambda row: f"{row}: {row.get_state_display().lower()}."),
            [gap] if hidden else [],
        )
