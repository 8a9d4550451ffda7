"""Action items in the admin: what is owed, by whom, until when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit import action_items
from audit.actors import Actor
from audit.admin.acts import Act, Done, Reason
from audit.admin.base import RecordAdmin
from audit.admin.incidents import IncidentAdmin
from audit.admin.versioned import VersionedMixin
from audit.lists.action_items import ACTIONS, MINE, NOBODY, ORDER, SEARCHED
from audit.lists.listing import Filter
from audit.models import LIST_FORMATS, ActionItem, ActionReminder, ActionState, Incident, Priority
from audit.templatetags.tovgov import badge

TONES = {"open": "warn", "in progress": "info", "done": "good", "dropped": "quiet"}
PRIORITY_TONES = {Priority.URGENT: "bad", Priority.HIGH: "warn", Priority.NORMAL: "info", Priority.LOW: "quiet"}
CHOSEN = 500
"""So many of the newest incidents can be chosen in the form."""


# --- what is asked ----------------------------------------------------------------------------------------------------


class IncidentChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    """The newest incidents; one that is older stays what it is."""

    def __init__(self, **options: Any) -> None:
        super().__init__(Incident.objects.all(), required=False, empty_label="None", **options)
        self.choices = self._newest

    def _newest(self) -> Iterator[tuple[Any, str]]:
        yield "", "None"
        for row in Incident.objects.order_by("-number")[:CHOSEN]:
            yield row.pk, str(row)


class ActionForm(forms.Form):
    title = forms.CharField(max_length=255, label="What is to be done?")
    detail = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 4}), max_length=20_000)
    owner = forms.ModelChoiceField(
        User.objects.none(), required=False, empty_label="Nobody yet",
        help_text="Is reminded by mail when it is due soon and when it is overdue.",
    )  # fmt: skip
    due_on = forms.DateField(
        required=False, label="Due", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="It is overdue when this day has passed.",
    )  # fmt: skip
    priority = forms.TypedChoiceField(coerce=int, choices=Priority.choices, initial=Priority.NORMAL)
    incident = IncidentChoice()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        now = self.initial.get("owner")
        people = {user.pk for user in action_items.owners()} | ({now.pk} if now is not None else set())
        self.fields["owner"].queryset = User.objects.filter(pk__in=people).order_by("username")  # type: ignore[attr-defined]


# --- acts -------------------------------------------------------------------------------------------------------------


class StartAction(Act):
    slug = "start"
    label = "Start"
    permission = action_items.KEEP

    def applies(self, obj: ActionItem) -> bool:
        return obj.state == ActionState.OPEN

    def consequences(self, obj: ActionItem) -> list[str]:
        return ["It is in progress."] + ([] if obj.owner_id else ["It is yours: nobody owns it yet."])

    def perform(self, obj: ActionItem, *, actor: Actor, data: dict[str, Any]) -> Done:
        action_items.start(obj, actor=actor)
        return Done(f"In progress: {obj}")


class FinishAction(Act):
    slug = "finish"
    label = "Done"
    permission = action_items.KEEP
    tone = "primary"
    reason = Reason.WELCOME
    reason_label = "What was done?"

    def applies(self, obj: ActionItem) -> bool:
        return obj.is_owed

    def consequences(self, obj: ActionItem) -> list[str]:
        return ["It is done, with your name. Nobody is reminded of it any more."]

    def perform(self, obj: ActionItem, *, actor: Actor, data: dict[str, Any]) -> Done:
        action_items.finish(obj, actor=actor, note=data.get("reason", ""))
        return Done(f"Done: {obj}")


class DropAction(Act):
    slug = "drop"
    label = "Drop"
    permission = action_items.KEEP
    reason = Reason.NEEDED
    reason_label = "Why will it not be done?"

    def applies(self, obj: ActionItem) -> bool:
        return obj.is_owed

    def consequences(self, obj: ActionItem) -> list[str]:
        return ["It will not be done. It stays on record, with your name and your reason."]

    def perform(self, obj: ActionItem, *, actor: Actor, data: dict[str, Any]) -> Done:
        action_items.drop(obj, actor=actor, reason=data["reason"])
        return Done(f"Dropped: {obj}")


class ReopenAction(Act):
    slug = "reopen"
    label = "Reopen"
    permission = action_items.KEEP
    reason = Reason.NEEDED

    def applies(self, obj: ActionItem) -> bool:
        return not obj.is_owed

    def consequences(self, obj: ActionItem) -> list[str]:
        return ["It is owed again. What was noted at its end stays in the ledger."]

    def perform(self, obj: ActionItem, *, actor: Actor, data: dict[str, Any]) -> Done:
        action_items.reopen(obj, actor=actor, reason=data["reason"])
        return Done(f"Open again: {obj}")


# --- lists ------------------------------------------------------------------------------------------------------------


class Asked(admin.SimpleListFilter):
    """A question of the list, answered as its export answers it."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return self._question.choices()

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = _answer(request, self.parameter_name, self.value())
        if value is None:
            return queryset.filter(self._question.absent or Q())
        try:
            return queryset.filter(self._question.clause(value))
        except ValueError as error:
            messages.error(request, f"{self._question.label}: {error}")
            return queryset.none()

    @property
    def _question(self) -> Filter:
        return next(one for one in ACTIONS.filters if one.name == self.parameter_name)


def _answer(request: HttpRequest, name: str | None, value: str | None) -> str | None:
    """What the list is asked: “mine” is the owner who looks."""
    is_mine = name == "whose" and value == MINE
    return f"={request.user.get_username()}" if is_mine else value


class InState(Asked):
    """What is owed comes first to mind; the rest is history."""

    title = "state"
    parameter_name = "state"

    def choices(self, changelist: Any) -> Iterator[Any]:
        for number, choice in enumerate(super().choices(changelist)):
            yield {**choice, "display": "Owed"} if number == 0 else choice


class Due(Asked):
    title = "due"
    parameter_name = "due"


class Whose(Asked):
    title = "owner"
    parameter_name = "whose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = ActionItem.objects.exclude(owner_name="").values_list("owner_name", flat=True).distinct()
        return [(MINE, "Mine"), (NOBODY, "Nobody’s"), *((f"={name}", name) for name in sorted(names)[:100])]


class OfPriority(Asked):
    title = "priority"
    parameter_name = "priority"


class OfTarget(Asked):
    title = "target"
    parameter_name = "target"


def state_word(row: ActionItem) -> SafeString:
    """Its state; overdue when it is."""
    if row.is_overdue:
        return badge("bad", "Overdue")
    return badge(TONES[row.state], row.get_state_display())


@admin.register(ActionItem)
class ActionItemAdmin(VersionedMixin, RecordAdmin):
    keep = action_items.KEEP
    form_of = ActionForm
    what = "an action item"
    acts = [StartAction(), FinishAction(), DropAction(), ReopenAction()]
    record_template = "tovgov/action_item.html"
    list_display = ("title", "state_badge", "due", "owner_word", "priority_word", "of_incident")
    list_filter = (InState, Due, Whose, OfPriority, OfTarget)
    list_select_related = ("incident", "owner")
    search_fields = SEARCHED
    search_help_text = "Title, detail, owner, incident or what was noted at its end."
    empty_note = "Nothing is owed. Add what must not be forgotten, here or on an incident’s page."

    def get_ordering(self, request: HttpRequest) -> Any:
        return ORDER

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """With what an export of the list as it is filtered now would ask."""
        asked = {name: _answer(request, name, str(value)) for name, value in request.GET.items()}
        may = request.user.has_perm(ACTIONS.export_permission)
        formats = [(one.value, str(one.label)) for one in LIST_FORMATS] if may else []
        more = {"export_page": ACTIONS.page, "export_query": ACTIONS.read(asked).query, "export_formats": formats}
        return super().changelist_view(request, more | (extra_context or {}))

    @admin.display(description="state", ordering="state")
    def state_badge(self, obj: ActionItem) -> SafeString:
        return state_word(obj)

    @admin.display(description="due", ordering="due_on")
    def due(self, obj: ActionItem) -> SafeString | str:
        return format_html('<span class="nowrap">{}</span>', obj.due_on) if obj.due_on else "no day"

    @admin.display(description="owner", ordering="owner_name")
    def owner_word(self, obj: ActionItem) -> str:
        return obj.owner_name or "nobody"

    @admin.display(description="priority", ordering="priority")
    def priority_word(self, obj: ActionItem) -> SafeString:
        return badge(PRIORITY_TONES[Priority(obj.priority)], obj.get_priority_display())

    @admin.display(description="incident", ordering="incident")
    def of_incident(self, obj: ActionItem) -> str:
        return obj.incident.code if obj.incident else "–"

    def record(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        last = ActionReminder.objects.filter(owner=obj.owner_id).first() if obj.owner_id else None
        no_mail = obj.is_owed and obj.owner is not None and not obj.owner.email
        return {
            "item": obj, "state": state_word(obj), "priority": self.priority_word(obj), "reminder": last,
            "no_mail": no_mail, "banner": obj.incident.target if obj.incident else None,
        }  # fmt: skip

    # --- the form -----------------------------------------------------------------------------------------------------

    def may_edit(self, row: ActionItem) -> bool:
        return row.is_owed

    def facts(self, row: ActionItem) -> dict[str, Any]:
        return {name: getattr(row, name) for name in ("title", "detail", "owner", "due_on", "priority", "incident")}

    def add(self, *, actor: Actor, data: dict[str, Any]) -> ActionItem:
        return action_items.add(actor=actor, **data | {"priority": Priority(data["priority"])})

    def change(self, row: ActionItem, *, version: int, actor: Actor, data: dict[str, Any]) -> None:
        action_items.change(row, version=version, actor=actor, **data)


# --- on the incident's page -------------------------------------------------------------------------------------------


def section(incident: Incident, user: User) -> dict[str, Any]:
    """What is owed after it, what was done, and the way to add more."""
    rows = incident.action_items.order_by(*ORDER)
    listed = [{"row": row, "state": state_word(row)} for row in owed_first(rows)]
    url = f"{reverse('admin:audit_actionitem_add')}?incident={incident.pk}"
    return {"items": listed, "add": url if user.has_perm(action_items.KEEP) else "", "incident": incident}


def owed_first(rows: QuerySet[ActionItem]) -> list[ActionItem]:
    """As they are, but what is finished at the end."""
    return sorted(rows, key=lambda row: not row.is_owed)


IncidentAdmin.sections.append(("tovgov/incident_action_items.html", section))
