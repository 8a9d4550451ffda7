"""Evidence packs: asked for here, seen as a job, read with their gaps, downloaded while their file is there."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, time, timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from audit.actors import Actor
from audit.admin.acts import Act, Done
from audit.admin.base import actor_of, explain
from audit.admin.jobs import Cancel, JobAdmin
from audit.evidence import ask
from audit.exceptions import NotPermitted, TovgovError
from audit.models import EvidencePack, EvidencePart, Target
from audit.templatetags import format as words
from audit.templatetags.tovgov import badge, page_of

QUARTER_DAYS = 91


class VerifyAgain(Act):
    slug = "verify"
    label = "Verify again"
    permission = ask.EXPORT
    in_list = False

    def applies(self, obj: EvidencePack) -> bool:
        return bool(obj.path)

    def consequences(self, obj: EvidencePack) -> list[str]:
        return [
            "The verifier that lies in the pack reads the whole file now; what it says stands on the pack's page.",
            "It takes about a second for a thousand records. The file is not changed.",
        ]

    def perform(self, obj: EvidencePack, *, actor: Actor, data: dict[str, Any]) -> Done:
        faults = ask.verify_again(obj, actor=actor)
        return Done("Everything is as it was signed." if not faults else f"NOT AS SIGNED: {faults[0]}")


class AskForm(forms.Form):
    """Which period, of which targets, and what of it."""

    first = forms.DateField(label="First day", widget=forms.DateInput(attrs={"type": "date"}), help_text="In UTC.")
    last = forms.DateField(
        label="Last day", widget=forms.DateInput(attrs={"type": "date"}), help_text="This day is in it, to its end."
    )
    targets = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple)
    parts = forms.MultipleChoiceField(
        label="What is in it",
        widget=forms.CheckboxSelectMultiple,
        choices=EvidencePart.choices,
        help_text="What you leave out stands among the pack's gaps.",
    )
    reason = forms.CharField(
        label="What it is for", required=False, max_length=500, help_text="It stands in the pack and in the ledger."
    )

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        field = self.fields["targets"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [
            (str(one.pk), one.name if one.is_active else f"{one.name} (not active)") for one in Target.objects.all()
        ]


@admin.register(EvidencePack)
class EvidencePackAdmin(JobAdmin):
    acts: ClassVar[list[Act]] = [Cancel(), VerifyAgain()]
    record_template = "tovgov/evidence.html"
    list_display = ("what", "period", "state_word", "verdict", "gap_number", "asked_name", "queued", "file")
    list_filter = ("state",)
    search_fields = ("asked_name", "sha256", "reason")
    empty_note = "An evidence pack shows an auditor what happened to targets in a period, and proves it without tovgov."

    def get_urls(self) -> list[URLPattern]:
        fetch = self.admin_site.admin_view(self.download_view)
        return [
            path("<path:object_id>/download/", fetch, name="audit_evidencepack_download"),
            *super().get_urls(),
        ]

    @admin.display(description="targets")
    def what(self, obj: EvidencePack) -> str:
        return ", ".join(one["name"] for one in obj.scope)

    @admin.display(description="period", ordering="start")
    def period(self, obj: EvidencePack) -> str:
        return period_of(obj)

    @admin.display(description="verified")
    def verdict(self, obj: EvidencePack) -> SafeString | str:
        if obj.verified_at is None:
            return words.NOTHING
        return badge("bad", "Not as signed") if obj.faults else badge("good", "As signed")

    @admin.display(description="gaps")
    def gap_number(self, obj: EvidencePack) -> str:
        return words.count(len(obj.gaps) if obj.sha256 else None)

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        may = bool(obj.path) and request.user.has_perm(ask.EXPORT)
        return super().record(request, obj) | {
            "pack": obj,
            "period": period_of(obj),
            "verdict": self.verdict(obj),
            "parts": [EvidencePart(part).label for part in obj.parts],
            "download_url": reverse("admin:audit_evidencepack_download", args=[obj.pk]) if may else "",
        }

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(ask.EXPORT))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for a pack; the last quarter and everything are offered."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = AskForm(request.POST or None, auto_id="pack_%s", initial=_offered(request))
        error = None
        if request.method == "POST" and form.is_valid():
            try:
                return HttpResponseRedirect(page_of(_ask(form.cleaned_data, actor_of(request))))
            except NotPermitted as refused:
                raise PermissionDenied(refused.message) from None
            except TovgovError as refused:
                error = refused
        page = self.admin_site.each_context(request) | {"title": "Ask for an evidence pack", "opts": self.opts}
        page |= {"form": form, "error": error}
        return TemplateResponse(request, "tovgov/evidence_add.html", page, status=409 if error else 200)

    def download_view(self, request: HttpRequest, object_id: str) -> HttpResponse | FileResponse:
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        try:
            fetched = ask.download(obj, actor=actor_of(request))
        except NotPermitted as error:
            raise PermissionDenied(error.message) from None
        except TovgovError as error:
            self.message_user(request, explain(error), messages.ERROR)
            return HttpResponseRedirect(page_of(obj))
        return _answer(fetched)


def period_of(obj: EvidencePack) -> str:
    """Its period in words; whole days as their first and last."""
    last = obj.end - timedelta(microseconds=1)
    if obj.start.astimezone(UTC).time() == obj.end.astimezone(UTC).time() == time():
        return f"{obj.start:%Y-%m-%d} to {last:%Y-%m-%d}"
    return f"{obj.start:%Y-%m-%d %H:%M} to {obj.end:%Y-%m-%d %H:%M} UTC"


def _offered(request: HttpRequest) -> dict[str, Any]:
    today = timezone.now().date()
    return {
        "first": today - timedelta(days=QUARTER_DAYS),
        "last": today,
        "parts": EvidencePart.values,
        "targets": request.GET.getlist("target"),
    }


def _ask(data: dict[str, Any], actor: Actor) -> EvidencePack:
    chosen = list(Target.objects.filter(pk__in=data["targets"]))
    start = datetime.combine(data["first"], time(), UTC)
    end = datetime.combine(data["last"], time(), UTC) + timedelta(days=1)
    return ask.ask(start, end, chosen, actor=actor, reason=data["reason"], parts=data["parts"])


def _answer(fetched: ask.Fetched) -> FileResponse:
    """The file as a download, with its hash in a header (RFC 9530)."""
    answer = FileResponse(fetched.file, as_attachment=True, filename=fetched.name, content_type=ask.MEDIA)
    answer["Repr-Digest"] = f"sha-256=:{base64.b64encode(bytes.fromhex(fetched.sha256)).decode()}:"
    answer["X-SHA256"] = fetched.sha256
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "no-store"
    return answer
