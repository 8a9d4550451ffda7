"""Job rows seen live: phase, bar, rate, time left, log and Cancel. One page for every kind of job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from audit import jobs
from audit.actors import Actor
from audit.admin.acts import Act, Done, Reason
from audit.admin.base import RecordAdmin, actor_of
from audit.models import Job, JobState
from audit.templatetags import format as words
from audit.templatetags.tovgov import age, state_badge

LOG_LINES = 60
"""So many of the newest lines of the log are shown live; the rest is on the finished page."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase as the page lists it."""

    name: str
    took: str
    look: str


@dataclass(frozen=True, slots=True)
class Live:
    """What the page says about a job that may still run."""

    word: str
    phases: list[Phase]
    amount: str
    rate: str
    left: str
    log: str
    log_cut: int


def live(job: Job) -> Live:
    """The job in words: how far it is, how fast, and how long it may still take."""
    rate = _rate(job)
    left = (job.total - job.done) / rate if job.is_running and rate and job.total and job.total > job.done else None
    lines = job.log.splitlines()
    kept = lines[-LOG_LINES:] if job.is_open else lines
    return Live(
        word=_word(job),
        phases=[_phase(job, phase) for phase in job.phases],
        amount=_amount(job),
        rate=f"{_quantity(rate, job.unit)}/s" if job.is_running and rate else "",
        left=f"about {words.duration(round(left))} left" if left is not None and left >= 1 else "",
        log="\n".join(kept),
        log_cut=len(lines) - len(kept),
    )


def _word(job: Job) -> str:
    if job.is_running and job.cancel_requested_at:
        return f"Stopping: {job.cancel_requested_by} asked for it."
    if job.is_running:
        return job.phase or "Starting"
    if job.state == JobState.QUEUED:
        return "Waiting for a worker."
    took = f" in {words.duration(job.duration)}" if job.duration is not None else ""
    return {
        JobState.SUCCEEDED: f"Done{took}.",
        JobState.FAILED: f"Failed{' after ' + words.duration(job.duration) if job.duration is not None else ''}.",
        JobState.CANCELLED: "Cancelled. What it had begun was undone.",
    }[JobState(job.state)]


def _rate(job: Job) -> float | None:
    """Units a second in the running phase; None before there is anything to say."""
    if not job.phases or not job.done or job.unit == "steps":
        return None
    seconds = (timezone.now() - datetime.fromisoformat(job.phases[-1]["started"])).total_seconds()
    return job.done / seconds if seconds > 0.5 else None


def _quantity(number: float, unit: str) -> str:
    return words.size(number) if unit == "bytes" else f"{words.count(round(number))} {unit}".strip()


def _amount(job: Job) -> str:
    if not job.is_running or not (job.done or job.total):
        return ""
    done = _quantity(job.done, job.unit)
    return f"{done} of {_quantity(job.total, job.unit)}" if job.total else done


def _phase(job: Job, phase: dict[str, Any]) -> Phase:
    seconds = phase.get("seconds")
    is_last = phase is job.phases[-1]
    if is_last and job.is_running:
        return Phase(phase["name"], "now", "is-running")
    broken = is_last and job.state in (JobState.FAILED, JobState.CANCELLED)
    return Phase(phase["name"], words.duration(seconds), "is-broken" if broken else "")


class Cancel(Act):
    slug = "cancel"
    label = "Cancel"
    permission = jobs.CANCEL
    own = True
    tone = "danger"
    reason = Reason.WELCOME

    def applies(self, obj: Job) -> bool:
        return obj.is_open and obj.cancel_requested_at is None

    def consequences(self, obj: Job) -> list[str]:
        if obj.state == JobState.QUEUED:
            return ["It has not begun; it never will."]
        return [
            "Its tools are ended at once, and it stops within a second or two.",
            "What it had begun is undone; no partial file and no scratch database stay behind.",
            "The live database is not touched by this.",
        ]

    def perform(self, obj: Job, *, actor: Actor, data: dict[str, Any]) -> Done:
        jobs.cancel(obj, actor=actor, reason=data["reason"])
        return Done(f"{obj}: cancelled." if not obj.is_open else f"{obj}: it is being stopped.")


class JobAdmin(RecordAdmin):
    """A record that refreshes itself while it is open, with JavaScript or without."""

    acts: ClassVar[list[Act]] = [Cancel()]
    record_template = "tovgov/job.html"

    @admin.display(description="state", ordering="state")
    def state_word(self, obj: Any) -> SafeString:
        return state_badge(obj.state, obj.get_state_display())

    @admin.display(description="asked", ordering="queued_at")
    def queued(self, obj: Any) -> SafeString | str:
        return age(obj.queued_at)

    @admin.display(description="file")
    def file(self, obj: Any) -> str:
        """For a job that leaves a file, for some days."""
        if obj.path:
            return f"{words.size(obj.bytes)}, goes {words.ago(obj.expires_at)}"
        return "removed" if obj.sha256 else words.NOTHING

    def may_on(self, request: HttpRequest, act: Act, obj: Any) -> bool:
        """Who asked for a file may cancel it, and no other's."""
        return jobs.may_cancel(obj, actor_of(request)) if isinstance(act, Cancel) else self.may(request, act)

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_live"
        view = self.admin_site.admin_view(self.live_view)
        return [path("<path:object_id>/live/", view, name=name), *super().get_urls()]

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_live"
        return {"job": obj, "live": live(obj), "live_url": reverse(name, args=[obj.pk])}

    def live_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The panel alone, for the page's script."""
        obj = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        if obj is None:
            raise Http404
        return render(request, "tovgov/job_panel.html", {"job": obj, "live": live(obj)})
