"""The ledger: read it, search it, verify it. Nobody writes here."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.views.decorators.http import require_POST

from audit import ledger, registry
from audit.admin.base import RecordAdmin
from audit.admin.keyset import KeysetMixin
from audit.lists.ledger_entries import LEDGER
from audit.models import LedgerEntry


@admin.register(LedgerEntry)
class LedgerEntryAdmin(KeysetMixin, RecordAdmin):
    listing = LEDGER
    record_template = "tovgov/ledger_entry.html"
    change_list_template = "tovgov/ledger_list.html"
    list_display = ("number", "when", "actor", "action", "what", "reason_line")
    list_display_links = ("number",)
    empty_note = "Every act will be written here, with who, what, why and from where."

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.verify_view))
        return [path("verify/", view, name="audit_ledgerentry_verify"), *super().get_urls()]

    @admin.display(description="when")
    def when(self, obj: LedgerEntry) -> SafeString:
        local = timezone.localtime(obj.at)
        return format_html('<span class="nowrap">{}</span>', f"{local:%d %b %Y, %H:%M:%S}")

    @admin.display(description="on")
    def what(self, obj: LedgerEntry) -> str:
        return Truncator(obj.object_label or obj.target or "–").chars(60)

    @admin.display(description="why")
    def reason_line(self, obj: LedgerEntry) -> str:
        return Truncator(obj.reason or "–").chars(60)

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        detail = json.dumps(obj.detail, indent=2, ensure_ascii=False) if obj.detail else ""
        return {"title": f"Entry {obj.number}", "entry": obj, "detail": detail}

    def verify_view(self, request: HttpRequest) -> HttpResponse:
        """Walk the whole chain and say what was found."""
        verdict = ledger.verify(anchors=registry.anchors())
        if verdict.is_sound:
            text = f"The ledger is sound: {verdict.entries:,} entries, each in its place, unaltered."
            self.message_user(request, text, messages.SUCCESS)
        else:
            self.message_user(request, _faults(verdict.faults), messages.ERROR)
        return HttpResponseRedirect(reverse("admin:audit_ledgerentry_changelist"))


def _faults(faults: list[str]) -> SafeString:
    shown = format_html_join(" ", "{}", ((fault,) for fault in faults[:10]))
    more = f" And {len(faults) - 10} more." if len(faults) > 10 else ""
    return format_html("<strong>The ledger was altered outside tovgov.</strong> {}{}", shown, more)
