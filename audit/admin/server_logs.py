"""Server logs: alike entries of a day, which people review, and each by itself."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit import own_acts, reviews
from audit.admin import cells
from audit.admin.base import RecordAdmin
from audit.admin.keyset import KeysetMixin
from audit.admin.reviews import ReviewedAdmin, review_acts
from audit.lists.server_logs import ENTRIES, GROUPS
from audit.models import Job, MaintenanceWindow, ServerLogEntry, ServerLogGroup
from audit.postgres.logs.classes import CLASSES
from audit.templatetags import format as words
from audit.templatetags.tovgov import badge, severity_badge

NEWEST = 50
KNOWN = {one.code: one for one in CLASSES}
LEVEL_TONES = {"PANIC": "bad", "FATAL": "bad", "ERROR": "warn", "WARNING": "warn"}


def class_label(code: str) -> str:
    """What people call a class."""
    return KNOWN[code].label if code in KNOWN else code


def explanation(group: ServerLogGroup | None) -> Job | MaintenanceWindow | None:
    """The run or window of tovgov's own that did what the group tells of; None for what others did."""
    if group is None or not group.explained_by:
        return None
    return own_acts.find(group.explained_by)


@admin.register(ServerLogGroup)
class ServerLogGroupAdmin(ReviewedAdmin):
    acts = review_acts(ServerLogGroup.review_permission)
    listing = GROUPS
    record_template = "tovgov/log_group.html"
    list_display = ("what", "message", "when", "of_target", "times", "role_word", "state_word", "assigned")
    list_display_links = ("what",)
    empty_note = (
        "Name a source of a target's server log (a folder, SQL, an upload, or manage.py imports run); alike entries of "
        "a day appear here as one line."
    )

    @admin.display(description="class")
    def what(self, obj: ServerLogGroup) -> SafeString:
        return format_html("{} {}", severity_badge(obj.severity), class_label(obj.kind))

    @admin.display(description="message")
    def message(self, obj: ServerLogGroup) -> SafeString:
        return format_html("<code>{}</code>", cells.line(obj.title))

    @admin.display(description="last")
    def when(self, obj: ServerLogGroup) -> SafeString:
        return cells.when(obj.last_at)

    @admin.display(description="target")
    def of_target(self, obj: ServerLogGroup) -> SafeString:
        return cells.target_cell(obj)

    @admin.display(description="times")
    def times(self, obj: ServerLogGroup) -> str:
        return words.count(obj.count)

    @admin.display(description="role")
    def role_word(self, obj: ServerLogGroup) -> str:
        return cells.line(obj.role, 40) or words.NOTHING

    @admin.display(description="assigned to")
    def assigned(self, obj: ServerLogGroup) -> str:
        return obj.assignee_name or words.NOTHING

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        rows = ServerLogEntry.objects.filter(of_group=obj).defer("query", "more", "detail").order_by("-at", "-id")
        return {
            "title": f"{class_label(obj.kind)}, {'once' if obj.count == 1 else f'{obj.count:,} times'}",
            "trail_here": f"Server log group {obj.pk}",
            "group": obj,
            "known": KNOWN.get(obj.kind),
            "run": explanation(obj),
            "severity": severity_badge(obj.severity),
            "message": cells.shown(obj.title, whole="whole" in request.GET),
            "role": cells.visible(obj.role),
            "grew": bool(obj.decided_at and obj.last_at > obj.decided_at),
            "rows": [(row, cells.line(row.message, 140)) for row in rows[:NEWEST]],
            "all_url": f"{reverse('admin:audit_serverlogentry_changelist')}?group={obj.pk}",
            "history": reviews.history(obj),
        }


@admin.register(ServerLogEntry)
class ServerLogEntryAdmin(KeysetMixin, RecordAdmin):
    listing = ENTRIES
    record_template = "tovgov/log_entry.html"
    list_display = ("what", "message_line", "when", "of_target", "level_word", "role_word", "from_where")
    list_display_links = ("what",)
    empty_note = "The records of a target's server log appear here once a source of it is named and read."

    @admin.display(description="class")
    def what(self, obj: ServerLogEntry) -> SafeString:
        return format_html("{} {}", severity_badge(obj.severity), class_label(obj.kind))

    @admin.display(description="message")
    def message_line(self, obj: ServerLogEntry) -> SafeString:
        return format_html("<code>{}</code>", cells.line(obj.message))

    @admin.display(description="when")
    def when(self, obj: ServerLogEntry) -> SafeString:
        return cells.when(obj.at)

    @admin.display(description="target")
    def of_target(self, obj: ServerLogEntry) -> SafeString:
        return cells.target_cell(obj)

    @admin.display(description="level")
    def level_word(self, obj: ServerLogEntry) -> SafeString:
        code = f" {obj.sqlstate}" if obj.sqlstate not in ("", "00000") else ""
        return badge(LEVEL_TONES.get(obj.level, "quiet"), f"{obj.level}{code}")

    @admin.display(description="role")
    def role_word(self, obj: ServerLogEntry) -> str:
        return cells.line(obj.role, 40) or words.NOTHING

    @admin.display(description="from")
    def from_where(self, obj: ServerLogEntry) -> str:
        return cells.line(obj.address, 60) or words.NOTHING

    def is_personal(self, obj: Any) -> bool:
        return True

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        whole = "whole" in request.GET
        texts = [("Message", obj.message), ("Detail", obj.detail), ("Statement", obj.query)]
        group = ServerLogGroup.objects.filter(pk=obj.of_group_id).select_related("incident").first()
        facts = [("Database", obj.database), ("Application", obj.application), ("Command", obj.command)]
        return {
            "title": f"{class_label(obj.kind)}: {cells.line(obj.message, 60)}",
            "trail_here": f"Entry {obj.pk}",
            "entry": obj,
            "known": KNOWN.get(obj.kind),
            "severity": severity_badge(obj.severity),
            "level": self.level_word(obj),
            "group": group,
            "run": explanation(group),
            "texts": [(label, cells.shown(text, whole=whole)) for label, text in texts if text],
            "more": [(name, cells.shown(value, whole=whole)) for name, value in _more(obj.more)],
            "facts": [(label, cells.line(text, 300)) for label, text in facts if text],
            "role": cells.visible(obj.role),
            "address": cells.line(obj.address, 255),
        }


def _more(text: str) -> list[tuple[str, str]]:
    """The further fields of a record, each as its text; what is no JSON object stands as it is."""
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        found = text
    if not isinstance(found, dict):
        return [("more", str(found))]
    return [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in found.items()]
