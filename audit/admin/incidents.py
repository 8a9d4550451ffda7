"""Incidents: what happened, what was lost, what was done, what is owed; and every act on them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from audit import incidents, losses, reviews
from audit.admin import timeline
from audit.admin.base import RecordAdmin, actor_of
from audit.admin.incident_acts import ACTS, NEXT, STAMP_WORDS
from audit.admin.incident_forms import STORY_WORDS, OpenForm, StoryForm
from audit.admin.trends import Happened
from audit.exceptions import IncidentChanged, NotPermitted, TovgovError
from audit.models import Cause, Incident, IncidentKind, IncidentStatus, Severity
from audit.models.incidents import STAMPS, UNRESOLVED
from audit.templatetags import format as words
from audit.templatetags.tovgov import age, environment_badge, page_of, state_badge

LISTED = 50
FIRST = ("tovgov/incident_runbooks.html",)
"""Sections that say what to do stand before the timeline, all others after the story."""
LINES = 150
"""So many lines of the timeline stand on one page."""
TABLES = 40


class Openness(admin.SimpleListFilter):
    title = "over or not"
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Not resolved"), ("closed", "Resolved or closed")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if not self.value():
            return queryset
        is_open = self.value() == "open"
        return queryset.filter(status__in=UNRESOLVED) if is_open else queryset.exclude(status__in=UNRESOLVED)


@admin.register(Incident)
class IncidentAdmin(RecordAdmin):
    acts = ACTS
    sections: ClassVar[list[tuple[str, Callable[[Incident, Any], dict[str, Any]]]]] = []
    """What other features show on the page: a template, and what it needs of the incident for this person; it reads
    them as ``section``. Without facts the section is left out."""
    record_template = "tovgov/incident.html"
    list_display = (
        "code", "title_cell", "severity_word", "status_word", "kind_word", "environment", "began", "lost", "lead_cell",
    )  # fmt: skip
    list_display_links = ("code", "title_cell")
    list_filter = (Openness, "status", "kind", "severity", "target", Happened)
    search_fields = ("title", "reason", "summary", "closing_note", "target__name", "lead_name", "number")
    list_select_related = ("target",)
    empty_note = (
        "Nothing has happened yet that anybody calls an incident. Alerts and suspicious reviews open one by "
        "themselves; Add opens one by hand."
    )

    # --- the list -------------------------------------------------------------------------------------------------

    @admin.display(description="number", ordering="number")
    def code(self, obj: Incident) -> str:
        return obj.code

    @admin.display(description="title", ordering="title")
    def title_cell(self, obj: Incident) -> str:
        return words.visible(obj.title)

    @admin.display(description="severity", ordering="severity")
    def severity_word(self, obj: Incident) -> SafeString:
        return state_badge(obj.severity, obj.get_severity_display())

    @admin.display(description="status", ordering="status")
    def status_word(self, obj: Incident) -> SafeString:
        return state_badge(f"incident {obj.status}", obj.get_status_display())

    @admin.display(description="kind", ordering="kind")
    def kind_word(self, obj: Incident) -> str:
        return obj.get_kind_display()

    @admin.display(description="environment")
    def environment(self, obj: Incident) -> SafeString | str:
        return environment_badge(obj.target.environment) if obj.target else words.NOTHING

    @admin.display(description="began", ordering="began_at")
    def began(self, obj: Incident) -> SafeString | str:
        return age(obj.began_at or obj.opened_at)

    @admin.display(description="rows lost", ordering="lost_rows")
    def lost(self, obj: Incident) -> str:
        return lost_words(obj)

    @admin.display(description="lead", ordering="lead_name")
    def lead_cell(self, obj: Incident) -> str:
        return obj.lead_name or "nobody"

    # --- the page -------------------------------------------------------------------------------------------------

    def buttons(self, request: HttpRequest, obj: Any) -> list[dict[str, Any]]:
        """The next step stands out; steps that come later wait under More, but for the end: a false alarm needs it."""
        found = super().buttons(request, obj)
        step = next((act for act in self.acts if act.slug == NEXT.get(obj.status)), None)
        later = {act.label for act in self.acts if act.slug in {*NEXT.values()} - {"close"} and act is not step}
        for button in found:
            if step is not None and button["label"] == step.label:
                button["tone"] = "primary"
            elif button["label"] in later:
                button["minor"] = True
        if request.user.has_perm(incidents.HANDLE):
            found.append({"label": "Tell the story", "tone": "", "minor": False, "url": story_url(obj)})
        return found

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        parts = [(template, facts) for template, tell in self.sections if (facts := tell(obj, request.user))]
        return {
            "incident": obj,
            "stamps": stamps(obj),
            "bar": bar(obj),
            "times": times(obj),
            "owed": owed(obj),
            **_loss(obj),
            "story": [(STORY_WORDS[name][0], getattr(obj, name)) for name in incidents.STORY if getattr(obj, name)],
            "causes": [Cause(one).label for one in obj.causes if one in Cause.values],
            "story_url": story_url(obj) if request.user.has_perm(incidents.HANDLE) else "",
            **_lines(request, obj),
            "kinds": _reviewed(obj),
            "alerts": obj.alerts.order_by("-opened_at", "-id")[:LISTED],
            "first_sections": [part for part in parts if part[0] in FIRST],
            "sections": [part for part in parts if part[0] not in FIRST],
        }

    # --- opened by hand, told in words ----------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        story = path(
            "<path:object_id>/story/", self.admin_site.admin_view(self.story_view), name="audit_incident_story"
        )
        return [story, *super().get_urls()]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(incidents.HANDLE))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Open one by hand."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form, error = OpenForm(request.POST if request.method == "POST" else None), None
        if request.method == "POST" and form.is_valid():
            data = form.cleaned_data | {
                "kind": IncidentKind(form.cleaned_data["kind"]), "severity": Severity(form.cleaned_data["severity"])
            }  # fmt: skip
            try:
                row = incidents.open_incident(data.pop("title"), actor=actor_of(request), **data)
                self.message_user(request, f"{row.code} is open.", messages.SUCCESS)
                return HttpResponseRedirect(page_of(row))
            except NotPermitted as refused:
                raise PermissionDenied(refused.message) from None
            except TovgovError as refused:
                error = refused
        context = self.admin_site.each_context(request) | {"title": "Open an incident", "opts": self.opts}
        context |= {"form": form, "error": error, "back": reverse("admin:audit_incident_changelist")}
        return TemplateResponse(request, "tovgov/incident_open.html", context, status=409 if error else 200)

    def story_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Write the story. When somebody else has written meanwhile, both texts are shown and nothing is lost."""
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404
        if not request.user.has_perm(incidents.HANDLE) or not self.has_view_permission(request, obj):
            raise PermissionDenied
        form, error, pairs = StoryForm(obj, request.POST if request.method == "POST" else None), None, []
        if request.method == "POST" and form.is_valid():
            data = form.cleaned_data
            try:
                incidents.tell(obj, form.words, version=data["version"], actor=actor_of(request), causes=data["causes"])
                self.message_user(request, "The story is saved.", messages.SUCCESS)
                return HttpResponseRedirect(f"{page_of(obj)}#story")
            except NotPermitted as refused:
                raise PermissionDenied(refused.message) from None
            except IncidentChanged as refused:
                obj.refresh_from_db()
                error, pairs = refused, form.against(obj)
                form.data = request.POST.copy()
                form.data["version"] = str(obj.version)  # who saves again has seen both texts
        context = self.admin_site.each_context(request) | {"title": "Tell the story", "opts": self.opts}
        context |= {"original": obj, "banner": obj.target, "form": form, "error": error, "pairs": pairs}
        context |= {"back": page_of(obj)}
        return TemplateResponse(request, "tovgov/incident_story.html", context, status=409 if error else 200)


def story_url(obj: Incident) -> str:
    """Where its story is told."""
    return reverse("admin:audit_incident_story", args=[obj.pk])


# --- what the page says ----------------------------------------------------------------------------------------------


def lost_words(obj: Incident) -> str:
    """How many rows, as far as it is known."""
    if obj.loss_at is None:
        return "not computed" if obj.is_lossy else words.NOTHING
    if obj.lost_rows is None:
        return "unknown"
    return f"{'at least ' if obj.loss_basis.get('at_least') else ''}{obj.lost_rows:,}"


def stamps(obj: Incident) -> list[tuple[str, datetime | None]]:
    return [(STAMP_WORDS[name], getattr(obj, name)) for name in STAMPS]


def times(obj: Incident) -> list[tuple[str, str]]:
    """The four times that are measured."""
    found = (
        ("to detect", obj.time_to_detect), ("to acknowledge", obj.time_to_acknowledge),
        ("to mitigate", obj.time_to_mitigate), ("to resolve", obj.time_to_resolve),
    )  # fmt: skip
    return [(name, words.duration(length)) for name, length in found]


WIDTH, LEAST = 600, 6
PHASES = ("unnoticed", "untaken", "hurting", "mending")
"""What each stretch between two stamps was."""


def bar(obj: Incident) -> dict[str, Any] | None:
    """The stretches between the stamps, as wide as they were long (each at least visible), to now while it is open."""
    known = [(name, getattr(obj, name)) for name in STAMPS if getattr(obj, name) is not None]
    if obj.is_open and known:
        known.append(("now", max(timezone.now(), known[-1][1])))
    pairs = list(itertools.pairwise(known))
    total = sum((then - first).total_seconds() for (_, first), (_, then) in pairs)
    if not pairs or total <= 0:
        return None
    room = WIDTH - LEAST * len(pairs)
    parts, x = [], 0.0
    for (name, first), (_, then) in pairs:
        width = LEAST + room * (then - first).total_seconds() / total
        phase = PHASES[min(STAMPS.index(name), len(PHASES) - 1)]
        parts.append({"x": round(x, 1), "width": round(width, 1), "phase": phase})
        x += width
    said = "; ".join(f"{STAMP_WORDS[name]} {words.moment(at)}" for name, at in known if name in STAMP_WORDS)
    return {"parts": parts, "says": said, "width": WIDTH}


def owed(obj: Incident) -> list[str]:
    """What is still to be done, a sentence each."""
    found = []
    if obj.is_open and obj.is_lossy and obj.loss_at is None:
        found.append("Nobody has computed yet what was lost.")
    if obj.is_open and obj.is_lossy and not obj.is_answered:
        found.append("Nothing proves yet that the rows are back, and nobody has accepted their loss.")
    if obj.proof_kind and incidents.is_undone(obj):
        found.append("The proof was undone since: what had come back is out of service again.")
    if obj.began_at is None:
        found.append("Nobody has said when the impact began.")
    if obj.is_open and not obj.lead_name:
        found.append("Nobody leads it.")
    waiting = sum(1 for _ in incidents.suspicious(obj))
    if waiting:
        found.append(f"{waiting} of what is suspicious in it waits for a second person.")
    if obj.status == IncidentStatus.RESOLVED and incidents.lacks_post_mortem(obj):
        found.append("A reviewed post-mortem is expected before its review, or an approver who agrees to do without.")
    if obj.status == IncidentStatus.RESOLVED:
        found.append("It waits for its review by somebody who may lead.")
    return found


def _loss(obj: Incident) -> dict[str, Any]:
    rows = list(obj.losses.all())
    hurt = [row for row in rows if row.lost is None or row.lost or row.captured]
    hurt.sort(key=lambda row: (row.lost is None, -(row.lost or 0), row.table))
    job = obj.loss_counts.filter(state__in=["queued", "running"]).first()
    page = _record_page(obj.proof_kind, obj.proof_id)
    return {
        "lost": lost_words(obj),
        "losses": hurt[:TABLES],
        "more_losses": max(0, len(hurt) - TABLES),
        "unhurt": len(rows) - len(hurt),
        "missing": None if obj.lost_rows is None else obj.lost_rows - (obj.returned_rows or 0),
        "loss_job": job,
        "proof_page": page,
        "fitting": losses.proofs(obj)[:3] if obj.is_open and not obj.is_answered else [],
        "goals": losses.goals(obj),
    }


def _record_page(kind: str, pk: int | None) -> str:
    """The page of the record that proves it; nothing when that is gone."""
    return page_of(apps.get_model(kind)(pk=pk)) if kind and pk is not None else ""


def _lines(request: HttpRequest, obj: Incident) -> dict[str, Any]:
    """The timeline with its filters: kind, pinned, hidden shown."""
    asked, pinned, hidden = request.GET.get("kind", ""), "pinned" in request.GET, "hidden" in request.GET
    rows = obj.lines.select_related("incident").order_by("at", "pk")
    kinds = list(rows.order_by("kind").values_list("kind", flat=True).distinct())
    count = rows.filter(hidden_at__isnull=False).count()
    rows = rows if hidden else rows.filter(hidden_at=None)
    rows = rows.filter(kind=asked) if asked in kinds else rows
    rows = rows.filter(is_pinned=True) if pinned else rows
    page = Paginator(rows, LINES).get_page(request.GET.get("page"))
    here = {"kind": asked if asked in kinds else "", "pinned": pinned, "hidden": hidden}
    return {
        "lines": timeline.shown(page, may_act=bool(request.user.has_perm(incidents.HANDLE))),
        "line_page": page,
        "line_kinds": kinds,
        "hidden_count": count,
        "chosen": here,
        "page_query": "".join(f"{name}={'1' if value is True else value}&" for name, value in here.items() if value),
    }


def _reviewed(obj: Incident) -> list[dict[str, Any]]:
    """What was found suspicious and joined it, by kind."""
    kinds = []
    for name, kind in reviews.KINDS.items():
        rows: Any = kind._default_manager.filter(incident=obj)
        found = list(rows.select_related("target").order_by("-at", "-id")[: LISTED + 1])
        label = str(kind._meta.verbose_name_plural).capitalize()
        if found:
            kinds.append({"label": label, "slug": name, "rows": found[:LISTED], "has_more": len(found) > LISTED})
    return kinds
