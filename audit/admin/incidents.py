"""Incidents: what belongs to each, and its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from audit import incidents, reviews
from audit.actors import Actor
from audit.admin.acts import Act, Done, Reason
from audit.admin.base import RecordAdmin
from audit.admin.trends import Happened
from audit.models import Incident
from audit.models.incidents import UNRESOLVED
from audit.templatetags.tovgov import age, badge, environment_badge, state_badge

LISTED = 50


class CloseIncident(Act):
    slug = "close"
    label = "Close the incident"
    permission = incidents.HANDLE
    tone = "primary"
    in_list = False
    reason = Reason.NEEDED
    reason_label = "What came of it?"

    def applies(self, obj: Incident) -> bool:
        return obj.is_open

    def consequences(self, obj: Incident) -> list[str]:
        return [
            "It is closed with your name and your words; nothing joins it any more.",
            "What in it is still suspicious must be closed by a second person before.",
        ]

    def perform(self, obj: Incident, *, actor: Actor, data: dict[str, Any]) -> Done:
        incidents.close(obj, actor=actor, note=data["reason"])
        return Done(f"Closed: {obj}")


class Openness(admin.SimpleListFilter):
    title = "state"
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("closed", "Closed")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return (
            queryset.filter(status__in=UNRESOLVED)
            if self.value() == "open"
            else (queryset.exclude(status__in=UNRESOLVED) if self.value() else queryset)
        )


@admin.register(Incident)
class IncidentAdmin(RecordAdmin):
    acts = [CloseIncident()]
    sections: ClassVar[list[tuple[str, Callable[[Incident, Any], dict[str, Any]]]]] = []
    """What other features show on the page: a template, and what it needs of the incident for this person; it reads
    them as ``section``. Without facts the section is left out."""
    record_template = "tovgov/incident.html"
    list_display = ("title", "severity_word", "environment", "state_word", "opened", "opened_by")
    list_filter = (Openness, "severity", Happened)
    search_fields = ("title", "reason", "closing_note", "target__name")
    list_select_related = ("target",)
    empty_note = "Nothing was found suspicious yet. Mark a delete as suspicious in its review: that opens an incident."

    @admin.display(description="severity", ordering="severity")
    def severity_word(self, obj: Incident) -> SafeString:
        return state_badge(obj.severity, obj.get_severity_display())

    @admin.display(description="environment")
    def environment(self, obj: Incident) -> SafeString | str:
        return environment_badge(obj.target.environment) if obj.target else "–"

    @admin.display(description="state")
    def state_word(self, obj: Incident) -> SafeString:
        return badge("warn", "Open") if obj.is_open else badge("good", "Closed")

    @admin.display(description="opened", ordering="opened_at")
    def opened(self, obj: Incident) -> SafeString | str:
        return age(obj.opened_at)

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        kinds = []
        for name, kind in reviews.KINDS.items():
            rows: Any = kind._default_manager.filter(incident=obj)
            found = list(rows.select_related("target").order_by("-at", "-id")[: LISTED + 1])
            label = str(kind._meta.verbose_name_plural).capitalize()
            if found or name == "deletion":
                kinds.append({"label": label, "slug": name, "rows": found[:LISTED], "has_more": len(found) > LISTED})
        found_alerts = obj.alerts.order_by("-opened_at", "-id")[:LISTED]
        parts = [(template, facts) for template, tell in self.sections if (facts := tell(obj, request.user))]
        return {"incident": obj, "kinds": kinds, "alerts": found_alerts, "sections": parts}
