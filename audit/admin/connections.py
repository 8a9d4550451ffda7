"""Connections: alike ones of a day, which people review, and each by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from audit import reviews
from audit.admin import cells
from audit.admin.base import RecordAdmin
from audit.admin.keyset import KeysetMixin
from audit.admin.reviews import ReviewedAdmin, review_acts
from audit.lists.connections import CONNECTIONS, GROUPS
from audit.models import ConnectionAuditLog, ConnectionGroup, ConnectionOutcome
from audit.templatetags import format as words
from audit.templatetags.tovgov import badge, state_badge

NEWEST = 50


def outcome_word(obj: ConnectionGroup | ConnectionAuditLog) -> SafeString:
    """Let in, or why not."""
    return state_badge(obj.outcome, obj.get_outcome_display())


def new_words(obj: ConnectionGroup) -> SafeString:
    """What is new about it, a badge each."""
    found = ((badge("bad" if word.startswith("refused") else "warn", word if " " in word else f"new {word}"),)
             for word in obj.new)  # fmt: skip
    return format_html_join(" ", "{}", found)


def summary(obj: ConnectionGroup) -> str:
    """“tovplay_app from 10.0.0.7, 182 times”."""
    place = obj.client_address or "the server itself"
    times = "once" if obj.count == 1 else f"{obj.count:,} times"
    return f"{cells.line(obj.role, 63) or 'unknown role'} from {place}, {times}"


@admin.register(ConnectionGroup)
class ConnectionGroupAdmin(ReviewedAdmin):
    acts = review_acts(ConnectionGroup.review_permission)
    listing = GROUPS
    record_template = "tovgov/connection_group.html"
    list_display = ("what", "when", "of_target", "into", "with_what", "came_of_it", "state_word", "assigned")
    list_display_links = ("what",)
    empty_note = (
        "Protect a target with a policy that has the rule connection_log, or import its server's log; who connects "
        "appears here within a minute, alike connections of a day as one line."
    )

    @admin.display(description="who")
    def what(self, obj: ConnectionGroup) -> str:
        return summary(obj)

    @admin.display(description="last")
    def when(self, obj: ConnectionGroup) -> SafeString:
        return cells.when(obj.last_at)

    @admin.display(description="target")
    def of_target(self, obj: ConnectionGroup) -> SafeString:
        return cells.target_cell(obj)

    @admin.display(description="database")
    def into(self, obj: ConnectionGroup) -> str:
        return cells.line(obj.database, 40) or words.NOTHING

    @admin.display(description="application")
    def with_what(self, obj: ConnectionGroup) -> str:
        return cells.line(obj.application_name, 40) or words.NOTHING

    @admin.display(description="outcome")
    def came_of_it(self, obj: ConnectionGroup) -> SafeString:
        return format_html("{} {}", outcome_word(obj), new_words(obj))

    @admin.display(description="assigned to")
    def assigned(self, obj: ConnectionGroup) -> str:
        return obj.assignee_name or words.NOTHING

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        rows = ConnectionAuditLog.objects.filter(of_group=obj, same_as=None).order_by("-at", "-id")
        every = reverse("admin:audit_connectionauditlog_changelist")
        day, end = obj.day.isoformat(), (obj.day + timedelta(days=1)).isoformat()
        asked = {"target": obj.target_id, "outcome": obj.outcome, "from": f"{day}T00:00:00Z", "to": f"{end}T00:00:00Z"}
        return {
            "title": summary(obj),
            "trail_here": f"Connections {obj.pk}",
            "group": obj,
            "role": cells.visible(obj.role),
            "application": cells.visible(obj.application_name),
            "outcome_word": outcome_word(obj),
            "new_words": new_words(obj),
            "grew": bool(obj.decided_at and obj.last_at > obj.decided_at),
            "rows": list(rows[:NEWEST]),
            "all_url": f"{every}?{urlencode(asked)}",
            "history": reviews.history(obj),
        }


@admin.register(ConnectionAuditLog)
class ConnectionAuditLogAdmin(KeysetMixin, RecordAdmin):
    listing = CONNECTIONS
    record_template = "tovgov/connection.html"
    list_display = ("who", "when", "of_target", "address", "with_what", "came_of_it", "lasted", "source")
    list_display_links = ("who",)
    empty_note = (
        "Targets whose policy has the rule connection_log, and targets whose log is imported, show who connects."
    )

    @admin.display(description="who")
    def who(self, obj: ConnectionAuditLog) -> str:
        role = cells.line(obj.role, 63) or "unknown role"
        return f"{role} in {cells.line(obj.database, 63)}" if obj.database else role

    @admin.display(description="began")
    def when(self, obj: ConnectionAuditLog) -> SafeString:
        return cells.when(obj.at)

    @admin.display(description="target")
    def of_target(self, obj: ConnectionAuditLog) -> SafeString:
        return cells.target_cell(obj)

    @admin.display(description="from")
    def address(self, obj: ConnectionAuditLog) -> str:
        return cells.line(obj.came_from, 60)

    @admin.display(description="application")
    def with_what(self, obj: ConnectionAuditLog) -> str:
        return cells.line(obj.application_name, 40) or words.NOTHING

    @admin.display(description="outcome")
    def came_of_it(self, obj: ConnectionAuditLog) -> SafeString:
        new = new_words(obj.of_group) if obj.of_group and obj.of_group.new else ""
        return format_html("{} {}", outcome_word(obj), new)

    @admin.display(description="lasted")
    def lasted(self, obj: ConnectionAuditLog) -> str:
        return words.duration(obj.duration)

    def is_personal(self, obj: Any) -> bool:
        return True

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        alike = ConnectionAuditLog.objects.filter(target=obj.target_id)
        others = alike.filter(pk=obj.same_as) if obj.same_as else alike.none()
        return {
            "title": f"{cells.line(obj.role, 63) or 'Unknown role'} from {cells.line(obj.came_from, 80)}",
            "trail_here": f"Connection {obj.pk}",
            "connection": obj,
            "group": obj.of_group,
            "same": others.first(),
            "outcome_word": outcome_word(obj),
            "is_refused": obj.outcome != ConnectionOutcome.ACCEPTED,
            "encrypted": {True: "yes", False: "no", None: "unknown"}[obj.tls],
            "application": cells.visible(obj.application_name),
            "role": cells.visible(obj.role),
            "reason": cells.shown(obj.reason, whole="whole" in request.GET),
        }
