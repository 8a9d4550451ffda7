"""Schedules and retention: what is made by itself, and what goes by itself. Saved by their verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.timezone import now

from audit.actors import Actor
from audit.admin.acts import Act, Done, Reason
from audit.admin.base import TovgovAdmin, actor_of
from audit.exceptions import TovgovError
from audit.models import Target
from audit.templatetags import format as words
from audit.templatetags.tovgov import age, badge, environment_badge
from backups import cron, retention, schedules
from backups.models import RetentionPolicy, Schedule

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Any]
else:
    ModelForm = forms.ModelForm

NEXT = 5
"""So many runs are shown beforehand."""


def zones() -> list[tuple[str, str]]:
    """Every time zone; UTC first."""
    return [("UTC", "UTC"), *((name, name) for name in sorted(available_timezones() - {"UTC"}))]


# --- schedules -----------------------------------------------------------------------------------------------------


class ScheduleForm(ModelForm):
    """Plain words or a cron line."""

    when = forms.ChoiceField(
        choices=[
            *((line, name.capitalize()) for name, line in cron.PRESETS.items()),
            ("", "As the cron line says"),
        ],
        required=False,
        initial=cron.PRESETS["every 6 hours"],
    )
    cron = forms.CharField(
        label="Cron line", required=False, max_length=100, help_text="minute hour day month weekday; 0 */6 * * *"
    )
    timezone = forms.ChoiceField(label="On the clocks of", choices=zones, initial="UTC")

    class Meta:
        model = Schedule
        fields = ("target", "when", "cron", "timezone", "prove", "is_enabled", "destinations")
        labels = {"prove": "Prove each one", "is_enabled": "On"}
        widgets = {"destinations": forms.CheckboxSelectMultiple}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        target = self.fields.get("target")  # there is none for who may only look
        if target is not None:
            target.queryset = Target.objects.filter(is_active=True)  # type: ignore[attr-defined]
            target.disabled = bool(self.instance.pk)
        if self.instance.pk:
            known = self.instance.cron in cron.PRESETS.values()
            self.initial["when"] = self.instance.cron if known else ""

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        try:
            data["cron"] = cron.parse(data.get("when") or data.get("cron") or "")
            cron.next_run(data["cron"], data.get("timezone", "UTC"), now())
        except TovgovError as error:
            self.add_error("cron", f"{error.message} {error.hint}")
        return data


class Turn(Act):
    """On or off; nothing is lost by it."""

    permission = "backups.change_schedule"
    on: bool

    def applies(self, obj: Schedule) -> bool:
        return obj.is_enabled is not self.on

    def perform(self, obj: Schedule, *, actor: Actor, data: dict[str, Any]) -> Done:
        schedules.change(obj, actor=actor, reason=data["reason"], is_enabled=self.on)
        return Done(f"{obj}: {'on' if self.on else 'off'}.")


class TurnOn(Turn):
    slug, label, on = "on", "Turn on", True
    reason = Reason.WELCOME

    def consequences(self, obj: Schedule) -> list[str]:
        return [f"The next backup is made {words.ago(cron.next_run(obj.cron, obj.timezone, now()))}."]


class TurnOff(Turn):
    slug, label, on, tone = "off", "Turn off", False, "danger"
    reason = Reason.NEEDED

    def consequences(self, obj: Schedule) -> list[str]:
        return [
            f"{obj.target} is no longer backed up by this schedule. The backups that there are stay.",
            "No alarm is raised for backups that nobody is waiting for.",
        ]


@admin.register(Schedule)
class ScheduleAdmin(TovgovAdmin):
    form = ScheduleForm
    acts = [TurnOn(), TurnOff()]
    change_form_template = "tovgov/schedule.html"
    list_display = ("target", "environment", "line", "enabled", "next_run", "last_run", "prove")
    list_filter = ("is_enabled", "target__environment")
    search_fields = ("target__name", "cron")
    search_help_text = "Target or cron line."
    list_select_related = ("target",)
    fields = ("target", "when", "cron", "timezone", "prove", "destinations", "is_enabled")
    empty_note = "Nothing is backed up by itself yet. Every 6 hours, each one proved, is a good start."

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may only look sees the line; the choice of presets is for who may set it."""
        may = self.has_change_permission(request, obj) if obj else True
        return self.fields if may else ("target", "cron", "timezone", "prove", "destinations", "is_enabled")

    @admin.display(description="environment", ordering="target__environment")
    def environment(self, obj: Schedule) -> SafeString:
        return environment_badge(obj.target.environment)

    @admin.display(description="when", ordering="cron")
    def line(self, obj: Schedule) -> str:
        return in_words(obj)

    @admin.display(description="state", ordering="is_enabled")
    def enabled(self, obj: Schedule) -> SafeString:
        return badge("good", "On") if obj.is_enabled else badge("quiet", "Off")

    @admin.display(description="next run", ordering="next_run_at")
    def next_run(self, obj: Schedule) -> SafeString | str:
        return age(obj.next_run_at) if obj.is_enabled else words.NOTHING

    @admin.display(description="last run", ordering="last_run_at")
    def last_run(self, obj: Schedule) -> SafeString | str:
        return age(obj.last_run_at)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        schedule = self.get_object(request, object_id)
        runs = schedules.next_runs(schedule, NEXT) if isinstance(schedule, Schedule) else []
        return super().change_view(request, object_id, form_url, {"runs": runs, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        data = form.cleaned_data
        facts = {name: data[name] for name in ("cron", "timezone", "prove", "is_enabled")}
        schedules.change(obj, actor=actor_of(request), destinations=list(data["destinations"]), **facts)


def in_words(schedule: Schedule) -> str:
    """The preset's name where there is one, else the cron line."""
    name = next((name for name, line in cron.PRESETS.items() if line == schedule.cron), schedule.cron)
    return f"{name.capitalize()}{'' if schedule.timezone == 'UTC' else ' (' + schedule.timezone + ')'}"


# --- retention -----------------------------------------------------------------------------------------------------


class RetentionForm(ModelForm):
    timezone = forms.ChoiceField(label="On the clocks of", choices=zones, initial="UTC")

    class Meta:
        model = RetentionPolicy
        fields = ("target", *(name for name in retention.RULES), "is_enabled")
        labels = {
            "keep_last": "Keep the last", "keep_daily": "One a day, for days", "keep_weekly": "One a week, for weeks",
            "keep_monthly": "One a month, for months", "keep_yearly": "One a year, for years",
            "max_age_days": "At most this old, in days", "max_bytes": "At most this many bytes", "is_enabled": "On",
        }  # fmt: skip

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "target" in self.fields:
            self.fields["target"].disabled = bool(self.instance.pk)


class Apply(Act):
    """Let go what no rule keeps."""

    slug = "apply"
    label = "Apply now"
    permission = "backups.apply_retention"
    tone = "danger"

    def applies(self, obj: RetentionPolicy) -> bool:
        return obj.is_enabled

    def consequences(self, obj: RetentionPolicy) -> list[str]:
        going = [decision for decision in retention.plan(obj.target) if not decision.keep]
        if not going:
            return ["No backup goes: some rule keeps each of them."]
        named = [f"{decision.backup} goes: {decision.why}" for decision in going[:50]]
        more = [f"And {len(going) - 50} more."] if len(going) > 50 else []
        return [f"{len(going)} of {obj.target}’s backups are removed from every destination, for good.", *named, *more]

    def perform(self, obj: RetentionPolicy, *, actor: Actor, data: dict[str, Any]) -> Done:
        removals = retention.apply(obj.target, actor=actor)
        done = sum(1 for removal in removals if removal.is_done)
        left = f" {len(removals) - done} stay until their destination answers." if done < len(removals) else ""
        return Done(f"{obj.target}: {done} backup{'' if done == 1 else 's'} removed.{left}")


@admin.register(RetentionPolicy)
class RetentionPolicyAdmin(TovgovAdmin):
    form = RetentionForm
    acts = [Apply()]
    change_form_template = "tovgov/retention.html"
    list_display = ("target", "environment", "rules", "bounds", "enabled", "applied")
    list_filter = ("is_enabled", "target__environment")
    search_fields = ("target__name",)
    search_help_text = "Target."
    list_select_related = ("target",)
    empty_note = "Without a policy every backup is kept for ever."

    @admin.display(description="environment", ordering="target__environment")
    def environment(self, obj: RetentionPolicy) -> SafeString:
        return environment_badge(obj.target.environment)

    @admin.display(description="keeps")
    def rules(self, obj: RetentionPolicy) -> str:
        return keeps(obj)

    @admin.display(description="limits")
    def bounds(self, obj: RetentionPolicy) -> str:
        return limits(obj)

    @admin.display(description="state", ordering="is_enabled")
    def enabled(self, obj: RetentionPolicy) -> SafeString:
        return badge("good", "On") if obj.is_enabled else badge("quiet", "Off")

    @admin.display(description="last applied", ordering="applied_at")
    def applied(self, obj: RetentionPolicy) -> SafeString | str:
        return age(obj.applied_at)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        policy = self.get_object(request, object_id)
        plan = None
        if isinstance(policy, RetentionPolicy) and policy.is_enabled:
            plan = retention.plan(policy.target)
        facts = {"plan": plan, "going": [decision for decision in plan or [] if not decision.keep]}
        return super().change_view(request, object_id, form_url, {**facts, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        data = form.cleaned_data
        rules = {name: data[name] for name in retention.RULES}
        saved = retention.set_policy(obj.target, actor=actor_of(request), is_enabled=data["is_enabled"], **rules)
        obj.pk = saved.pk


def keeps(policy: RetentionPolicy) -> str:
    """The policy in words: "the last 7, 7 daily, 4 weekly, 12 monthly"."""
    spans = [("daily", policy.keep_daily), ("weekly", policy.keep_weekly), ("monthly", policy.keep_monthly)]
    spans.append(("yearly", policy.keep_yearly))
    return ", ".join([f"the last {policy.keep_last}", *(f"{number} {name}" for name, number in spans if number)])


def limits(policy: RetentionPolicy) -> str:
    """Its limits in words, or a dash."""
    found = []
    if policy.max_age_days:
        found.append(f"{policy.max_age_days} days")
    if policy.max_bytes:
        found.append(words.size(policy.max_bytes))
    return ", ".join(found) or words.NOTHING
