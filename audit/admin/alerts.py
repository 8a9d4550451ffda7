"""Alerts: what a person must see, and that somebody has seen it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.safestring import SafeString

from audit import alerts
from audit.actors import Actor
from audit.admin.acts import Act, Done
from audit.admin.base import RecordAdmin
from audit.models import Alert
from audit.templatetags.tovgov import age, badge, environment_badge, state_badge


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


class Openness(admin.SimpleListFilter):
    """Open ones first come to mind; resolved ones are history."""

    title = "state"
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("new", "Open, not acknowledged"), ("open", "Open"), ("resolved", "Resolved")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        rules = {
            "new": Q(resolved_at=None, acknowledged_at=None),
            "open": Q(resolved_at=None),
            "resolved": Q(resolved_at__isnull=False),
        }
        return queryset.filter(rules.get(self.value() or "", Q()))


@admin.register(Alert)
class AlertAdmin(RecordAdmin):
    acts = [Acknowledge()]
    record_template = "tovgov/alert.html"
    list_display = ("title", "severity_word", "environment", "state_word", "opened", "times")
    list_filter = (Openness, "severity", ("opened_at", admin.DateFieldListFilter))
    search_fields = ("title", "kind", "target__name")
    list_select_related = ("target",)
    empty_note = "No alarm was ever raised. Missed backups, damaged copies and changed identities appear here."

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
        return badge("info", "Acknowledged") if obj.acknowledged_at else badge("warn", "Open")

    @admin.display(description="opened", ordering="opened_at")
    def opened(self, obj: Alert) -> SafeString | str:
        return age(obj.opened_at)

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {"alert": obj}
