"""API tokens: issued here and shown once, revoked at any time. People see their own."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from audit import tokens
from audit.actors import Actor
from audit.admin.acts import Act, Done
from audit.admin.base import RecordAdmin, actor_of
from audit.exceptions import NotPermitted, TovgovError
from audit.models import ApiToken
from audit.templatetags.tovgov import age, badge

ISSUE = "audit.issue_token"
LONGEST = 366


class TokenForm(forms.Form):
    name = forms.CharField(max_length=80, help_text="What uses it, for example “deploy pipeline”.")
    days = forms.IntegerField(label="Good for, in days", min_value=1, max_value=LONGEST, initial=90)


class Revoke(Act):
    slug = "revoke"
    label = "Revoke"
    permission = ISSUE
    tone = "danger"

    def applies(self, obj: ApiToken) -> bool:
        return obj.revoked_at is None

    def consequences(self, obj: ApiToken) -> list[str]:
        return ["Whatever uses it is refused from now on.", "It cannot be taken back; issue another one instead."]

    def perform(self, obj: ApiToken, *, actor: Actor, data: dict[str, Any]) -> Done:
        tokens.revoke(obj, actor=actor)
        return Done(f"{obj} is revoked.")


@admin.register(ApiToken)
class ApiTokenAdmin(RecordAdmin):
    acts = [Revoke()]
    record_template = "tovgov/token.html"
    list_display = ("name", "user", "state", "expires", "used")
    list_filter = (("expires_at", admin.DateFieldListFilter),)
    search_fields = ("name", "user__username")
    search_help_text = "Name or person."
    list_select_related = ("user",)
    empty_note = "A program acts with a token as the person who issued it, and never with more rights."

    def get_queryset(self, request: HttpRequest) -> Any:
        """One’s own; all of them for who manages users."""
        rows = super().get_queryset(request)
        return rows if request.user.has_perm("auth.change_user") else rows.filter(user=request.user.pk)

    @admin.display(description="state")
    def state(self, obj: ApiToken) -> SafeString:
        if obj.revoked_at:
            return badge("quiet", "Revoked")
        return badge("quiet", "Expired") if obj.expires_at < timezone.now() else badge("good", "Good")

    @admin.display(description="expires", ordering="expires_at")
    def expires(self, obj: ApiToken) -> SafeString | str:
        return age(obj.expires_at)

    @admin.display(description="last used", ordering="used_at")
    def used(self, obj: ApiToken) -> SafeString | str:
        return age(obj.used_at)

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {"token": obj, "state": self.state(obj)}

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(ISSUE))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Issue a token and show its text, this once."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = TokenForm(request.POST if request.method == "POST" else None, auto_id="token_%s")
        context: dict[str, Any] = {"form": form, "error": None, "text": ""}
        if request.method == "POST" and form.is_valid():
            data = form.cleaned_data
            try:
                token, text = tokens.issue(data["name"], actor=actor_of(request), days=data["days"])
                context |= {"token": token, "text": text}
            except NotPermitted as refused:
                raise PermissionDenied(refused.message) from None
            except TovgovError as refused:
                context["error"] = refused
        page = self.admin_site.each_context(request) | {"title": "Issue an API token", "opts": self.opts, **context}
        return TemplateResponse(request, "tovgov/token_add.html", page, status=409 if context["error"] else 200)
