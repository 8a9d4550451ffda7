"""Anomaly rules of each target, tried on the past before they are kept; and what they found."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.admin.base import RecordAdmin, actor_of, explain
from audit.anomalies import configure
from audit.anomalies.dry_run import DAYS, MOST_DAYS, PAGE_SECONDS, TRY, DryRun, dry_run
from audit.anomalies.rule import Rule
from audit.anomalies.rules import RULES
from audit.anomalies.run import LEFT, title
from audit.anomalies.setting import Setting
from audit.exceptions import NotPermitted, TovgovError
from audit.models import AnomalyFiring, AnomalySettings, Severity, Target
from audit.templatetags.tovgov import age, badge, page_of, state_badge

SHOWN = 50


class RuleForm(forms.Form):
    """A rule's switches and its thresholds, one field each."""

    def __init__(self, row: AnomalySettings, data: Any = None) -> None:
        super().__init__(data, auto_id="rule_%s")
        self.row, self.rule = row, RULES[row.rule]
        now = configure.facts(row)
        self.fields["is_active"] = forms.BooleanField(label="On", required=False, initial=now["is_active"])
        self.fields["severity"] = forms.ChoiceField(choices=Severity.choices, initial=now["severity"])
        self.fields["opens_incident"] = forms.BooleanField(
            label="Opens an incident",
            required=False,
            initial=now["opens_incident"],
            help_text="What the rules find on this target joins the incident that is open.",
        )
        for setting in self.rule.settings:
            self.fields[setting.name] = _field(setting, now[setting.name])
        self.fields["days"] = forms.IntegerField(
            label="Try it on the last days", min_value=1, max_value=MOST_DAYS, initial=DAYS
        )

    @property
    def thresholds(self) -> dict[str, Any]:
        return {setting.name: self.cleaned_data[setting.name] for setting in self.rule.settings}


def _field(setting: Setting, value: Any) -> forms.Field:
    words: dict[str, Any] = {"label": setting.label, "help_text": setting.help, "initial": value}
    if isinstance(setting.default, bool):
        return forms.BooleanField(required=False, **words)
    if isinstance(setting.default, int):
        return forms.IntegerField(min_value=setting.least, max_value=setting.most, **words)
    widget = forms.TimeInput(attrs={"type": "time"}) if setting.form == "clock" else forms.TextInput()
    return forms.CharField(required=bool(setting.form), max_length=1000, widget=widget, **words)


class OfRule(admin.SimpleListFilter):
    """Rules by their names."""

    title = "rule"
    parameter_name = "rule"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(rule.code, rule.label) for rule in RULES.values()]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(rule=self.value()) if self.value() else queryset


@admin.register(AnomalySettings)
class AnomalySettingsAdmin(RecordAdmin):
    record_template = "tovgov/anomaly_rule.html"
    list_display = ("label", "target", "state_word", "severity_word", "thresholds", "looked")
    list_filter = ("target", OfRule, "is_active", "severity")
    search_fields = ("target__name", "rule")
    list_select_related = ("target",)
    list_per_page = 100
    empty_note = "Register a target: it gets every rule, as the rule itself would be."

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).filter(rule__in=RULES)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        for target in Target.objects.filter(is_active=True, anomaly_settings=None):
            configure.ensure(target)
        return super().changelist_view(request, extra_context)

    @admin.display(description="rule", ordering="rule")
    def label(self, obj: AnomalySettings) -> str:
        return RULES[obj.rule].label

    @admin.display(description="state", ordering="is_active")
    def state_word(self, obj: AnomalySettings) -> SafeString:
        return badge("good", "On") if obj.is_active else badge("quiet", "Off")

    @admin.display(description="severity", ordering="severity")
    def severity_word(self, obj: AnomalySettings) -> SafeString:
        return state_badge(obj.severity, obj.get_severity_display())

    @admin.display(description="thresholds")
    def thresholds(self, obj: AnomalySettings) -> str:
        now = configure.settings_of(obj)
        told = [(setting.label, now[setting.name]) for setting in RULES[obj.rule].thresholds]
        words = [f"{label}: {_word(value)}" for label, value in told if value not in (False, "")]
        return ", ".join(words) or "none"

    @admin.display(description="last run", ordering="looked_at")
    def looked(self, obj: AnomalySettings) -> SafeString | str:
        left = len(obj.positions.get(LEFT, ()))
        return format_html("{}, {} left", age(obj.looked_at), f"{left:,} days") if left else age(obj.looked_at)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The rule, its form, and what it would have found with the thresholds in it."""
        obj: AnomalySettings | None = self.get_object(request, unquote(object_id))
        if obj is None or obj.rule not in RULES:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined,no-any-return]
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        form = RuleForm(obj, request.POST if request.method == "POST" else None)
        tried: DryRun | None = None
        if request.method == "POST" and form.is_valid():
            try:
                if "save" in request.POST:
                    return self._save(request, obj, form)
                tried = dry_run(
                    obj, form.thresholds, actor=actor_of(request), days=form.cleaned_data["days"], seconds=PAGE_SECONDS
                )
            except NotPermitted as error:
                raise PermissionDenied(error.message) from None
            except TovgovError as error:
                self.message_user(request, explain(error), messages.ERROR)
        return TemplateResponse(request, self.record_template, self._context(request, obj, form, tried))

    def _save(self, request: HttpRequest, obj: AnomalySettings, form: RuleForm) -> HttpResponse:
        switches = {name: form.cleaned_data[name] for name in ("is_active", "severity", "opens_incident")}
        configure.change(obj, actor=actor_of(request), settings=form.thresholds, **switches)
        self.message_user(request, f"Kept: {RULES[obj.rule].label} on {obj.target}.", messages.SUCCESS)
        return HttpResponseRedirect(page_of(obj))

    def _context(
        self, request: HttpRequest, obj: AnomalySettings, form: RuleForm, tried: DryRun | None
    ) -> dict[str, Any]:
        rule = RULES[obj.rule]
        found = AnomalyFiring.objects.filter(target=obj.target, rule=obj.rule).select_related("alert")
        return {
            **self.admin_site.each_context(request),
            "title": f"{rule.label} on {obj.target}",
            "opts": self.opts,
            "original": obj,
            "object_page": True,
            "buttons": [],
            "banner": obj.target,
            "rule": rule,
            "form": form,
            "tried": tried,
            "would": _would(rule, obj.target, tried),
            "found": found[:SHOWN],
            "may_change": request.user.has_perm(configure.CHANGE),
            "may_try": request.user.has_perm(TRY),
        }


def _would(rule: Rule, target: Target, tried: DryRun | None) -> list[dict[str, Any]]:
    """The newest episodes of a dry run, with what each would have said and its first entries."""
    newest = sorted(tried.episodes if tried else [], key=lambda one: one.first_at, reverse=True)
    return [{"episode": one, "says": title(rule, target, one), "evidence": one.evidence[:3]} for one in newest[:SHOWN]]


@admin.register(AnomalyFiring)
class AnomalyFiringAdmin(RecordAdmin):
    record_template = "tovgov/anomaly_firing.html"
    list_display = ("label", "key", "target", "first", "count", "weight", "told")
    list_filter = ("target", OfRule, ("first_at", admin.DateFieldListFilter))
    search_fields = ("key", "target__name")
    list_select_related = ("target", "alert")
    empty_note = "The anomaly rules found nothing yet."

    @admin.display(description="rule", ordering="rule")
    def label(self, obj: AnomalyFiring) -> str:
        return RULES[obj.rule].label if obj.rule in RULES else obj.rule

    @admin.display(description="when", ordering="first_at")
    def first(self, obj: AnomalyFiring) -> SafeString | str:
        return age(obj.first_at)

    @admin.display(description="alert")
    def told(self, obj: AnomalyFiring) -> SafeString:
        if obj.alert is None:
            return badge("quiet", "None")
        return badge("warn", "Open") if obj.alert.is_open else badge("good", "Resolved")

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        settings = AnomalySettings.objects.filter(target=obj.target, rule=obj.rule).first()
        return {"firing": obj, "rule": RULES.get(obj.rule), "settings": settings}


def _word(value: Any) -> str:
    return "yes" if value is True else f"{value:,}" if isinstance(value, int) else str(value)
