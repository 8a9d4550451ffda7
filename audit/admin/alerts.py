"""Alerts: what a person must see, and that somebody has seen it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from audit import alerts
from audit.actors import Actor
from audit.admin.acts import Act, Done, Reason
from audit.admin.base import RecordAdmin
from audit.models import Alert, AlertEvidence
from audit.templatetags.tovgov import age, badge, environment_badge, state_badge

LENGTHS = [
    *((hours, f"{hours} hour{'s' if hours > 1 else ''}") for hours in (1, 4, 12, 24)),
    *((24 * days, f"{days} days") for days in (3, 7, 30)),
]


class Acknowledge(Act):
    slug = "acknowledge"
    label = "Acknowledge"
    permission = "audit.acknowledge_alert"
    tone = "primary"

    def applies(self, obj: Alert) -> bool:
        return obj.acknowledged_at is None and obj.resolved_at is None

    def consequences(self, obj: Alert) -> list[str]:
        return [
            "The others see that you know of it.",
            "It stays open until its cause is gone; acknowledging mends nothing.",
        ]

    def perform(self, obj: Alert, *, actor: Actor, data: dict[str, Any]) -> Done:
        alerts.acknowledge(obj, actor=actor)
        return Done(f"Acknowledged: {obj}")


class Silence(Act):
    slug = "silence"
    label = "Silence"
    permission = alerts.SILENCE
    reason = Reason.NEEDED
    reason_label = "Why may it be silent?"

    def applies(self, obj: Alert) -> bool:
        return obj.is_open and not obj.is_silent()

    def consequences(self, obj: Alert) -> list[str]:
        return [
            "Nothing is sent of it until then, nor when it ends and comes back meanwhile.",
            "It is counted and shown here all the same, with your name and your reason.",
            "What is still open at the end of the silence is told again.",
        ]

    def fields(self, objects: Sequence[Any]) -> dict[str, forms.Field]:
        return {"hours": forms.TypedChoiceField(label="For how long?", choices=LENGTHS, coerce=int, initial=4)}

    def perform(self, obj: Alert, *, actor: Actor, data: dict[str, Any]) -> Done:
        until = timezone.now() + timedelta(hours=data["hours"])
        alerts.silence(obj, until=until, reason=data["reason"], actor=actor)
        return Done(f"Silent until {until:%Y-%m-%d %H:%M} UTC: {obj}")


class Unsilence(Act):
    slug = "unsilence"
    label = "End the silence"
    permission = alerts.SILENCE

    def applies(self, obj: Alert) -> bool:
        return obj.is_open and obj.is_silent()

    def consequences(self, obj: Alert) -> list[str]:
        return ["It is told on every channel again, now."]

    def perform(self, obj: Alert, *, actor: Actor, data: dict[str, Any]) -> Done:
        alerts.unsilence(obj, actor=actor)
        return Done(f"Not silent any more: {obj}")


class Openness(admin.SimpleListFilter):
    """Open ones first come to mind; resolved ones are history."""

    title = "state"
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("new", "Open, not acknowledged"),
            ("open", "Open"),
            ("silent", "Open and silenced"),
            ("resolved", "Resolved"),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        rules = {
            "new": Q(resolved_at=None, acknowledged_at=None),
            "open": Q(resolved_at=None),
            "silent": Q(resolved_at=None, silenced_until__gt=timezone.now()),
            "resolved": Q(resolved_at__isnull=False),
        }
        return queryset.filter(rules.get(self.value() or "", Q()))


@admin.register(Alert)
class AlertAdmin(RecordAdmin):
    acts = [Acknowledge(), Silence(), Unsilence()]
    record_template = "tovgov/alert.html"
    list_display = ("title", "severity_word", "environment", "state_word", "opened", "times")
    list_filter = (Openness, "severity", ("opened_at", admin.DateFieldListFilter))
    search_fields = ("title", "kind", "target__name")
    list_select_related = ("target", "incident")
    empty_note = (
        "No alarm was ever raised. Missed backups, damaged copies, changed identities "
        "and what the anomaly rules find appear here."
    )

    @admin.display(description="severity", ordering="severity")
    def severity_word(self, obj: Alert) -> SafeString:
        return state_badge(obj.severity, obj.get_severity_display())

    @admin.display(description="environment")
    def environment(self, obj: Alert) -> SafeString | str:
        return environment_badge(obj.target.environment) if obj.target else "–"

    @admin.display(description="state")
    def state_word(self, obj: Alert) -> SafeString:
        if obj.resolved_at:
            return badge("good", "Resolved")
        if obj.is_silent():
            return badge("quiet", "Silenced")
        return badge("info", "Acknowledged") if obj.acknowledged_at else badge("warn", "Open")

    @admin.display(description="opened", ordering="opened_at")
    def opened(self, obj: Alert) -> SafeString | str:
        return age(obj.opened_at)

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {
            "alert": obj,
            "is_silent": obj.is_silent(),
            "evidence": [(row, _page(row, there)) for there in [_there(obj)] for row in obj.evidence.all()],
            "more": max(0, obj.cited - obj.evidence.count()),
            "deliveries": obj.deliveries.order_by("-id")[:20],
        }


def _there(obj: Alert) -> set[tuple[str, int]]:
    """Which of the entries that it cites still stand: they may have been retired."""
    found: set[tuple[str, int]] = set()
    for kind in obj.evidence.values_list("kind", flat=True).distinct():
        wanted = obj.evidence.filter(kind=kind).values("object_id")
        model = next((model for model in admin.site._registry if model._meta.label_lower == f"audit.{kind}"), None)
        if model is not None:
            found |= {(kind, pk) for pk in model._default_manager.filter(pk__in=wanted).values_list("pk", flat=True)}
    return found


def _page(row: AlertEvidence, there: set[tuple[str, int]]) -> str:
    known = (row.kind, row.object_id) in there
    return reverse(f"admin:audit_{row.kind}_change", args=[row.object_id]) if known else ""
