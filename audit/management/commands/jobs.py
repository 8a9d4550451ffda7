"""``manage.py jobs``: what runs, what ran, and how to stop it."""

from __future__ import annotations

from itertools import chain
from typing import Any

from django.core.management.base import CommandParser

from audit import jobs
from audit.jobs import facts, find, reference
from audit.management.base import TovgovCommand
from audit.models import OPEN_STATES, Job


class Command(TovgovCommand):
    help = "List jobs, show one with its log, or cancel it."

    def add_arguments(self, parser: CommandParser) -> None:
        listing = self.verb(parser, "list", self.list, "show jobs, the newest first")
        listing.add_argument("--open", action="store_true", help="only those that are queued or running")
        listing.add_argument("--limit", type=int, default=20)
        show = self.verb(parser, "show", self.show, "show one job with its phases and its log")
        show.add_argument("job", help="for example backup-12")
        cancel = self.verb(parser, "cancel", self.cancel, "stop a job; what it had begun is undone")
        cancel.add_argument("job", help="for example backup-12")
        cancel.add_argument("--reason", default="")

    def list(self, options: dict[str, Any]) -> None:
        states = {"state__in": OPEN_STATES} if options["open"] else {}
        limit = options["limit"]
        rows = chain.from_iterable(
            model._default_manager.filter(**states).order_by("-queued_at")[:limit] for model in jobs.kinds()
        )
        newest = sorted(rows, key=lambda job: job.queued_at, reverse=True)[:limit]
        cells = [(reference(job), str(job), job.state, _progress(job), job.asked_name, job.error) for job in newest]
        table = self.table(("job", "what", "state", "phase", "asked by", "error"), cells)
        self.emit(options, [facts(job) for job in newest], table)

    def show(self, options: dict[str, Any]) -> None:
        job = find(options["job"])
        phases = "".join(f"  {p['name']}: {p['seconds'] or 0:.1f} s\n" for p in job.phases)
        text = f"{reference(job)}  {job}\n{job.get_state_display()} {job.error}\n{job.hint}\n{phases}\n{job.log}"
        self.emit(options, facts(job) | {"log": job.log}, text)

    def cancel(self, options: dict[str, Any]) -> None:
        job = find(options["job"])
        jobs.cancel(job, actor=self.actor(options), reason=options["reason"])
        self.emit(options, facts(job), f"{reference(job)} is asked to stop.")


def _progress(job: Job) -> str:
    return f"{job.phase} {job.share:.0%}" if job.share is not None else job.phase
