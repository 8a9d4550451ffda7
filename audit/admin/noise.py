"""Noise filters and log settings: what of a server log nobody has to look at, with a look ahead before it is saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from audit import noise
from audit.admin.acts import Act, Done, Reason
from audit.admin.base import RecordAdmin, TovgovAdmin, actor_of
from audit.exceptions import NotPermitted, TovgovError
from audit.models import LogSettings, LogSeverity, NoiseFilter, ServerLogGroup, Target
from audit.models.noise import LONGEST_PATTERN
from audit.postgres.logs.classes import CLASSES
from audit.templatetags.tovgov import age, badge, page_of

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[LogSettings]
else:
    ModelForm = forms.ModelForm

TONES = {10: "quiet", 20: "quiet", 30: "info", 40: "warn", 50: "bad"}
CHOICES = [(row.code, row.label) for row in sorted(CLASSES, key=lambda row: row.label.lower())]


class NoiseForm(forms.Form):
    pattern = forms.CharField(
        required=False,
        max_length=LONGEST_PATTERN,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="A regular expression (RE2), looked for anywhere in the masked message. Empty: all of a class.",
    )
    kind = forms.ChoiceField(
        label="Class",
        required=False,
        choices=[("", "Any class"), *((row.code, row.label) for row in CLASSES if row.code not in noise.CRITICAL)],
    )
    target = forms.ModelChoiceField(Target.objects.all(), required=False, empty_label="All targets")
    reason = forms.CharField(
        label="Why does nobody have to look at these?",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Kept in the ledger with your name.",
    )


def look_ahead(data: Any) -> dict[str, Any]:
    """What a filter of these fields would hide, or why it cannot be."""
    form = NoiseForm(data)
    form.is_valid()  # the reason may still be missing
    facts = {name: form.cleaned_data.get(name) for name in ("pattern", "kind", "target")}
    if not (facts["pattern"] or facts["kind"]):
        return {}
    try:
        found = noise.preview(facts["pattern"] or "", target=facts["target"], kind=facts["kind"] or "")
    except TovgovError as error:
        return {"wrong": error}
    samples = [(row, badge(TONES[row.severity], row.get_severity_display()), _page(row)) for row in found.samples]
    return {"found": found, "samples": samples, "by_class": found.by_class.most_common()}


def _page(row: ServerLogGroup) -> str:
    return page_of(row) if ServerLogGroup in admin.site._registry else ""


class SwitchOff(Act):
    slug = "off"
    label = "Switch off"
    permission = noise.PERMISSION
    reason = Reason.WELCOME

    def applies(self, obj: NoiseFilter) -> bool:
        return obj.is_active

    def consequences(self, obj: NoiseFilter) -> list[str]:
        return ["What only this filter hid waits for a review again.", "It can be switched on again."]

    def perform(self, obj: NoiseFilter, *, actor: Any, data: dict[str, Any]) -> Done:
        changed = noise.switch(obj, on=False, actor=actor, reason=data.get("reason", ""))
        return Done(f"The filter is off; {changed:,} waiting groups changed.")


class SwitchOn(Act):
    slug = "on"
    label = "Switch on"
    permission = noise.PERMISSION
    reason = Reason.WELCOME

    def applies(self, obj: NoiseFilter) -> bool:
        return not obj.is_active

    def consequences(self, obj: NoiseFilter) -> list[str]:
        return ["What it finds is hidden from those who review, and counted.", "Nothing is deleted."]

    def perform(self, obj: NoiseFilter, *, actor: Any, data: dict[str, Any]) -> Done:
        changed = noise.switch(obj, on=True, actor=actor, reason=data.get("reason", ""))
        return Done(f"The filter is on; {changed:,} waiting groups changed.")


@admin.register(NoiseFilter)
class NoiseFilterAdmin(RecordAdmin):
    acts = [SwitchOff(), SwitchOn()]
    record_template = "tovgov/noise_filter.html"
    list_display = ("name", "state", "scope", "reason", "made_by", "made")
    list_filter = ("is_active",)
    list_select_related = ("target",)
    search_fields = ("pattern", "reason", "kind")
    search_help_text = "Pattern, class or reason."
    empty_note = "Nothing is filtered. Only what is less than a target's minimum severity is hidden, and counted."

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("preview/", self.admin_site.admin_view(self.preview_view), name="audit_noisefilter_preview"),
            path("<int:pk>/edit/", self.admin_site.admin_view(self.edit_view), name="audit_noisefilter_edit"),
        ]
        return [*own, *super().get_urls()]

    @admin.display(description="hides", ordering="pattern")
    def name(self, obj: NoiseFilter) -> str:
        return obj.pattern or f"all of {obj.kind}"

    @admin.display(description="state", ordering="is_active")
    def state(self, obj: NoiseFilter) -> SafeString:
        return badge("good", "On") if obj.is_active else badge("quiet", "Off")

    @admin.display(description="of")
    def scope(self, obj: NoiseFilter) -> str:
        return f"{obj.target or 'all targets'}{', ' + obj.kind if obj.kind else ''}"

    @admin.display(description="made", ordering="made_at")
    def made(self, obj: NoiseFilter) -> SafeString | str:
        return age(obj.made_at)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(noise.PERMISSION))

    def buttons(self, request: HttpRequest, obj: Any) -> list[dict[str, Any]]:
        shown = super().buttons(request, obj)
        if self.has_add_permission(request):
            url = reverse("admin:audit_noisefilter_edit", args=[obj.pk])
            shown.insert(0, {"label": "Change", "tone": "primary", "minor": False, "url": url})
        return shown

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        facts = {"pattern": obj.pattern, "kind": obj.kind, "target": obj.target_id, "reason": obj.reason}
        return {"filter": obj, "state": self.state(obj), **look_ahead(facts)}

    # --- the form and its look ahead ---------------------------------------------------------------------------------

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return self._form(request, None)

    def edit_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The form of a filter that is there."""
        row = NoiseFilter.objects.select_related("target").filter(pk=pk).first()
        if row is None:
            raise Http404
        return self._form(request, row)

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """What the fields of the form would hide, as a piece of the page."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        return TemplateResponse(request, "tovgov/noise_preview.html", look_ahead(request.GET))

    def _form(self, request: HttpRequest, row: NoiseFilter | None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        sent = request.POST if request.method == "POST" else None
        now = {"pattern": row.pattern, "kind": row.kind, "target": row.target_id, "reason": row.reason} if row else {}
        form = NoiseForm(sent, initial=now, auto_id="noise_%s")
        error = None
        if sent is not None and "preview" not in sent and form.is_valid():
            try:
                saved = self._save(request, row, form.cleaned_data)
            except NotPermitted as refused:
                raise PermissionDenied(refused.message) from None
            except TovgovError as refused:
                error = refused
            else:
                self.message_user(request, "The filter is saved. What it hides stays, and is counted.")
                return HttpResponseRedirect(page_of(saved))
        context = {
            **self.admin_site.each_context(request),
            "title": "Change a noise filter" if row else "Add a noise filter",
            "opts": self.opts,
            "form": form,
            "error": error,
            "back": page_of(row) if row else reverse("admin:audit_noisefilter_changelist"),
            **look_ahead(sent if sent is not None else now),
        }
        return TemplateResponse(request, "tovgov/noise_form.html", context, status=409 if error else 200)

    def _save(self, request: HttpRequest, row: NoiseFilter | None, data: dict[str, Any]) -> NoiseFilter:
        asked = {name: data[name] for name in ("pattern", "kind", "target", "reason")}
        actor = actor_of(request)
        return noise.change(row, **asked, actor=actor) if row else noise.add(**asked, actor=actor)


# --- a target's own choices ------------------------------------------------------------------------------------------


class LogSettingsForm(ModelForm):
    minimum_severity = forms.TypedChoiceField(
        coerce=int, choices=LogSeverity.choices, help_text="What is less than this is hidden, and counted."
    )
    always_mask = forms.MultipleChoiceField(choices=CHOICES, required=False, label="Mask values nevertheless in")
    never_mask = forms.MultipleChoiceField(choices=CHOICES, required=False, label="Keep values nevertheless in")

    class Meta:
        model = LogSettings
        fields = ["target", "minimum_severity", "keep_values", "always_mask", "never_mask"]


@admin.register(LogSettings)
class LogSettingsAdmin(TovgovAdmin):
    form = LogSettingsForm
    list_display = ("target", "minimum", "masking")
    list_select_related = ("target",)
    empty_note = "Every target shows what is at least high, and values are masked by class."

    @admin.display(description="shows from", ordering="minimum_severity")
    def minimum(self, obj: LogSettings) -> SafeString:
        return badge(TONES[obj.minimum_severity], obj.get_minimum_severity_display())

    @admin.display(description="values")
    def masking(self, obj: LogSettings) -> str:
        return "kept" if obj.keep_values else "masked by class"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(noise.PERMISSION))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(noise.PERMISSION))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("target",) if obj else ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        data = form.cleaned_data
        names = ("minimum_severity", "keep_values", "always_mask", "never_mask")
        saved = noise.change_settings(obj.target, actor=actor_of(request), **{name: data[name] for name in names})
        obj.pk = saved.pk
