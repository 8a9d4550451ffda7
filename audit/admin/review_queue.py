"""The queue: what waits for a person, of every log, by target, and in words that say what it is."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from audit.admin import cells
from audit.admin.connections import outcome_word
from audit.admin.connections import summary as connections_summary
from audit.admin.server_logs import class_label
from audit.lists import waiting
from audit.models import ConnectionGroup, ConnectionOutcome, DeleteAuditTransaction, Reviewed, ServerLogGroup
from audit.templatetags.tovgov import badge, severity_badge

QUEUE = 12

QUEUES: tuple[tuple[type[Reviewed], str, str], ...] = (
    (DeleteAuditTransaction, "Deletes", "What was deleted and nobody has judged yet."),
    (
        ConnectionGroup,
        "Connections",
        "Who came, and who was refused; what is new comes first. Confirm the roles, addresses and applications that"
        " belong to a target, and nobody has to look at their logins any more.",
    ),
    (ServerLogGroup, "Server logs", "What the servers said. The gravest comes first."),
)


def review_queue(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """What waits, of every log that the person may see: by target, what to look at first, and what is in one's own
    hands."""
    seen = [one for one in QUEUES if request.user.has_perm(f"audit.view_{one[0]._meta.model_name}")]
    if not seen:
        raise PermissionDenied
    mine = [row for kind, _, _ in seen for row in waiting.oldest(kind, QUEUE, assignee=request.user.pk)]
    context = {
        **site.each_context(request),
        "title": "Review queue",
        "queues": [_queue(*one) for one in seen],
        "mine": [told(row) for row in sorted(mine, key=lambda row: row.at)[:QUEUE]],
        "incidents": waiting.open_incidents(QUEUE),
    }
    return TemplateResponse(request, "tovgov/review_queue.html", context)


def _queue(kind: type[Reviewed], name: str, lead: str) -> dict[str, Any]:
    targets = waiting.by_target(kind)
    return {
        "name": name,
        "slug": kind._meta.model_name,
        "lead": lead,
        "list_url": reverse(f"admin:audit_{kind._meta.model_name}_changelist"),
        "more_url": reverse("admin:audit_knownclient_changelist") if kind is ConnectionGroup else "",
        "more": "Known clients" if kind is ConnectionGroup else "",
        "has_noise": waiting.has_noise(kind),
        "targets": [one for one in targets if not one.is_clear or one.hidden.number],
        "has_targets": bool(targets),
        "oldest": [told(row) for row in waiting.oldest(kind, QUEUE)],
    }


def told(row: Reviewed) -> dict[str, Any]:
    """A row of any log as the queue shows it: badges, what happened, and what was said or run."""
    if isinstance(row, ServerLogGroup):
        who = f" by {cells.line(row.role, 40)}" if row.role else ""
        times = "" if row.count == 1 else f", {row.count:,} times"
        return {
            "row": row,
            "badges": severity_badge(row.severity),
            "words": f"{class_label(row.kind)}{who}{times}",
            "quote": cells.line(row.title, 160),
        }
    if isinstance(row, ConnectionGroup):
        into = f", into {cells.line(row.database, 40)}" if row.database else ""
        program = f", with {cells.line(row.application_name, 40)}" if row.application_name else ""
        return {"row": row, "badges": _badges(row), "words": f"{connections_summary(row)}{into}{program}", "quote": ""}
    return {"row": row, "badges": "", "words": str(row), "quote": ""}


def _badges(row: ConnectionGroup) -> SafeString:
    """That it was refused, and what is new about it: one badge, or a phone shows nothing else."""
    refused = outcome_word(row) if row.outcome != ConnectionOutcome.ACCEPTED else SafeString("")
    if not row.new:
        return refused
    is_known_bad = any(word.startswith("refused") for word in row.new)
    return refused + badge("bad" if is_known_bad else "warn", f"new: {', '.join(row.new)}")
