"""Runbooks in the admin: the checklist on its own page and on the incident's, ticked with one press."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from audit import registry, runbooks
from audit.actors import Actor
from audit.admin.base import RecordAdmin, actor_of, explain
from audit.admin.incidents import IncidentAdmin
from audit.exceptions import NotPermitted, TovgovError
from audit.incidents import HANDLE
from audit.models import Incident, IncidentStatus, Runbook, RunbookStep
from audit.templatetags.tovgov import age, badge, page_of


def steps_of(runbook: Runbook, user: User) -> list[dict[str, Any]]:
    """Each step with the page that it leads to now, for this person."""
    incident = runbook.incident
    return [{"step": step, **_door(step, incident, user)} for step in runbook.steps.all()]


def _door(step: RunbookStep, incident: Incident, user: User) -> dict[str, str]:
    door = registry.doors.get(step.door)
    if door is None:
        return {}
    if not user.has_perm(door.permission):
        return {"where": door.label, "shut": "You may not do this yourself: ask somebody who may."}
    url = door.way(incident)
    return {"where": door.label, "url": url, "shut": "" if url else door.missing}


def checklist(runbook: Runbook, user: User) -> dict[str, Any]:
    """What a checklist shows."""
    rows = steps_of(runbook, user)
    done = sum(row["step"].is_done for row in rows)
    over = runbook.incident.status == IncidentStatus.CLOSED
    return {
        "runbook": runbook, "rows": rows, "done": done, "total": len(rows), "is_whole": done == len(rows),
        "may": user.has_perm(HANDLE) and not over,
    }  # fmt: skip


def section(incident: Incident, user: User) -> dict[str, Any]:
    """For the incident's page: what was begun, and what could be."""
    begun = incident.runbooks.prefetch_related("steps").select_related("incident__target").order_by("started_at", "id")
    may = user.has_perm(HANDLE) and incident.status != IncidentStatus.CLOSED
    offered = runbooks.offered(incident) if may else []
    return {"checklists": [checklist(row, user) for row in begun], "offered": offered, "incident": incident, "may": may}


IncidentAdmin.sections.insert(0, ("tovgov/incident_runbooks.html", section))  # what to do comes before what is known


@admin.register(Runbook)
class RunbookAdmin(RecordAdmin):
    record_template = "tovgov/runbook.html"
    list_display = ("title", "of_incident", "progress", "started", "started_by")
    list_filter = ("book",)
    search_fields = ("title", "incident__title")
    list_select_related = ("incident",)
    empty_note = "No runbook was begun yet. Open an incident: the one that fits its kind is there."

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("incident__target").prefetch_related("steps")

    def get_urls(self) -> list[URLPattern]:
        own = [
            ("begin", self.begin_view),
            ("tick", self.tick_view),
            ("untick", self.untick_view),
            ("own", self.own_view),
        ]
        views = [
            path(f"do/{name}/", self.admin_site.admin_view(require_POST(view)), name=f"audit_runbook_{name}")
            for name, view in own
        ]
        return [*views, *super().get_urls()]

    @admin.display(description="incident", ordering="incident")
    def of_incident(self, obj: Runbook) -> str:
        return str(obj.incident)

    @admin.display(description="steps")
    def progress(self, obj: Runbook) -> SafeString:
        steps = obj.steps.all()
        done = sum(step.is_done for step in steps)
        return badge("good" if done == len(steps) else "warn", f"{done} of {len(steps)} done")

    @admin.display(description="begun", ordering="started_at")
    def started(self, obj: Runbook) -> SafeString | str:
        return age(obj.started_at)

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {"list": checklist(obj, request.user), "back_to": "runbook"}  # type: ignore[arg-type]

    # --- one press each -----------------------------------------------------------------------------------------------

    def begin_view(self, request: HttpRequest) -> HttpResponse:
        """Begin one on an incident."""
        incident = _row(Incident, request.POST.get("incident"))
        name = request.POST.get("book", "")
        row = self._do(request, lambda actor: runbooks.begin(incident, name, actor=actor))
        return HttpResponseRedirect(page_of(incident) + (f"#runbook-{row.pk}" if row else ""))

    def tick_view(self, request: HttpRequest) -> HttpResponse:
        """It is done."""
        step = _row(RunbookStep, request.POST.get("step"))
        note = request.POST.get("note", "")
        self._do(request, lambda actor: runbooks.tick(step, actor=actor, note=note))
        return self._back(request, step.runbook, f"#step-{step.pk}")

    def untick_view(self, request: HttpRequest) -> HttpResponse:
        """It is not done after all."""
        step = _row(RunbookStep, request.POST.get("step"))
        reason = request.POST.get("reason", "")
        self._do(request, lambda actor: runbooks.untick(step, actor=actor, reason=reason))
        return self._back(request, step.runbook, f"#step-{step.pk}")

    def own_view(self, request: HttpRequest) -> HttpResponse:
        """A step that the template does not have."""
        row = _row(Runbook, request.POST.get("runbook"))
        words = {name: request.POST.get(name, "") for name in ("why", "with_whom")}
        title = request.POST.get("title", "")
        step = self._do(request, lambda actor: runbooks.add_step(row, title, actor=actor, **words))
        return self._back(request, row, f"#step-{step.pk}" if step else f"#runbook-{row.pk}")

    def _do(self, request: HttpRequest, verb: Callable[[Actor], Any]) -> Any:
        """Call the verb; what it refuses is said on the page that comes next."""
        try:
            return verb(actor_of(request))
        except NotPermitted as error:
            raise PermissionDenied(error.message) from None
        except TovgovError as error:
            self.message_user(request, explain(error), messages.ERROR)
            return None

    def _back(self, request: HttpRequest, row: Runbook, place: str) -> HttpResponse:
        """To the page that was pressed on."""
        here = row if request.POST.get("back_to") == "runbook" else row.incident
        return HttpResponseRedirect(page_of(here) + place)


def _row(model: Any, pk: str | None) -> Any:
    found = model._default_manager.filter(pk=int(pk)).first() if pk and pk.isdecimal() and len(pk) < 19 else None
    if found is None:
        raise Http404
    return found
