"""All jobs of every kind in one list, newest first."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit import jobs
from audit.models import Job, JobState
from audit.templatetags import format as words
from audit.templatetags.tovgov import age, environment_badge, job_title, page_of, state_badge

NUMBER = {"td": {"class": "number"}, "th": {"class": "number"}}
NEWEST = 300
"""So many of each kind are listed; older ones are on the page of their kind."""


class JobTable(tables.Table):  # type: ignore[misc]
    """One row a job, whatever its kind."""

    job = tables.Column(empty_values=(), orderable=False)
    environment = tables.Column(empty_values=(), orderable=False)
    state = tables.Column(orderable=False)
    asked_name = tables.Column(verbose_name="Asked by", orderable=False, default="tovgov")
    queued_at = tables.Column(verbose_name="Queued", orderable=False)
    duration = tables.Column(verbose_name="Took", orderable=False, attrs=NUMBER)

    class Meta:
        template_name = "tovgov/table.html"
        empty_text = "No job fits these filters."

    def render_job(self, record: Job) -> SafeString:
        return format_html('<a href="{}">{}</a>', page_of(record), job_title(record))

    def render_environment(self, record: Job) -> SafeString | str:
        target = jobs.job_target(record)
        return environment_badge(target.environment) if target else words.NOTHING

    def render_state(self, record: Job) -> SafeString:
        return state_badge(record.state, record.get_state_display())

    def render_queued_at(self, record: Job) -> SafeString | str:
        return age(record.queued_at)

    def render_duration(self, record: Job) -> str:
        return words.duration(record.duration)


def job_list(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """The page: all kinds that this person may see, filtered by kind and state."""
    kinds = [
        kind for kind in jobs.kinds() if request.user.has_perm(f"{kind._meta.app_label}.view_{kind._meta.model_name}")
    ]
    if not kinds:
        raise PermissionDenied
    wanted, state = request.GET.get("kind", ""), request.GET.get("state", "")
    rows = [job for kind in kinds if wanted in ("", kind._meta.model_name) for job in _newest(kind, state)]
    table = JobTable(sorted(rows, key=lambda job: job.queued_at, reverse=True))
    tables.RequestConfig(request, paginate={"per_page": 50}).configure(table)
    context = {
        **site.each_context(request),
        "title": "Jobs",
        "table": table,
        "kinds": [(kind._meta.model_name, str(kind._meta.verbose_name_plural).capitalize()) for kind in kinds],
        "states": JobState.choices,
        "wanted": wanted,
        "state": state,
    }
    return TemplateResponse(request, "tovgov/jobs.html", context)


def _newest(kind: type[Job], state: str) -> Any:
    rows = kind._default_manager.order_by("-queued_at").defer("log", "phases")
    related = [
        name
        for name in ("target", "backup__target", "source__target", "incident__target")
        if _has(kind, name.split("__")[0])
    ]
    rows = rows.select_related(*related)
    return rows.filter(state=state)[:NEWEST] if state in JobState.values else rows[:NEWEST]


def _has(kind: type[Job], name: str) -> bool:
    return any(field.name == name for field in kind._meta.get_fields())
