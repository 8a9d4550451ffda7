"""Reports by mail: what is sent, when, to whom, and what became of each mail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from audit.actors import Actor
from audit.admin.acts import Act, Done, Reason
from audit.admin.base import TovgovAdmin, actor_of
from audit.exceptions import TovgovError
from audit.models import ReportSchedule
from audit.reports import known, schedules
from audit.reports import scope as scopes
from audit.templatetags.tovgov import age, badge

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Any]
else:
    ModelForm = forms.ModelForm

SHOWN = 30


class ScheduleForm(ModelForm):
    """Addresses one a line; the question as it stands in a permanent link."""

    report = forms.ChoiceField(choices=lambda: [(one.name, one.title) for one in known.every().values()])
    query = forms.CharField(
        required=False,
        label="Targets and filters",
        help_text="What stands behind the ? of the report's permanent link, for example target=3&role=clerk. Its period"
        " is left out: each mail has its own.",
    )
    extra = forms.CharField(
        required=False,
        label="Other addresses",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="One a line, of people who are no users. A manager allows them.",
    )

    class Meta:
        model = ReportSchedule
        fields = ("name", "format", "rhythm", "at", "weekday", "day", "zone", "recipients", "is_active")
        labels = {"is_active": "Is sent", "at": "At", "zone": "Time zone", "day": "Day of the month"}
        widgets = {"at": forms.TimeInput(attrs={"type": "time"}), "recipients": forms.CheckboxSelectMultiple}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        row = self.instance
        self.initial.setdefault("report", row.report)
        self.initial.setdefault("query", row.query)
        self.initial.setdefault("extra", "\n".join(row.addresses))
        if "recipients" in self.fields:
            self.fields["recipients"].queryset = User.objects.filter(is_active=True).exclude(email="")  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        try:
            scopes.zone(data.get("zone", ""))
            scopes.read(known.find(data.get("report", "")), data.get("query", ""))
        except TovgovError as error:
            raise forms.ValidationError(f"{error.message} {error.hint}") from None
        return data


class SendNow(Act):
    slug = "send-now"
    label = "Send now"
    permission = schedules.CHANGE
    in_list = False
    reason = Reason.WELCOME

    def applies(self, obj: ReportSchedule) -> bool:
        return obj.is_active

    def consequences(self, obj: ReportSchedule) -> list[str]:
        zone = scopes.zone(obj.zone)
        start, end = (at.astimezone(zone) for at in schedules.period_now(obj))
        people = [*(user.get_username() for user in obj.recipients.all()), *obj.addresses]
        return [
            f"The report from {start:%Y-%m-%d %H:%M} to before {end:%Y-%m-%d %H:%M} ({zone.key}) is made and mailed to"
            f" {', '.join(people)}, within some minutes. Who may not see it any more gets none.",
            "The next mail comes when it would have come, of the same period as without this one.",
        ]

    def perform(self, obj: ReportSchedule, *, actor: Actor, data: dict[str, Any]) -> Done:
        schedules.send_now(obj, actor=actor, reason=data["reason"])
        return Done(f"{obj} is being made; what becomes of each mail stands below.")


class Remove(Act):
    slug = "remove"
    label = "Remove"
    permission = schedules.REMOVE
    tone = "danger"

    def consequences(self, obj: ReportSchedule) -> list[str]:
        return ["It is not sent any more. What waits is not sent either.", "What was sent stays on record."]

    def perform(self, obj: ReportSchedule, *, actor: Actor, data: dict[str, Any]) -> Done:
        name = str(obj)
        schedules.remove(obj, actor=actor)
        return Done(f"{name} is sent no more.", url=reverse("admin:audit_reportschedule_changelist"))


@admin.register(ReportSchedule)
class ReportScheduleAdmin(TovgovAdmin):
    acts = [SendNow(), Remove()]
    form = ScheduleForm
    change_form_template = "tovgov/report_schedule.html"
    list_display = ("name", "what", "rhythm", "active", "upcoming", "last_note")
    list_filter = ("is_active", "rhythm", "format")
    search_fields = ("name", "report")
    empty_note = "No report is sent by mail. Add one: daily, weekly or monthly, to people who may see it."
    fieldsets = (
        (None, {"fields": ("name", "report", "query", "format", "is_active")}),
        ("When", {"fields": ("rhythm", "at", "zone", "weekday", "day")}),
        ("To whom", {"fields": ("recipients", "extra")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None or self.has_change_permission(request, obj):
            return self.fieldsets
        return ((None, {"fields": ("name", "what", "format", "rhythm", "at", "zone", "recipients", "is_active")}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None or self.has_change_permission(request, obj) else ("what",)

    @admin.display(description="report", ordering="report")
    def what(self, obj: ReportSchedule) -> str:
        found = known.every().get(obj.report)
        return found.title if found else obj.report

    @admin.display(description="state", ordering="is_active")
    def active(self, obj: ReportSchedule) -> SafeString:
        return badge("good", "Is sent") if obj.is_active else badge("quiet", "Off")

    @admin.display(description="next", ordering="next_at")
    def upcoming(self, obj: ReportSchedule) -> SafeString | str:
        return age(obj.next_at) if obj.next_at else "–"

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **options: Any) -> Any:
        obj = options.get("obj")
        if obj is not None:
            context |= {"mails": obj.mails.select_related("export")[:SHOWN]}
        return super().render_change_form(request, context, *args, **options)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        data = form.cleaned_data
        facts = {name: data[name] for name in (*ScheduleForm.Meta.fields, "report", "query") if name != "recipients"}
        facts["addresses"] = data["extra"].split()
        actor, people = actor_of(request), list(data["recipients"])
        if change:
            schedules.change(obj, actor=actor, recipients=people, **facts)
            return
        made = schedules.add(actor=actor, recipients=people, **facts)
        obj.pk, obj._state = made.pk, made._state
        obj.refresh_from_db()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The verb has kept the recipients already."""
