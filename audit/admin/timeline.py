"""Lines of timelines in the admin: pinned, hidden, shown again; and the page of one line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from audit import incidents, timeline
from audit.actors import Actor
from audit.admin.acts import Act, Done, Reason
from audit.admin.base import RecordAdmin, act_url
from audit.admin.cells import visible, when
from audit.models import AlertEvidence, IncidentStatus, Reviewed, ReviewEvent, TimelineLine
from audit.templatetags.tovgov import page_of


class LineAct(Act):
    permission = incidents.HANDLE
    in_list = False

    def title(self, objects: Any) -> str:
        return f"{self.label}: {Truncator(visible(objects[0].text)).chars(60)}?"

    def applies(self, obj: TimelineLine) -> bool:
        return obj.incident.status != IncidentStatus.CLOSED


class Pin(LineAct):
    slug = "pin"
    label = "Pin"

    def applies(self, obj: TimelineLine) -> bool:
        return super().applies(obj) and not obj.is_pinned and obj.hidden_at is None

    def consequences(self, obj: TimelineLine) -> list[str]:
        return ["It stands out in the timeline and in what is printed of it."]

    def perform(self, obj: TimelineLine, *, actor: Actor, data: dict[str, Any]) -> Done:
        timeline.pin(obj, actor=actor)
        return Done("Pinned.", f"{page_of(obj.incident)}#timeline")


class Unpin(LineAct):
    slug = "unpin"
    label = "Unpin"

    def applies(self, obj: TimelineLine) -> bool:
        return super().applies(obj) and obj.is_pinned

    def consequences(self, obj: TimelineLine) -> list[str]:
        return ["It is a line as the others are."]

    def perform(self, obj: TimelineLine, *, actor: Actor, data: dict[str, Any]) -> Done:
        timeline.unpin(obj, actor=actor)
        return Done("Unpinned.", f"{page_of(obj.incident)}#timeline")


class Hide(LineAct):
    slug = "hide"
    label = "Hide"
    reason = Reason.NEEDED
    reason_label = "Why does it not belong here?"

    def applies(self, obj: TimelineLine) -> bool:
        return super().applies(obj) and obj.hidden_at is None

    def consequences(self, obj: TimelineLine) -> list[str]:
        return [
            "It is left out of the timeline and of what is printed of it.",
            "It stays on record with your name and your reason, and can be shown again.",
        ]

    def perform(self, obj: TimelineLine, *, actor: Actor, data: dict[str, Any]) -> Done:
        timeline.hide(obj, actor=actor, reason=data["reason"])
        return Done("Hidden; it stays on record.", f"{page_of(obj.incident)}#timeline")


class Show(LineAct):
    slug = "show"
    label = "Show again"

    def applies(self, obj: TimelineLine) -> bool:
        return super().applies(obj) and obj.hidden_at is not None

    def consequences(self, obj: TimelineLine) -> list[str]:
        return [f"It was hidden by {obj.hidden_by}: {obj.hidden_why}", "It stands in the timeline again."]

    def perform(self, obj: TimelineLine, *, actor: Actor, data: dict[str, Any]) -> Done:
        timeline.unhide(obj, actor=actor)
        return Done("Shown again.", f"{page_of(obj.incident)}#timeline")


TONES = {"delete": "bad", "alert": "warn", "restore": "good", "undelete": "good", "incident": "info"}
ACTS: list[Act] = [Pin(), Unpin(), Hide(), Show()]


@admin.register(TimelineLine)
class TimelineLineAdmin(RecordAdmin):
    acts = ACTS
    record_template = "tovgov/timeline_line.html"
    list_display = ("words", "when_at", "kind", "incident", "added_by")
    list_filter = ("kind", "is_pinned")
    search_fields = ("text",)
    list_select_related = ("incident",)
    empty_note = "No incident has a timeline yet."

    @admin.display(description="line")
    def words(self, obj: TimelineLine) -> str:
        return Truncator(visible(" ".join(obj.text.split()))).chars(90)

    @admin.display(description="at", ordering="at")
    def when_at(self, obj: TimelineLine) -> SafeString:
        return when(obj.at)

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        short = Truncator(visible(" ".join(obj.text.split()))).chars(80)
        return {"title": short, "line": obj, "evidence": evidence([obj]).get(obj.pk, "")}


def shown(lines: Iterable[TimelineLine], *, may_act: bool) -> list[dict[str, Any]]:
    """The lines as the incident's page shows them: each with its evidence, and what may be done with it."""
    rows = list(lines)
    pages = evidence(rows)
    return [
        {
            "line": row,
            "tone": TONES.get(row.kind, "quiet"),
            "page": pages.get(row.pk, ""),
            "is_gone": bool(row.source_kind) and row.pk not in pages,
            "acts": [(act.label, act_url(row, act.slug, row.pk)) for act in ACTS if may_act and act.applies(row)],
        }
        for row in rows
    ]


def evidence(rows: Iterable[TimelineLine]) -> dict[int, str]:
    """Where the record of each line is shown, by the line's id; a retired one is not there."""
    by_kind: dict[str, list[TimelineLine]] = {}
    for row in rows:
        if row.source_kind:
            by_kind.setdefault(row.source_kind, []).append(row)
    found: dict[int, str] = {}
    for kind, lines in by_kind.items():
        try:
            model = apps.get_model(kind)
        except LookupError:
            continue
        wanted = [line.source_id for line in lines if line.source_id is not None]
        pages = _pages(model, wanted)
        found |= {line.pk: pages[line.source_id] for line in lines if line.source_id in pages}
    return found


def _pages(model: Any, pks: list[int]) -> dict[int | None, str]:
    rows = model._default_manager.filter(pk__in=pks)
    if model is ReviewEvent:
        kinds: dict[str | None, Any] = {kind._meta.model_name: kind for kind in Reviewed.__subclasses__()}
        return {row.pk: page_of(kinds[row.kind](pk=row.object_id)) for row in rows if row.kind in kinds}
    if model is AlertEvidence:
        return {row.pk: page_of(row.alert) for row in rows.select_related("alert")}
    if model not in admin.site._registry:
        return {}
    return {pk: page_of(model(pk=pk)) for pk in rows.values_list("pk", flat=True)}
