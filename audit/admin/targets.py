"""Targets: what they are, whether they are still what was registered, and how to reach them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar
from urllib.parse import quote

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from audit import targets
from audit.admin.base import RecordAdmin, actor_of
from audit.admin.target_acts import ACTS
from audit.admin.target_forms import RegisterForm
from audit.exceptions import NotPermitted, TovgovError
from audit.models import Alert, Purpose, Severity, Target
from audit.templatetags.tovgov import age, badge, environment_badge, page_of

Panel = Callable[[HttpRequest, Target], tuple[str, dict[str, Any]]]
"""A template and its facts, for a part of the page that an app above knows."""


@admin.register(Target)
class TargetAdmin(RecordAdmin):
    acts = [*ACTS]
    panels: ClassVar[list[Panel]] = []
    record_template = "tovgov/target.html"
    list_display = ("name", "environment_word", "database", "place", "identity", "checked", "in_use")
    list_display_links = ("name",)
    list_filter = ("environment", "is_active")
    search_fields = ("name", "database", "host", "service")
    search_help_text = "Name, database or server."
    empty_note = "A target is a database that tovgov protects. Add the first: its server, its exact name, its roles."

    @admin.display(description="environment", ordering="environment")
    def environment_word(self, obj: Target) -> SafeString:
        return environment_badge(obj.environment)

    @admin.display(description="server")
    def place(self, obj: Target) -> str:
        if obj.service:
            return f"service {obj.service}"
        return f"{obj.host or 'local socket'}{f':{obj.port}' if obj.port else ''}"

    @admin.display(description="identity", ordering="check_error_code")
    def identity(self, obj: Target) -> SafeString:
        if not obj.is_identified:
            return badge("warn", "Never identified")
        return badge("bad", "Check failed") if obj.check_error_code else badge("good", "Confirmed")

    @admin.display(description="checked", ordering="checked_at")
    def checked(self, obj: Target) -> SafeString | str:
        return age(obj.checked_at)

    @admin.display(description="in use", boolean=True, ordering="is_active")
    def in_use(self, obj: Target) -> bool:
        return obj.is_active

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        known = {row.purpose: row for row in obj.credentials.defer("password")}
        return {
            "target": obj,
            "preflight": obj.preflights.first(),
            "roles": [(purpose.label, known.get(purpose)) for purpose in Purpose],
            "sentinels": obj.sentinels.order_by("schema", "table"),
            "alerts": _gravest(obj),
            "open_alerts": f"{reverse('admin:audit_alert_changelist')}?open=open&q={quote(obj.name)}",
            "panels": [panel(request, obj) for panel in self.panels],
        }

    # --- registering ----------------------------------------------------------------------------------------------

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("audit.add_target"))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for everything, connect, pin; what cannot be reached is not kept."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form, error = RegisterForm(request.POST if request.method == "POST" else None), None
        if request.method == "POST" and form.is_valid():
            try:
                return self._register(request, form)
            except NotPermitted as refused:
                raise PermissionDenied(refused.message) from None
            except TovgovError as refused:
                error = refused
        context = {
            **self.admin_site.each_context(request),
            "title": "Add a target",
            "opts": self.opts,
            "form": form,
            "error": error,
        }
        return TemplateResponse(request, "tovgov/target_add.html", context, status=409 if error else 200)

    def _register(self, request: HttpRequest, form: RegisterForm) -> HttpResponse:
        data = form.cleaned_data
        target = targets.register(
            data["name"],
            actor=actor_of(request),
            credentials=form.credentials,
            sentinels=data["sentinels"],
            twin_reason=data["twin_reason"],
            **form.facts,
        )
        words = f'{target} is registered and pinned: database "{target.database}", number {target.database_oid}.'
        self.message_user(request, f"{words} Test the connection to see what its roles may do.", messages.SUCCESS)
        return HttpResponseRedirect(page_of(target))


def _gravest(target: Target) -> list[Alert]:
    """Its open alerts, the gravest first; the failed check has a place of its own on the page."""
    rows = target.alerts.filter(resolved_at=None).exclude(kind="target.identity")
    return sorted(rows, key=lambda alert: (-Severity(alert.severity).rank, -alert.opened_at.timestamp()))
